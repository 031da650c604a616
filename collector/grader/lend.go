package grader

import (
	"slices"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// lender has gauges be expected in the cells in which what is counted knows the
// service: which those are is in the ledger, a gauge has no past. It keeps memory
// from service to service, as cells may be many.
type lender struct{ known, more, both []slo.CellKey }

// lend lends to the gauges, by place of the SLI, that are entered at a tick. What is
// counted has been entered.
func (g *Grader) lend(gauges []int, at int64, of question.Scope) {
	if len(gauges) == 0 {
		return
	}
	for service := range g.plan.Services {
		if !of.HasService(service) {
			continue
		}
		looked := false
		for _, i := range gauges {
			gauge := g.series[i][service]
			if gauge == nil || !gauge.Borrows(at) {
				continue
			}
			if !looked {
				looked = true
				g.lender.look(g, service, at)
			}
			if len(g.lender.known) > 0 {
				gauge.Lend(at, g.lender.known)
			}
		}
	}
}

// look finds the cells in which anything that is counted is expected.
func (l *lender) look(g *Grader, service int, at int64) {
	l.known = l.known[:0]
	for _, i := range g.counted {
		series := g.series[i][service]
		if series == nil {
			continue
		}
		if l.more = series.AppendExpected(l.more[:0], at); !slices.Equal(l.known, l.more) {
			l.both = union(l.both[:0], l.known, l.more)
			l.known, l.both = l.both, l.known
		}
	}
}

// union appends what is in either of two lists that are in order.
func union(out, a, b []slo.CellKey) []slo.CellKey {
	for len(a) > 0 && len(b) > 0 {
		switch order := a[0].Compare(b[0]); {
		case order < 0:
			out, a = append(out, a[0]), a[1:]
		case order > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
