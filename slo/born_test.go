package slo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// enterBorn enters what was counted and born in a slot.
func enterBorn(s *Series, slot int64, bad, total, born float64) Outcome {
	return s.AddSlot(&Round{Time: slot, Witnesses: map[CellKey]bool{modelCell: true}}, []Answer{
		{Cell: modelCell, Row: true, Counts: Counts{bad, total}, Born: born, Up: 1},
	})
}

func TestWhatIsBornCountsAsBadAndIsKeptApart(t *testing.T) {
	s := NewSeries(60)
	const slot int64 = noon
	require.Equal(t, Measured, enterBorn(s, slot, 2, 100, 3))
	for _, length := range []time.Duration{10 * time.Minute, window2h, 7 * day} {
		w := s.Sum(length, slot)
		require.Equal(t, Counts{5, 103}, w.Counts)
		require.InDelta(t, 3, w.Born, 0)
	}
	require.Equal(t, Counts{5, 103}, s.cells[0].week(slot))
	require.Equal(t, Measured, enterBorn(s, slot+slotSeconds, 0, 0, 1), "alone it is all there was")
	require.Equal(t, Counts{6, 104}, s.Sum(window2h, slot+slotSeconds).Counts)
}

func TestALaterAnswerIsComparedWithoutWhatWasBorn(t *testing.T) {
	const slot int64 = noon
	tests := map[string]struct {
		bad, total, born float64
		outcome          Outcome
		counts           Counts
		wantBorn         float64
	}{
		"the same, and births were not asked for": {2, 100, 0, Measured, Counts{1002, 1100}, 1000},
		"more, and births were not asked for":     {2, 101, 0, Measured, Counts{1002, 1101}, 1000},
		"the same, and more was born":             {2, 100, 1001, Measured, Counts{1003, 1101}, 1001},
		"less, and more was born":                 {1, 99, 1005, Shrunk, Counts{1002, 1100}, 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewSeries(60)
			enterBorn(s, slot, 2, 100, 1000)
			require.Equal(t, tt.outcome, enterBorn(s, slot, tt.bad, tt.total, tt.born))
			w := s.Sum(window2h, slot)
			require.Equal(t, tt.counts, w.Counts)
			require.InDelta(t, tt.wantBorn, w.Born, 0)
		})
	}
}

// TestPagesWithoutBirthsAreInTheFormThatOlderProgramsRead: only those that have
// any need the new one.
func TestPagesWithoutBirthsAreInTheFormThatOlderProgramsRead(t *testing.T) {
	l := NewLedger(time.Minute)
	s := l.Series("availability", "default/playlist")
	enterBorn(s, noon-2*daySeconds, 1, 100, 0)
	enterBorn(s, noon, 1, 100, 2)
	schemas := map[string]byte{}
	pages := l.Pages()
	for _, page := range pages {
		schemas[page.Name] = page.Data[0]
	}
	require.Equal(t, map[string]byte{
		headPage().String():                     firstSchema,
		slotsPage(noon).String():                bornSchema,
		hoursPage(noon).String():                bornSchema,
		slotsPage(noon - 2*daySeconds).String(): firstSchema,
		hoursPage(noon - 2*daySeconds).String(): firstSchema,
	}, schemas)

	loaded := NewLedger(time.Minute)
	for _, page := range pages {
		_, err := loaded.Load(page)
		require.NoError(t, err)
	}
	w := loaded.Series("availability", "default/playlist").Sum(7*day, noon)
	require.Equal(t, Counts{4, 202}, w.Counts)
	require.InDelta(t, 2, w.Born, 0)
}

func TestMoreBornThanBadIsNoPage(t *testing.T) {
	l := NewLedger(time.Minute)
	enterBorn(l.Series("availability", "default/playlist"), noon, 1, 100, 2)
	for _, page := range l.Pages() {
		if page.Name != slotsPage(noon).String() {
			continue
		}
		// The last byte of the page is the exponent of what was born.
		data := append([]byte(nil), page.Data...)
		data[len(data)-1] = 0x05
		_, err := l.Load(NewPage(page.PageKey, data))
		require.ErrorContains(t, err, "born of 3 bad cannot be")
	}
}
