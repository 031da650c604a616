package gather

import (
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// tally adds up what each query of a source has cost. One goroutine at a time
// uses it. A nil tally adds nothing up.
type tally map[*question.Query]slo.Cost

func (t tally) add(queries []*question.Query, answers [][]*answer) {
	if t == nil {
		return
	}
	for i, q := range queries {
		t[q] = t[q].Plus(costOf(answers[i]))
	}
}

// Tally begins to add up what each query costs, from nothing. Nothing may be
// asked meanwhile, nor, from then on, more than one thing at once.
func (g *Gatherer) Tally() {
	for _, a := range g.askers {
		a.tally = tally{}
	}
}

// Spent returns what some of the queries have cost since Tally.
func (g *Gatherer) Spent(on func(*question.Query) bool) slo.Cost {
	var sum slo.Cost
	for _, a := range g.askers {
		for q, cost := range a.tally {
			if on(q) {
				sum = sum.Plus(cost)
			}
		}
	}
	return sum
}

// Queries counts, over all sources, some of the queries that there are.
func (g *Gatherer) Queries(which func(*question.Query) bool) int {
	n := 0
	for _, a := range g.askers {
		for i := range a.queries {
			if which(&a.queries[i]) {
				n++
			}
		}
	}
	return n
}
