package collector

import (
	"context"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// HandOver makes the end of Run keep the lease, for the collector that has this
// one as its Predecessor. The lease lasts for a few seconds, in which that one
// should begin.
func (c *Collector) HandOver() { c.handOver.Store(true) }

// inherit goes on from what the predecessor knew, once its Run has ended.
func (c *Collector) inherit(ctx context.Context) {
	p := c.o.Predecessor
	c.o.Predecessor = nil // its ledger is this one's, or nobody's
	if p == nil || !p.started.Load() {
		return
	}
	select {
	case <-p.ended: // even if ctx has ended, for the lease is to be given back
	default:
		select {
		case <-p.ended:
		case <-ctx.Done():
			return
		}
	}
	held := p.keeper.held.Load()
	if p.ready && held == nil {
		return // another may have graded since
	}
	ready := p.ready
	if ready {
		p.states = p.grader.States()
		c.grader.GoOnFrom(p.grader)
	}
	c.memory, c.newest = p.memory, p.newest
	p.memory = newMemory(p.o.Plan.Interval)
	c.convert(p)
	c.keeper.owner = p.keeper.owner // it is the same process
	c.keeper.set(held)
	if ready {
		c.settleIn()
		c.metrics.backlog.Set(float64(len(c.backlog)))
	}
}

// convert makes a memory that was kept for another plan fit.
func (c *Collector) convert(p *Collector) {
	if page := c.agenda.Page(p.sources); page.Data != nil {
		if err := c.agenda.Load(page.Data, c.sources); err != nil {
			c.pageFailed(page, err)
		}
	}
	if p.o.Plan.Interval == c.o.Plan.Interval {
		return
	}
	was := c.ledger
	c.ledger, c.newRing = slo.NewLedger(c.o.Plan.Interval), true
	was.Unsave()
	for _, page := range was.Pages() {
		c.loadPage(page)
	}
	c.unsave()
}

// rejoinPatience is how long the ticks of a collector that goes on wait for
// the newest hour of what is new to it.
const rejoinPatience = 10 * time.Second
