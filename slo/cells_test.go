package slo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func pod(i int) CellKey { return CellKey{"lying", fmt.Sprintf("pod-%06d", i)} }

func TestCellsThatCameAndWentAreForgotten(t *testing.T) {
	s := NewSeries(60)
	at := int64(noon)
	for i := range 10 * 24 * 4 { // ten days, a new pod each quarter of an hour
		at += 900
		target := CellKey{"lying", fmt.Sprintf("without-rows-%06d", i)}
		tick(s, at, nil, has(cellA, 0, 10), has(pod(i), 0, 1), Answer{Cell: target, Up: 1})
	}
	const hourly = 4 // cells are forgotten once an hour
	assert.LessOrEqual(t, len(s.cells), 1+7*24*4+24*4+3*hourly, "a week of those with data, a day of the others")
	assert.GreaterOrEqual(t, len(s.cells), 1+7*24*4+24*4)
	identity, known := s.Identity(cellA)
	assert.True(t, known)
	assert.Zero(t, identity)
	_, known = s.Identity(pod(0))
	assert.False(t, known)
	assert.InDelta(t, 10*24*4*11, s.Sum(14*day, at).Counts.Total, 1e-6, "what they counted stays")
}

func TestACellThatTheCatalogNamesIsNotForgotten(t *testing.T) {
	s := NewSeries(60)
	s.Declared = []string{"a", "b"}
	tick(s, noon, nil, has(cellA, 0, 1), has(cellB, 0, 1))
	at := int64(noon) + 20*daySeconds
	tick(s, at, nil, has(cellA, 0, 1))
	assert.Len(t, s.cells, 2)
}

func TestACellThatABackfillHasMetIsKeptForAWeek(t *testing.T) {
	s := NewSeries(60)
	tick(s, noon, nil, has(cellA, 0, 1))
	s.AddSlot(&Round{Time: noon - 20*daySeconds}, []Answer{has(cellB, 0, 1)})
	tick(s, noon+daySeconds, nil, has(cellA, 0, 1))
	assert.Len(t, s.cells, 2, "older slots are still being filled")
	tick(s, noon+8*daySeconds, nil, has(cellA, 0, 1))
	assert.Len(t, s.cells, 1)
}

func TestASourceWithTooManyCellsIsAFaultAndNotAThousandMore(t *testing.T) {
	s := NewSeries(60)
	answers := []Answer{has(cellA, 0, 1), has(CellKey{"z", "z"}, 0, 1)}
	for i := range mostCells {
		answers = append(answers, has(pod(i), 0, 1))
	}
	require.Equal(t, Measured, tick(s, noon, nil, answers...))
	require.Len(t, s.cells, mostCells+2)
	for i := range 3 * mostCells {
		answers = append(answers, has(pod(mostCells+i), 0, 1))
	}
	require.Equal(t, Gap, tick(s, noon+300, nil, answers...))
	require.Len(t, s.cells, mostCells+2)
	f := s.Facts(noon+300, grace, nil)
	for _, c := range f.Cells {
		if c.Key.Source != "lying" {
			assert.Nil(t, c.Fault, "the other sources are as they were")
			continue
		}
		require.NotNil(t, c.Fault)
		assert.Equal(t, Partial, c.Fault.Reason)
		assert.Contains(t, c.Fault.Detail, "more than 1,000 cells")
	}
	require.Equal(t, Measured, tick(s, noon+600, nil, answers[:mostCells+2]...), "it names fewer again")
}

func BenchmarkAddTickOfManyCells(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := NewSeries(60)
			var answers []Answer
			for i := range n {
				answers = append(answers, has(pod(i), 0, 1))
			}
			at := int64(noon)
			b.ReportAllocs()
			for b.Loop() {
				at += 60
				s.AddTick(&Round{Time: at}, answers)
			}
		})
	}
}

// TestACellWeighsWhatItCountedWhileOthersWereAway has cell A, with most of the
// events, fall silent: what B counts in the gaps weighs all the same.
func TestACellWeighsWhatItCountedWhileOthersWereAway(t *testing.T) {
	s, at := seasoned() // A counted 24 × 75, B 24 × 25
	for range 48 {
		require.Equal(t, Gap, tick(s, at, map[string]*Fault{"a": {Reason: SourceError}}, has(cellB, 0, 25)))
		at += 300
	}
	f := s.Facts(at-300, grace, nil)
	require.InDelta(t, 24*75.0/(24*75+72*25), f.Cells[0].Weight, 1e-9)
	require.Equal(t, Measured, tick(s, at, map[string]*Fault{"a": {Reason: SourceError}}, has(cellB, 0, 25)), "half of the weight is enough by now")
}

// TestASlotIsWeighedByWhatCameBeforeIt has the greater cell fall silent when it
// has but little more than the other. The first slot after that is a gap, and stays
// one when it is asked about again, whatever has been counted since.
func TestASlotIsWeighedByWhatCameBeforeIt(t *testing.T) {
	s, down := NewSeries(60), map[string]*Fault{"a": {Reason: SourceError}}
	at := int64(noon)
	for range 28 {
		at += 300
		tick(s, at, nil, has(cellA, 0, 600), has(cellB, 0, 580))
	}
	ask := func(slot int64) Outcome {
		return s.AddSlot(&Round{Time: slot, Failed: down, Witnesses: scraping(cellA, cellB)}, []Answer{has(cellB, 0, 580)})
	}
	first := at + 300
	require.Equal(t, Gap, tick(s, first, down, has(cellB, 0, 580)))
	require.Equal(t, Measured, tick(s, first+300, down, has(cellB, 0, 580)), "half of what was counted before is the other's")
	require.Equal(t, Gap, ask(first))
	require.Equal(t, Shrunk, ask(first+300), "the first answer stands")
}
