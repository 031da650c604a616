package grader

import (
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// heldKey names what a check with an interval of its own was last judged from.
type heldKey struct {
	check   *rubric.Check // as it holds for the service
	service int
}

// factsOf returns what a check is judged from at a tick: what is known as of the
// newest tick at which the check was due. Another check on the same SLI may have
// it asked for more often, which is no business of this one. After a start, until
// it is due, nothing has answered.
func (g *Grader) factsOf(check *rubric.Check, s *question.SLI, series *slo.Series, service int, tick int64) slo.Facts {
	at := g.plan.AsOf(check, tick)
	known := func() slo.Facts {
		return series.Facts(at, scorecard.Grace(check, g.plan.Interval), scorecard.WindowsOf(check))
	}
	if g.plan.Paces(check, s) {
		return known() // nothing has been asked since
	}
	key := heldKey{check, service}
	if held, ok := g.held[key]; ok && held.Time == at {
		return held
	}
	f := known()
	if at == tick {
		g.held[key] = f
	}
	return f
}
