package collector

import (
	"context"
	"sync"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Gatherer asks sources and makes fact blocks. It holds no facts itself. It is
// safe for concurrent use.
type Gatherer struct {
	askers  []*asker // in the order of the sources
	missed  func(source string)
	running sync.WaitGroup // what has been started and not ended
}

// newGatherer prepares to ask sources the questions of a plan. Blocks come in the
// order of the sources. missed hears of every tick that a source is not asked
// about, as it is still busy with an earlier one, and is called concurrently.
func newGatherer(plan *Plan, sources []SourceOptions, missed func(source string)) *Gatherer {
	g := &Gatherer{missed: missed}
	for _, s := range sources {
		g.askers = append(g.askers, newAsker(s, plan))
	}
	return g
}

// begin starts to ask every source about one tick, each after its delay. What it
// starts ends soon after ctx has ended.
func (g *Gatherer) begin(ctx context.Context, tick time.Time) *gathering {
	r := &gathering{
		blocks: make([]*slo.Block, len(g.askers)), left: len(g.askers),
		deliveries: make(chan delivery, len(g.askers)),
	}
	for i, a := range g.askers {
		g.running.Go(func() { r.deliveries <- delivery{i, g.tick(ctx, a, tick)} })
	}
	return r
}

// tick asks one source. There is no block when the source is still busy with
// an earlier tick: a source that is slow is not asked ever more at once.
func (g *Gatherer) tick(ctx context.Context, a *asker, tick time.Time) *slo.Block {
	if !sleepUntil(ctx, tick.Add(a.Delay)) {
		return nil
	}
	if !a.busy.CompareAndSwap(false, true) {
		g.missed(a.Name)
		return nil
	}
	defer a.busy.Store(false)
	return a.ask(ctx, instant(tick.Unix()), nil)[0]
}

// gathering is what has come in about one tick so far: one block for each
// source in the order of the sources, nil where there is none.
type gathering struct {
	blocks     []*slo.Block
	left       int // sources that have not delivered
	deliveries chan delivery
}

type delivery struct {
	place int
	block *slo.Block
}

// wait takes deliveries in until there are all of them, or ctx ends.
func (r *gathering) wait(ctx context.Context) {
	for r.left > 0 {
		select {
		case d := <-r.deliveries:
			r.blocks[d.place] = d.block
			r.left--
		case <-ctx.Done():
			return
		}
	}
}

// Range asks every source about a span of instants at once, and returns the
// blocks of each instant in the order of the sources.
func (g *Gatherer) Range(ctx context.Context, s span, w wish) [][]*slo.Block {
	return g.patientRange(ctx, s, w, nil)
}

// patience is how long each source will yet be waited for, in the order of the
// plan; nil is for ever.
type patience []time.Duration

// patientRange is Range, in which each source uses up its patience. One that
// has none left is not asked: its blocks have faults only.
func (g *Gatherer) patientRange(ctx context.Context, s span, w wish, p patience) [][]*slo.Block {
	bySource := make([][]*slo.Block, len(g.askers))
	var wait sync.WaitGroup
	for i, a := range g.askers {
		wait.Go(func() {
			if p == nil {
				bySource[i] = a.ask(ctx, s, w)
			} else {
				bySource[i] = a.askWithin(ctx, s, w, &p[i])
			}
		})
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

// join waits until all that was begun has ended.
func (g *Gatherer) join() { g.running.Wait() }

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
