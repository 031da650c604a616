package gather

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// refuse puts faults in the place of counts that come of too few scrapes, and
// notes who is concerned. Where the targets of a service are scraped too seldom
// for it to have any counts, that is a fault as well.
func (a *asker) refuse(b *slo.Block, p *pace) {
	if p == nil || len(p.slow) == 0 {
		return
	}
	for i := range a.plan.SLIs {
		s := &a.plan.SLIs[i]
		if !a.plan.Questions[s.Questions[0]].OfScrapes() {
			continue
		}
		found := map[[2]int32]bool{} // services that may be refused, and cells that have rows of them
		for _, q := range s.Questions {
			for j := range b.Columns[q].Rows {
				row := &b.Columns[q].Rows[j]
				if !p.concerns(row.Service) {
					continue
				}
				found[[2]int32{row.Service, row.Cell}] = true
				if n, tooFew := p.scrapes(a.plan.Questions[q].Identity, row.Service, b.Cells[row.Cell]); tooFew {
					*row = slo.Row{Service: row.Service, Cell: row.Cell, Fault: tooSeldom(b.Cells[row.Cell], n)}
				}
			}
		}
		for _, q := range s.Questions {
			a.refuseMissing(b, p, q, found)
		}
	}
	b.Slow = a.slowness(b, p)
}

// refuseMissing adds a row with a fault for each service that has targets, all of
// them scraped too seldom, and no row under any identity.
func (a *asker) refuseMissing(b *slo.Block, p *pace, q int, found map[[2]int32]bool) {
	c, identity := &b.Columns[q], a.plan.Questions[q].Identity
	if !c.Asked || c.Fault != nil {
		return
	}
	before := len(c.Rows)
	for _, t := range b.Targets[identity].Rows {
		if t.Up+t.Down == 0 || !p.concerns(t.Service) || found[[2]int32{t.Service, t.Cell}] {
			continue
		}
		if n, tooFew := p.scrapes(identity, t.Service, b.Cells[t.Cell]); tooFew {
			c.Rows = append(c.Rows, slo.Row{Service: t.Service, Cell: t.Cell, Fault: tooSeldom(b.Cells[t.Cell], n)})
		}
	}
	if len(c.Rows) > before {
		slices.SortFunc(c.Rows, func(x, y slo.Row) int {
			return cmp.Or(cmp.Compare(x.Service, y.Service), cmp.Compare(x.Cell, y.Cell))
		})
	}
}

func tooSeldom(cell string, scrapes float64) *slo.Fault {
	return &slo.Fault{Reason: slo.SourceError, Detail: fmt.Sprintf(
		"its targets in %s are scraped %s, and a slot of 5m needs a scrape every %s at least: scrape more often, or check a value over a longer range instead",
		cell, howOften(scrapes), inSeconds(question.SlowestScrape))}
}

// howOften says what was counted; the time between two scrapes follows from it.
func howOften(scrapes float64) string {
	times := fmt.Sprintf("%g times", scrapes)
	if scrapes <= 1 {
		times = "once"
	}
	return fmt.Sprintf("%s in %dm (every %s)", times, int(question.ScrapeTile.Minutes()), inSeconds(question.Between(scrapes)))
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// slowness sums up whom a measurement concerns.
func (a *asker) slowness(b *slo.Block, p *pace) slo.Slowness {
	all := roll{services: map[int32]bool{}, first: paced{service: math.MaxInt32}}
	for service := range p.measured {
		all.note(paced{service: service}, 0, false)
	}
	for key, n := range p.slow {
		all.note(key, n, true)
	}
	for identity := range b.Targets {
		if a.plan.Identities[identity].Presence == "" {
			continue
		}
		for _, t := range b.Targets[identity].Rows {
			key := paced{identity, t.Service, b.Cells[t.Cell]}
			n, tooFew := p.scrapes(identity, t.Service, key.cell)
			all.note(key, n, tooFew)
		}
	}
	s := slo.Slowness{Services: all.slow, Of: len(all.services)}
	if s.Services > 0 {
		s.Detail = fmt.Sprintf("%d of %d services are scraped more seldom than every %s and are not counted, among them %s, whose targets in %s are scraped %s: scrape more often",
			s.Services, s.Of, inSeconds(question.SlowestScrape), a.plan.Services[all.first.service].ID, all.first.cell, howOften(all.scrapes))
	}
	return s
}

// roll is which services were measured.
type roll struct {
	services map[int32]bool // whether they are slow in any cell
	slow     int
	first    paced // of those that are slow, and its scrapes
	scrapes  float64
}

func (r *roll) note(key paced, scrapes float64, slow bool) {
	if key.service == wholeCell {
		return
	}
	before := r.services[key.service]
	r.services[key.service] = before || slow
	if !slow {
		return
	}
	if !before {
		r.slow++
	}
	if key.service < r.first.service || key.service == r.first.service && key.cell < r.first.cell {
		r.first, r.scrapes = key, scrapes
	}
}
