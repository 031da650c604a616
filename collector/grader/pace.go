package grader

import (
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// heldKey names what a check with an interval of its own was last judged from,
// whatever the plan.
type heldKey struct {
	check   string // hash, as it holds for the service
	service catalog.ID
}

func (g *Grader) heldKey(check *rubric.Check, service int) heldKey {
	return heldKey{check.Hash, g.plan.Services[service].ID}
}

// GoOnFrom has checks be judged from what another grader has judged them from, until
// they are due. That one must not be used any more.
func (g *Grader) GoOnFrom(before *Grader) {
	for i := range g.plan.Graded {
		one := &g.plan.Graded[i]
		for j, check := range one.Rubric.Checks {
			if one.SLIs[j] < 0 || g.plan.Paces(check, &g.plan.SLIs[one.SLIs[j]]) {
				continue
			}
			key := g.heldKey(check, one.Service)
			if held, ok := before.held[key]; ok {
				g.held[key] = held
			}
		}
	}
}

// factsOf returns what a check is judged from at a tick: what is known as of the
// newest tick at which the check was due. Another check on the same SLI may have
// it asked for more often, which is no business of this one. What was so before the
// first tick that is graded is recalled for it.
func (g *Grader) factsOf(check *rubric.Check, s *question.SLI, series *slo.Series, service int, tick int64) slo.Facts {
	at := g.plan.AsOf(check, tick)
	known := func() slo.Facts {
		return series.Facts(at, scorecard.Grace(check, g.plan.Interval), scorecard.WindowsOf(check))
	}
	if g.plan.Paces(check, s) {
		return known() // nothing has been asked since
	}
	key := g.heldKey(check, service)
	if held, ok := g.held[key]; ok && held.Time == at {
		return held
	}
	f := known()
	if at == tick {
		g.held[key] = f
	}
	return f
}
