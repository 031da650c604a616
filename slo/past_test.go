package slo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWindowStartsAtTheFirstRowOnlyWhereTheTimeBeforeItWasAnswered(t *testing.T) {
	const first, slots = int64(1_700_000_400), 24
	row := []Answer{{Cell: CellKey{"eu", "eu"}, Row: true, Counts: Counts{Total: 100}, Up: 1}}
	fine := func(at int64) *Round {
		return &Round{Time: at, Witnesses: map[CellKey]bool{{"eu", "eu"}: true}}
	}
	refused := func(at int64) *Round {
		return &Round{Time: at, Failed: map[string]*Fault{"eu": {Reason: SourceError}}}
	}
	end := first + (slots-1)*slotSeconds
	tests := map[string]struct {
		before   func(s *Series)
		expected int
	}{
		"nothing before was asked":          {func(*Series) {}, slots},
		"what was before was answered":      {func(s *Series) { s.AddSlot(fine(first-slotSeconds), nil) }, slots},
		"what was before was refused":       {func(s *Series) { s.AddSlot(refused(first-slotSeconds), nil) }, slots + 1},
		"all of the day before was refused": {func(s *Series) { refuse(s, refused, first, 288) }, slots + 288},
		"it was answered, and refused further back": {func(s *Series) {
			s.AddSlot(fine(first-slotSeconds), nil)
			refuse(s, refused, first-slotSeconds, 12)
		}, slots},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewSeries(60)
			for slot := first; slot <= end; slot += slotSeconds {
				require.Equal(t, Measured, s.AddSlot(fine(slot), row))
			}
			tc.before(s)
			w := s.Sum(48*time.Hour, end)
			require.Equal(t, tc.expected, w.Expected)
			require.Equal(t, slots, w.Measured)
		})
	}
}

func refuse(s *Series, round func(int64) *Round, before int64, slots int) {
	for i := range int64(slots) {
		s.AddSlot(round(before-(i+1)*slotSeconds), nil)
	}
}
