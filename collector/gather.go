package collector

import (
	"context"
	"sync"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Gatherer asks sources and makes fact blocks. It holds no facts itself.
type Gatherer struct {
	plan    *Plan
	askers  []*asker // in order of source name
	metrics *metrics
}

func newGatherer(plan *Plan, sources []SourceOptions, m *metrics) *Gatherer {
	g := &Gatherer{plan: plan, metrics: m}
	for _, s := range sources {
		g.askers = append(g.askers, newAsker(s, plan))
	}
	return g
}

// Tick asks every source about one tick, each after its delay, and returns
// one block for each source in the order of the plan: nil where a source was
// still busy with an earlier tick, or had not answered when ctx ended.
func (g *Gatherer) Tick(ctx context.Context, tick time.Time) []*slo.Block {
	return g.each(ctx, func(a *asker) *slo.Block {
		if !a.busy.CompareAndSwap(false, true) {
			g.metrics.sourceMissed.WithLabelValues(a.Name).Inc()
			return nil
		}
		defer a.busy.Store(false)
		if !sleepUntil(ctx, tick.Add(a.Delay)) {
			return nil
		}
		return a.ask(ctx, instant(tick.Unix()), false)[0]
	})
}

// each runs ask for every source at once and waits for them, or for ctx.
func (g *Gatherer) each(ctx context.Context, ask func(*asker) *slo.Block) []*slo.Block {
	type delivery struct {
		place int
		block *slo.Block
	}
	deliveries := make(chan delivery, len(g.askers))
	for i, a := range g.askers {
		go func() { deliveries <- delivery{i, ask(a)} }()
	}
	blocks := make([]*slo.Block, len(g.askers))
	for range g.askers {
		select {
		case d := <-deliveries:
			blocks[d.place] = d.block
		case <-ctx.Done():
			return blocks
		}
	}
	return blocks
}

// Range asks every source about a span of instants at once, and returns the
// blocks of each instant in the order of the plan.
func (g *Gatherer) Range(ctx context.Context, s span, countedOnly bool) [][]*slo.Block {
	bySource := make([][]*slo.Block, len(g.askers))
	var wait sync.WaitGroup
	for i, a := range g.askers {
		wait.Go(func() { bySource[i] = a.ask(ctx, s, countedOnly) })
	}
	wait.Wait()
	byInstant := make([][]*slo.Block, s.n)
	for i := range byInstant {
		byInstant[i] = make([]*slo.Block, len(g.askers))
		for j := range g.askers {
			byInstant[i][j] = bySource[j][i]
		}
	}
	return byInstant
}

// slowest is the largest delay of all sources.
func (g *Gatherer) slowest() time.Duration {
	var d time.Duration
	for _, a := range g.askers {
		d = max(d, a.Delay)
	}
	return d
}

// sleepUntil waits for a time, and reports false when ctx ends first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
