package collector

import (
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// provisional are the slots of a replay that are not final yet: what was born in
// them has been told, and is entered when the service would ask about it.
type provisional map[time.Time]gathered

// hold returns what came in about a tick without what was born in its slot,
// unless the slot is final at a time; then it is held for when it is.
func (p provisional) hold(g gathered, at time.Time) gathered {
	if !question.IsBoundary(g.time) || !g.time.After(at.Add(-question.FinalAge)) {
		return g
	}
	p[g.time] = g
	out := g
	out.blocks = make([]*slo.Block, len(g.blocks))
	for i, b := range g.blocks {
		out.blocks[i] = b.WithoutBirths()
	}
	return out
}

// final returns what is known of the slot that is final at a tick. ok is false
// where there is none.
func (p provisional) final(tick time.Time) (g gathered, ok bool) {
	slot := tick.Add(-question.FinalAge)
	g, ok = p[slot]
	delete(p, slot)
	return g, ok
}

// finish enters what was born in the slot that is final at a tick. Where a source
// has not said everything, the slot is one to be asked about again.
func (p *replay) finish(tick time.Time) {
	g, ok := p.recent.final(tick)
	switch {
	case !ok:
	case agenda.LackOf(p.o.Plan, g.blocks).Any():
		p.agenda.NoteHole(g.time, agenda.LackAll(len(g.blocks)))
	default:
		p.slot(g)
	}
}
