package slo

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	cellA = CellKey{"a", "a"}
	cellB = CellKey{"b", "b"}
)

const grace = 15 * time.Minute

func has(cell CellKey, bad, total float64) Answer {
	return Answer{Cell: cell, Row: true, Counts: Counts{bad, total}, Up: 1}
}

// scraping is a set of cells that scrape something.
func scraping(cells ...CellKey) map[CellKey]bool {
	set := map[CellKey]bool{}
	for _, c := range cells {
		set[c] = true
	}
	return set
}

// tick enters the answers of a boundary as the collector does: into the ring
// and into the ledger.
func tick(s *Series, at int64, failed map[string]*Fault, answers ...Answer) Outcome {
	r := &Round{Time: at, Failed: failed, Witnesses: scraping(cellA, cellB)}
	s.AddTick(r, answers)
	return s.AddSlot(r, answers)
}

// seasoned returns a series that cells A and B have answered for two hours,
// A with three times the events of B.
func seasoned() (*Series, int64) {
	s := NewSeries(60)
	at := int64(noon)
	for range 24 {
		at += 300
		tick(s, at, nil, has(cellA, 1, 75), has(cellB, 1, 25))
	}
	return s, at + 300
}

func TestFactsOfCells(t *testing.T) {
	down := map[string]*Fault{"b": {Reason: SourceError, Detail: "timeout"}}
	for _, test := range []struct {
		name    string
		failed  map[string]*Fault
		answers []Answer
		outcome Outcome
		sum     Counts
		check   func(t *testing.T, f Facts)
	}{
		{"both answer", nil, []Answer{has(cellA, 1, 75), has(cellB, 1, 25)}, Measured, Counts{2, 100}, func(t *testing.T, f Facts) {
			assert.True(t, f.Cells[0].Answered && f.Cells[1].Answered)
			assert.InDelta(t, 0.75, f.Cells[0].Weight, 1e-9)
			assert.InDelta(t, 0.25, f.Cells[1].Weight, 1e-9)
		}},
		{"the lesser cell fails: still measured, by the other alone", down, []Answer{has(cellA, 1, 75)}, Measured, Counts{1, 75}, func(t *testing.T, f Facts) {
			assert.Equal(t, SourceError, f.Cells[1].Fault.Reason)
			assert.False(t, f.Cells[1].Answered)
			assert.True(t, f.Cells[1].Graced)
		}},
		{"the greater cell fails: a gap", map[string]*Fault{"a": {Reason: SourceError}}, []Answer{has(cellB, 1, 25)}, Gap, Counts{}, func(t *testing.T, f Facts) {
			assert.Equal(t, SourceError, f.Cells[0].Fault.Reason)
		}},
		{"a row with a fault has not answered", nil, []Answer{{Cell: cellA, Row: true, Counts: Counts{9, 9}, Fault: &Fault{Reason: Ambiguous}}, has(cellB, 1, 25)}, Gap, Counts{}, func(t *testing.T, f Facts) {
			assert.False(t, f.Cells[0].Row)
		}},
		{"targets and no row in the greater cell: no answer, no fault, a gap", nil, []Answer{{Cell: cellA, Up: 2}, has(cellB, 1, 25)}, Gap, Counts{}, func(t *testing.T, f Facts) {
			assert.False(t, f.Cells[0].Answered)
			assert.Nil(t, f.Cells[0].Fault)
			assert.Equal(t, 3, f.Up)
		}},
		{"targets and no row in the lesser cell: measured by the other", nil, []Answer{{Cell: cellB, Up: 2}, has(cellA, 1, 75)}, Measured, Counts{1, 75}, func(t *testing.T, f Facts) {
			assert.False(t, f.Cells[1].Answered)
			assert.Nil(t, f.Cells[1].Fault)
		}},
		{"targets and no row beside a fault: a gap", down, []Answer{{Cell: cellA, Up: 2}}, Gap, Counts{}, func(t *testing.T, f Facts) {
			assert.False(t, f.Cells[0].Answered)
		}},
		{"no targets while another has rows: moved away, which is an answer", nil, []Answer{has(cellB, 1, 25)}, Measured, Counts{1, 25}, func(t *testing.T, f Facts) {
			assert.True(t, f.Cells[0].Answered)
			assert.False(t, f.Cells[0].Row)
		}},
		{"no rows and no targets anywhere: a gap", nil, nil, Gap, Counts{}, func(t *testing.T, f Facts) {
			assert.Zero(t, f.Up+f.Down)
			assert.False(t, f.Cells[0].Answered || f.Cells[1].Answered)
		}},
		{"up targets and no rows anywhere: measured, and nothing there", nil, []Answer{{Cell: cellA, Up: 2}, {Cell: cellB, Down: 1}}, Measured, Counts{}, func(t *testing.T, f Facts) {
			assert.Equal(t, 2, f.Up)
			assert.Equal(t, 1, f.Down)
			assert.False(t, f.Cells[0].Answered || f.Cells[1].Answered)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, at := seasoned()
			assert.Equal(t, test.outcome, tick(s, at, test.failed, test.answers...))
			f := s.Facts(at, grace, []time.Duration{window5m})
			require.Len(t, f.Cells, 2)
			assert.Equal(t, test.sum, f.Windows[0].Counts)
			assert.Equal(t, test.outcome == Measured, f.Windows[0].Measured == 1)
			test.check(t, f)
		})
	}
}

