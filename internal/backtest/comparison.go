package backtest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// Change is a rubric that another one is to replace, or that is new.
type Change struct {
	Before *rubric.Rubric // nil: After is new
	After  *rubric.Rubric
}

// Comparison takes in scorecards tick by tick. It is not safe for concurrent
// use.
type Comparison struct {
	changes []Change
	rubrics []*tally
	ticks   []time.Time
}

// NewComparison compares what each change does.
func NewComparison(changes []Change) *Comparison {
	c := &Comparison{changes: changes}
	for _, change := range changes {
		t := &tally{change: change, services: map[catalog.ID]*history{}}
		t.end, t.span = t.nothing(), t.nothing()
		c.rubrics = append(c.rubrics, t)
	}
	return c
}

// Add takes in the scorecards of a tick, later than those before it: as graded
// by the rubrics before the changes, and after them. Those of other rubrics are
// passed over.
func (c *Comparison) Add(tick time.Time, before, after []*scorecard.Scorecard) {
	c.ticks = append(c.ticks, tick)
	for _, t := range c.rubrics {
		t.begin(tick)
		for _, card := range before {
			if t.change.Before != nil && card.Rubric == t.change.Before.Name {
				t.history(card.Service).now[0] = card
			}
		}
		for _, card := range after {
			if card.Rubric == t.change.After.Name {
				t.history(card.Service).now[1] = card
			}
		}
		t.settle(tick)
	}
}

// tally is what has become of one rubric so far.
type tally struct {
	change   Change
	services map[catalog.ID]*history
	timeline []Point
	span     [2]Distribution // of all ticks
	end      [2]Distribution // of the newest one
}

// history is what has become of one service so far.
type history struct {
	service *catalog.Service
	now     [2]*scorecard.Scorecard // before and after; nil: not graded
	ticks   int                     // at which both had a level
	lower   int                     // at which the one after was lower
	first   time.Time               // of those
	last    *loss                   // the newest of those
	scored  [2]int
	sum     [2]float64
}

// loss is the newest tick at which a level was lower.
type loss struct {
	time          time.Time
	before, after string
	blame         []Blame
}

func (t *tally) history(s *catalog.Service) *history {
	h := t.services[s.ID]
	if h == nil {
		h = &history{service: s}
		t.services[s.ID] = h
	}
	return h
}

func (t *tally) begin(tick time.Time) {
	for _, h := range t.services {
		h.now = [2]*scorecard.Scorecard{}
	}
	t.end = t.nothing()
	t.timeline = append(t.timeline, Point{Time: tick})
}

// settle counts what the tick has brought.
func (t *tally) settle(tick time.Time) {
	for _, id := range sortedIDs(t.services) {
		h := t.services[id]
		for i, card := range h.now {
			if card == nil {
				continue
			}
			t.end[i].add(card)
			if card.Score != nil {
				h.scored[i]++
				h.sum[i] += *card.Score
			}
		}
		h.compare(tick)
	}
	p := &t.timeline[len(t.timeline)-1]
	p.Before, p.After = t.end[0].mean(), t.end[1].mean()
	for i := range t.span {
		t.span[i].plus(t.end[i])
	}
}

// compare holds the two levels of the tick against each other. Levels are
// compared by their rank.
func (h *history) compare(tick time.Time) {
	before, after := h.now[0], h.now[1]
	if before == nil || after == nil || before.LevelRank == nil || after.LevelRank == nil {
		return
	}
	h.ticks++
	if *after.LevelRank >= *before.LevelRank {
		return
	}
	if h.lower++; h.lower == 1 {
		h.first = tick
	}
	h.last = &loss{time: tick, before: before.Level, after: after.Level, blame: blame(after)}
}

// blame returns the checks that keep a scorecard from the level above the one
// that it has: those that fail first, then those that weigh most.
func blame(card *scorecard.Scorecard) []Blame {
	var results []*scorecard.Result
	for _, step := range card.NextSteps {
		for i := range card.Results {
			if card.Results[i].Check == step.Check {
				results = append(results, &card.Results[i])
			}
		}
	}
	gravity := []scorecard.Verdict{scorecard.Fail, scorecard.Warn, scorecard.VerdictUnknown}
	slices.SortFunc(results, func(a, b *scorecard.Result) int {
		return cmp.Or(cmp.Compare(slices.Index(gravity, a.Verdict), slices.Index(gravity, b.Verdict)), cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Check, b.Check))
	})
	out := make([]Blame, len(results))
	for i, r := range results {
		out[i] = Blame{Check: r.Check, Verdict: string(r.Verdict), Reason: r.Reason, Message: r.Message}
	}
	return out
}

func sortedIDs(services map[catalog.ID]*history) []catalog.ID {
	return slices.SortedFunc(maps.Keys(services), catalog.ID.Compare)
}
