package slo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

const noon = 1_700_049_600 // a whole hour

func row(c Counts) []Answer { return []Answer{{Cell: modelCell, Row: true, Counts: c, Up: 1}} }

func TestRingWindowsTileAndEndAtTheTick(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := rapid.SampledFrom([]int64{15, 30, 60, 150, 300}).Draw(t, "interval")
		s := NewSeries(interval)
		gaps := rapid.IntRange(0, 3).Draw(t, "gaps of ten")
		answers := map[int64]Counts{}
		start := int64(noon) + interval*int64(rapid.IntRange(0, 20).Draw(t, "start"))
		at := start - interval
		for i := range rapid.IntRange(1, 400).Draw(t, "ticks") {
			at += interval
			if i%10 < gaps && i > 0 {
				s.AddTick(&Round{Time: at, Failed: map[string]*Fault{"eu": {Reason: SourceError}}}, nil)
				continue
			}
			answers[at] = Counts{float64(i % 3), float64(i + 3)}
			s.AddTick(&Round{Time: at}, row(answers[at]))
		}
		first := (start + 299) / 300 * 300
		for length, n := range map[time.Duration]int64{5 * time.Minute: 1, 30 * time.Minute: 6, time.Hour: 12} {
			want := Window{Length: length, To: at, From: at}
			for k := range n {
				tick := at - 300*k
				if tick <= first-300 {
					continue
				}
				want.From = tick - 300
				want.Expected++
				if c, ok := answers[tick]; ok {
					want.Measured++
					want.Counts.Bad += c.Bad
					want.Counts.Total += c.Total
				}
			}
			if got := s.Sum(length, at); got != want {
				t.Fatalf("%s: %+v, want %+v", length, got, want)
			}
		}
	})
}

func TestATickIsNotRevised(t *testing.T) {
	s := NewSeries(60)
	s.AddTick(&Round{Time: noon}, row(Counts{1, 10}))
	s.AddTick(&Round{Time: noon}, row(Counts{5, 50}))
	assert.Equal(t, Counts{1, 10}, s.Sum(window5m, noon).Counts)
}

func TestSlotWindowsEndAtTheLastBoundary(t *testing.T) {
	s := NewSeries(60)
	for slot := int64(noon); slot <= noon+7200; slot += 300 {
		s.AddSlot(&Round{Time: slot}, row(Counts{0, 1}))
	}
	for _, at := range []int64{noon + 7200, noon + 7201, noon + 7499} {
		w := s.Sum(2*time.Hour, at)
		assert.Equal(t, int64(noon+7200), w.To)
		assert.Equal(t, int64(noon), w.From)
		assert.Equal(t, Counts{0, 24}, w.Counts)
	}
}

func TestAnEmptySeriesHasEmptyWindows(t *testing.T) {
	s := NewSeries(60)
	for _, length := range []time.Duration{window5m, window1h, window2h, 30 * day} {
		w := s.Sum(length, noon+17)
		assert.Zero(t, w.Counts)
		assert.Zero(t, w.Expected)
		assert.False(t, w.Judged(0.8), "a window that expects nothing is not judged")
		assert.Equal(t, w.To, w.From)
	}
}

func TestWindowsAreJudgedFromTheirShareOfMeasuredSlots(t *testing.T) {
	assert.True(t, Window{Expected: 10, Measured: 8}.Judged(0.8), "exactly the share is enough")
	assert.False(t, Window{Expected: 10, Measured: 7}.Judged(0.8))
	assert.True(t, Window{Expected: 30, Measured: 27}.Judged(0.9))
}

func TestALaterAnswerReplacesAnEarlierOneIfItIsCompleteAndNotLess(t *testing.T) {
	us := CellKey{"us", "us"}
	eu := func(c Counts) Answer { return Answer{Cell: modelCell, Row: true, Counts: c, Up: 1} }
	usRow := func(c Counts) Answer { return Answer{Cell: us, Row: true, Counts: c, Up: 1} }
	broken := Answer{Cell: us, Fault: &Fault{Reason: Partial}}
	for _, test := range []struct {
		name    string
		later   []Answer
		outcome Outcome
		want    Counts
	}{
		{"more events replace", []Answer{eu(Counts{1, 11}), usRow(Counts{1, 10})}, Measured, Counts{2, 21}},
		{"the same answer confirms", []Answer{eu(Counts{1, 10}), usRow(Counts{1, 10})}, Measured, Counts{2, 20}},
		{"more bad at the same total replaces", []Answer{eu(Counts{5, 10}), usRow(Counts{1, 10})}, Measured, Counts{6, 20}},
		{"fewer bad at the same total are refused", []Answer{eu(Counts{0, 10}), usRow(Counts{1, 10})}, Shrunk, Counts{2, 20}},
		{"fewer events are refused", []Answer{eu(Counts{1, 9}), usRow(Counts{1, 10})}, Shrunk, Counts{2, 20}},
		{"fewer bad of more events replace", []Answer{eu(Counts{0, 11}), usRow(Counts{0, 10})}, Measured, Counts{0, 21}},
		{"an incomplete answer is refused though it has more", []Answer{eu(Counts{9, 90}), broken}, Shrunk, Counts{2, 20}},
		{"no answer at all leaves the slot", []Answer{{Cell: modelCell, Fault: &Fault{Reason: Partial}}, broken}, Gap, Counts{2, 20}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewSeries(60)
			first := []Answer{eu(Counts{1, 10}), usRow(Counts{1, 10})}
			assert.Equal(t, Measured, s.AddSlot(&Round{Time: noon}, first))
			assert.Equal(t, test.outcome, s.AddSlot(&Round{Time: noon}, test.later))
			assert.Equal(t, test.want, s.Sum(2*time.Hour, noon).Counts)
		})
	}
}

// TestWhatIsRecalledIsWhatWasSaidLastAndChangesNoCounts recalls a tick before the
// newest, and then goes on.
func TestWhatIsRecalledIsWhatWasSaidLastAndChangesNoCounts(t *testing.T) {
	s := NewSeries(60)
	for at := int64(noon - 300); at <= noon+120; at += 60 {
		s.AddTick(&Round{Time: at}, row(Counts{1, 10}))
		if at%300 == 0 {
			s.AddSlot(&Round{Time: at}, row(Counts{1, 10}))
		}
	}
	windows := []time.Duration{window5m, window30m, 6 * time.Hour}
	before := s.Facts(noon+120, time.Minute, windows)
	assert.False(t, s.Facts(noon, time.Minute, nil).Cells[0].Row)

	s.Recall(&Round{Time: noon}, row(Counts{5, 50}))
	assert.Equal(t, int64(noon), s.Answered())
	recalled := s.Facts(noon, time.Minute, windows)
	assert.True(t, recalled.Cells[0].Row)
	assert.Equal(t, Counts{1, 10}, recalled.Windows[0].Counts)
	assert.Equal(t, before.Windows, s.Facts(noon+120, time.Minute, windows).Windows)
	assert.True(t, s.Facts(noon+120, time.Minute, nil).Cells[0].Graced, "it has answered since")

	s.AddTick(&Round{Time: noon + 120}, row(Counts{1, 10}))
	assert.Equal(t, before, s.Facts(noon+120, time.Minute, windows))
	s.AddSlot(&Round{Time: noon}, row(Counts{1, 10}))
	assert.Equal(t, before, s.Facts(noon+120, time.Minute, windows), "slots are as they were")
}
