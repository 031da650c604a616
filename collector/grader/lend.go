package grader

import "github.com/apgarhq/apgar/slo"

// lend has a gauge be expected in the cells in which what is counted knows the
// service: which those are is in the ledger, a gauge has no past.
func (g *Grader) lend(service int, gauge *slo.Series, at int64) {
	if !gauge.Borrows(at) {
		return
	}
	for _, i := range g.countedFirst {
		if !g.plan.SLIs[i].Check.Kind.Counted() {
			return // gauges are behind
		}
		if counted := g.series[i][service]; counted != nil {
			for _, key := range counted.Expected(at) {
				gauge.Lend(at, key)
			}
		}
	}
}
