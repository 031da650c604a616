package gather

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// Probe is what one query of a plan found at one source.
type Probe struct {
	Source string
	// Checks are those that the query serves, as rubric/check; none for the
	// queries that count targets, and scrapes.
	Checks  []string
	Scrapes bool // it counts scrapes; services are then those whose targets are measured
	// Births says that the query is about what was born in a slot: it is asked
	// once in a slot, and mostly finds nothing.
	Births    bool
	Expr      string // in effect
	Services  int    // of the catalog, with at least one row
	Unmatched int    // rows that name no service of the catalog
	Samples   int64
	Duration  time.Duration
	// Faults are why the answer, or some rows of it, cannot be used.
	Faults []string
}

// ProbeSources asks every query of a plan once, about one tick, one after the
// other, and tells what each found and cost; those about births, which come
// last, about the newest slot that is final by then. Those whose rows turn out to
// be too many are asked as they will be from then on. Nothing is graded or kept.
func ProbeSources(ctx context.Context, plan *question.Plan, sources []Source, tick time.Time) []Probe {
	var probes []Probe
	for _, source := range sources {
		a := newAsker(source, plan)
		s := question.Instant(tick.Unix())
		byQuery := make([][]*answer, len(a.queries))
		inEffect := make([]*question.Query, len(a.queries))
		for i := range a.queries {
			q := &a.queries[i]
			byQuery[i] = a.send(ctx, q, s, 0)
			if inEffect[i] = a.told.inEffect(q); inEffect[i] != q {
				byQuery[i] = a.send(ctx, inEffect[i], s, 0)
			}
		}
		all := slices.Concat(byQuery...)
		a.explainBounds(ctx, all)
		scrapes := everyOne(a.scrapes)
		measured, found, _ := a.measureAt(ctx, s, scrapes)
		block := a.assemble(all, newborn{}, nil, s)[0]
		a.refuse(block, measured[s.Start])
		for i := range a.queries {
			p := a.probe(inEffect[i], byQuery[i])
			a.noteRows(&p, inEffect[i], block)
			probes = append(probes, p)
		}
		for _, q := range scrapes {
			p := a.probe(q, slices.DeleteFunc(slices.Clone(found), func(ans *answer) bool { return ans.query != q }))
			p.Scrapes = true
			probes = append(probes, p)
		}
		slot := question.Instant(tick.Truncate(slo.SlotLength).Add(-question.FinalAge).Unix())
		for i := range a.births {
			p := a.probe(&a.births[i], a.send(ctx, &a.births[i], slot, 0))
			p.Births = true
			probes = append(probes, p)
		}
	}
	return probes
}

// probe tells what the answers to one query, in pieces or whole, have found.
func (a *asker) probe(q *question.Query, answers []*answer) Probe {
	p := Probe{Source: a.Name, Expr: q.Expr}
	services := map[int32]bool{}
	for _, ans := range answers {
		p.Samples += ans.report.SamplesTotal
		p.Duration += ans.report.Duration
		p.note(ans.fault)
		for _, d := range ans.decoders {
			p.Unmatched = max(p.Unmatched, d.unmatched)
			for _, x := range d.steps[0] {
				if x.service != wholeCell {
					services[x.service] = true
				}
			}
		}
	}
	for _, f := range q.Feeds {
		if f.Question >= 0 {
			check := a.plan.Questions[f.Question].Check
			p.Checks = append(p.Checks, fmt.Sprintf("%s/%s", check.Rubric, check.Name))
		}
	}
	p.Services = len(services)
	return p
}

// noteRows notes what is wrong with rows of the questions that a query feeds.
func (a *asker) noteRows(p *Probe, q *question.Query, block *slo.Block) {
	for _, f := range q.Feeds {
		if f.Question < 0 {
			continue
		}
		for i := range block.Columns[f.Question].Rows {
			p.note(block.Columns[f.Question].Rows[i].Fault)
		}
	}
}

// note takes in a fault, each text once.
func (p *Probe) note(f *slo.Fault) {
	if f != nil && !slices.Contains(p.Faults, f.Detail) {
		p.Faults = append(p.Faults, f.Detail)
	}
}
