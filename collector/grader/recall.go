package grader

import (
	"maps"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// Forgotten is a tick that is over, and the SLIs whose answers of it checks are yet
// to be judged from.
type Forgotten struct {
	Tick time.Time
	SLIs question.Subject
}

// ForgottenBy returns, in their order, the ticks that graders of one plan do not
// remember enough of to grade another: checks with an interval of their own are
// judged from the newest that was theirs. There are none when they have graded the
// tick before.
func ForgottenBy(graders []*Grader, tick time.Time) []Forgotten {
	ticks := map[int64]map[string]bool{}
	for _, g := range graders {
		g.forgotten(tick.Unix(), ticks)
	}
	var out []Forgotten
	for _, at := range slices.Sorted(maps.Keys(ticks)) {
		out = append(out, Forgotten{time.Unix(at, 0).UTC(), question.Subject{SLIs: slices.Sorted(maps.Keys(ticks[at]))}})
	}
	return out
}

// forgotten adds the hashes of SLIs by tick. An older tick takes the place of what a
// newer one said, so that this one is then asked about again.
func (g *Grader) forgotten(tick int64, ticks map[int64]map[string]bool) {
	lacking := map[int]bool{}
	g.eachBehind(tick, func(b behind) { lacking[b.sli] = lacking[b.sli] || !g.remembers(b) })
	g.eachBehind(tick, func(b behind) {
		if !lacking[b.sli] {
			return
		}
		if ticks[b.at] == nil {
			ticks[b.at] = map[string]bool{}
		}
		ticks[b.at][g.plan.SLIs[b.sli].Hash] = true
	})
}

// Recall enters what the blocks of a tick that is over, in the order of the
// sources, say of a scope, for those checks that are judged from it at a later one and
// have forgotten it. Nothing but the later one may be graded then, once it is entered.
func (g *Grader) Recall(f Forgotten, later time.Time, blocks []*slo.Block, of question.Scope) {
	at := f.Tick.Unix()
	wanted, slis := map[*slo.Series]bool{}, map[int]bool{}
	var checks []behind
	g.eachBehind(later.Unix(), func(b behind) {
		if b.at == at && of.HasSLI(b.sli) && asked(&g.plan.SLIs[b.sli], blocks) && !g.remembers(b) {
			wanted[b.series], slis[b.sli] = true, true
			checks = append(checks, b)
		}
	})
	enter := func(i int) {
		g.enter(i, at, blocks, question.Scope{}, func(series *slo.Series, r *slo.Round, answers []slo.Answer) {
			if wanted[series] {
				series.Recall(r, answers)
			}
		})
	}
	among := func(places []int) []int {
		return slices.DeleteFunc(slices.Clone(places), func(i int) bool { return !slis[i] })
	}
	for _, i := range among(g.counted) {
		enter(i)
	}
	gauges := among(g.gauges)
	g.lend(gauges, at, question.Scope{})
	for _, i := range gauges {
		enter(i)
	}
	for _, b := range checks {
		g.factsOf(b.check, &g.plan.SLIs[b.sli], b.series, b.service, at) // which holds them
	}
}

// behind is a check on a service that is judged, at some tick, from an earlier one.
type behind struct {
	check        *rubric.Check
	sli, service int // places
	series       *slo.Series
	at           int64 // the earlier tick
}

// eachBehind visits the checks that are not due at a tick.
func (g *Grader) eachBehind(tick int64, visit func(behind)) {
	for i := range g.plan.Graded {
		one := &g.plan.Graded[i]
		for j, check := range one.Rubric.Checks {
			sli := one.SLIs[j]
			if sli < 0 {
				continue
			}
			if at := g.plan.AsOf(check, tick); at < tick {
				visit(behind{check, sli, one.Service, g.series[sli][one.Service], at})
			}
		}
	}
}

// remembers reports whether it is known what a check is to be judged from.
func (g *Grader) remembers(b behind) bool {
	if g.plan.Paces(b.check, &g.plan.SLIs[b.sli]) {
		return b.series.Answered() == b.at
	}
	held, ok := g.held[g.heldKey(b.check, b.service)]
	return ok && held.Time == b.at
}
