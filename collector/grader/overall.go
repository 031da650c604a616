package grader

import (
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// graded is what a tick has come to for one service, for its overall
// scorecard.
type graded struct {
	cards   []*scorecard.Scorecard
	rubrics []*rubric.Rubric
	// incomplete says that the judging of a rubric failed, so that there is
	// nothing to weigh the others with.
	incomplete bool
}

func (g *graded) add(card *scorecard.Scorecard, r *rubric.Rubric) {
	g.cards, g.rubrics = append(g.cards, card), append(g.rubrics, r)
}

// overall sums up what was graded of every service, and adds the states to
// those of the tick. The overall scorecard of a service is left out where one
// of its rubrics could not be judged.
func (g *Grader) overall(services []graded, states map[scorecard.Key]*scorecard.State) []*scorecard.Scorecard {
	var cards []*scorecard.Scorecard
	for i := range services {
		s := &services[i]
		key := scorecard.Key{Rubric: scorecard.Overall, Service: g.plan.Services[i].ID}
		if s.incomplete {
			if previous := g.states[key]; previous != nil {
				states[key] = previous
			}
			continue
		}
		card, state := g.overallOne(key, scorecard.OverallInput{Cards: s.cards, Rubrics: s.rubrics, Previous: g.states[key]})
		if card != nil {
			cards = append(cards, card)
		}
		if state != nil {
			states[key] = state
		}
	}
	return cards
}

// overallOne sums up one service. A panic costs it the overall scorecard of this
// tick, nothing else.
func (g *Grader) overallOne(key scorecard.Key, in scorecard.OverallInput) (card *scorecard.Scorecard, state *scorecard.State) {
	defer func() {
		if cause := recover(); cause != nil {
			g.survived(cause, "summing up a service panicked, and there is no overall scorecard of it for this tick", "service", key.Service)
			card, state = nil, in.Previous
		}
	}()
	return scorecard.GradeOverall(in)
}