func TestACellWithoutAnsweredPresenceHasNotMovedAway(t *testing.T) {
	s, at := seasoned()
	s.AddTick(&Round{Time: at, NoTargets: map[string]bool{"a": true}, Witnesses: scraping(cellA, cellB)}, []Answer{has(cellB, 1, 25)})
	f := s.Facts(at, grace, nil)
	assert.False(t, f.Cells[0].Answered)
	assert.False(t, f.Witnessed)
}

func TestACellThatScrapesNothingAtAllIsNoWitness(t *testing.T) {
	s, at := seasoned()
	r := &Round{Time: at, Witnesses: scraping(cellB)}
	s.AddTick(r, []Answer{has(cellB, 1, 25)})
	f := s.Facts(at, grace, nil)
	assert.False(t, f.Cells[0].Answered, "its scrapers may all be gone, with the service still there")
	assert.Nil(t, f.Cells[0].Fault)
	assert.False(t, f.Witnessed)
	assert.Equal(t, Gap, s.AddSlot(r, []Answer{has(cellB, 1, 25)}), "cells worth a quarter answered")

	s.AddTick(&Round{Time: at + 300, Witnesses: scraping(cellA, cellB)}, []Answer{has(cellB, 1, 25)})
	f = s.Facts(at+300, grace, nil)
	assert.True(t, f.Cells[0].Answered, "it scrapes others: the service moved away")
	assert.True(t, f.Witnessed)
}

func TestWhereNoCellIsExpectedEverySourceMustHaveCountedItsTargets(t *testing.T) {
	for _, test := range []struct {
		name      string
		noTargets map[string]bool
		want      bool
	}{
		{"all did", nil, true},
		{"one did not, and may have targets that are up", map[string]bool{"b": true}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewSeries(60)
			s.AddTick(&Round{Time: noon, NoTargets: test.noTargets, Witnesses: scraping(cellA)}, []Answer{{Cell: cellA, Down: 2}})
			f := s.Facts(noon, grace, nil)
			assert.Equal(t, 2, f.Down)
			assert.Equal(t, test.want, f.Witnessed)
		})
	}
}

func TestTheGraceOfACellIncludesItsEnd(t *testing.T) {
	s, at := seasoned()
	last := at - 300
	for ; at <= last+1200; at += 300 {
		s.AddTick(&Round{Time: at, Failed: map[string]*Fault{"b": {Reason: SourceError}}}, []Answer{has(cellA, 0, 1)})
		assert.Equal(t, at <= last+900, s.Facts(at, grace, nil).Cells[1].Graced, "%d s after its last answer", at-last)
	}
}

func TestACellIsExpectedForSevenDaysAfterItsLastData(t *testing.T) {
	s, at := seasoned()
	last := at - 300
	for _, test := range []struct {
		at    int64
		cells int
	}{{last + 7*daySeconds, 2}, {last + 7*daySeconds + 300, 1}} {
		s.AddTick(&Round{Time: test.at}, []Answer{has(cellA, 0, 1)})
		assert.Len(t, s.Facts(test.at, grace, nil).Cells, test.cells)
	}
}

func TestWithoutMemoryOnlyWhatFailedIsExpected(t *testing.T) {
	s := NewSeries(60)
	s.AddTick(&Round{Time: noon, Failed: map[string]*Fault{"b": {Reason: SourceError}}}, []Answer{{Cell: cellA, Up: 1}})
	f := s.Facts(noon, grace, nil)
	require.Len(t, f.Cells, 1)
	assert.Equal(t, "b", f.Cells[0].Key.Source)

	s = NewSeries(60)
	s.AddTick(&Round{Time: noon}, []Answer{{Cell: cellA, Up: 1}})
	f = s.Facts(noon, grace, nil)
	assert.Empty(t, f.Cells)
	assert.Equal(t, 1, f.Up)
}

func TestTheCatalogSaysWhichCellsCount(t *testing.T) {
	s := NewSeries(60)
	s.Declared = []string{"c", "a", "a"}
	assert.Equal(t, Measured, tick(s, noon, nil, has(cellA, 0, 10), has(cellB, 5, 100)))
	f := s.Facts(noon, grace, []time.Duration{window5m})
	require.Len(t, f.Cells, 2, "the declared ones, each once")
	assert.Equal(t, cellA, f.Cells[0].Key)
	assert.Equal(t, CellKey{"c", "c"}, f.Cells[1].Key)
	assert.False(t, f.Cells[1].Answered)
	assert.Equal(t, Counts{0, 10}, f.Windows[0].Counts, "a cell that is not declared adds nothing")
	assert.Equal(t, 1, f.Up)
}

func TestWeightsAreTheTotalsOfSevenDays(t *testing.T) {
	s := NewSeries(60)
	at := int64(noon)
	for range 10 * 288 {
		at += 300
		b := 10.0
		if at > noon+3*daySeconds { // the first three days are forgotten
			b = 30
		}
		tick(s, at, nil, has(cellA, 0, 10), has(cellB, 0, b))
	}
	f := s.Facts(at, grace, nil)
	assert.InDelta(t, 0.25, f.Cells[0].Weight, 0.005)
	assert.InDelta(t, 1, f.Cells[0].Weight+f.Cells[1].Weight, 1e-12)
	assert.InDelta(t, 7*288*10, f.Cells[0].Week.Total, 120, "the far edge is rounded outward to the hour")
}

func TestTheOrderOfAnswersDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		a, b := NewSeries(60), NewSeries(60)
		at := int64(noon)
		for range rapid.IntRange(1, 40).Draw(t, "slots") {
			at += 300
			var answers []Answer
			for _, name := range []string{"a", "b", "c", "d"} {
				answer := Answer{Cell: CellKey{"s", name}, Up: int32(random.IntN(2))}
				switch random.IntN(4) {
				case 0:
					continue
				case 1:
					answer.Fault = &Fault{Reason: Ambiguous}
				case 2:
					total := random.Float64() * 1000
					answer.Row, answer.Counts = true, Counts{total * random.Float64(), total}
				}
				answers = append(answers, answer)
			}
			if tick(a, at, nil, answers...) != tick(b, at, nil, shuffled(random, answers)...) {
				t.Fatal("the outcomes differ")
			}
		}
		windows := append(Windows(30*day), 30*day)
		if fa, fb := a.Facts(at, grace, windows), b.Facts(at, grace, windows); !assert.ObjectsAreEqual(fa, fb) {
			t.Fatalf("%+v\n%+v", fa, fb)
		}
	})
}

func shuffled(random *rand.Rand, answers []Answer) []Answer {
	out := append([]Answer(nil), answers...)
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestTheFirstAlternativeOfACellStands(t *testing.T) {
	s := NewSeries(60)
	_, known := s.Identity(cellA)
	assert.False(t, known)
	answer := has(cellA, 0, 1)
	answer.Identity = 1
	tick(s, noon, nil, answer)
	answer.Identity = 0
	tick(s, noon+300, nil, answer)
	identity, known := s.Identity(cellA)
	assert.True(t, known)
	assert.Equal(t, 1, identity)
}

func TestALedgerKeepsASeriesForEachNameAndDropsWhatIsNotWanted(t *testing.T) {
	l := NewLedger(time.Minute)
	a := l.Series("sli", "default/a")
	assert.Same(t, a, l.Series("sli", "default/a"))
	assert.NotSame(t, a, l.Series("sli", "default/b"))
	assert.NotSame(t, a, l.Series("other", "default/a"))
	l.Keep(func(sli string) bool { return sli != "sli" })
	assert.NotSame(t, a, l.Series("sli", "default/a"))
}

func TestASlotIsMeasuredWhenCellsWorthHalfAnswered(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b float64 // what each cell counts
		want Outcome
	}{
		{"exactly half", 50, 50, Measured},
		{"a little more than half", 51, 49, Measured},
		{"a little less than half", 49, 51, Gap},
		{"all are 0, so that both weigh the same", 0, 0, Measured},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewSeries(60)
			tick(s, noon, nil, has(cellA, 0, test.a), has(cellB, 0, test.b))
			failed := map[string]*Fault{"b": {Reason: SourceError}}
			assert.Equal(t, test.want, tick(s, noon+300, failed, has(cellA, 0, test.a)))
		})
	}
}
