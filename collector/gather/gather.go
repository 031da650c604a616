package gather

import (
	"context"
	"sync"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// Gatherer asks sources and makes fact blocks. It holds no facts itself. It is
// safe for concurrent use.
type Gatherer struct {
	askers  []*asker // in the order of the sources
	heard   Heard
	running sync.WaitGroup // what has been started and not ended
}

// Heard are told what no block says; they are called concurrently, and may be
// nil.
type Heard struct {
	// Missed hears of every tick that a source is not asked about, as it is still
	// busy with an earlier one.
	Missed func(source string)
	// BirthsDropped hears how many answers about what was born were too large to be
	// believed.
	BirthsDropped func(source string, n int)
	// Compared hears whenever another replica of a source was asked as well, why,
	// and whether any of what it said was taken.
	Compared func(source string, why Doubt, taken bool)
}

// New prepares to ask sources the questions of a plan. Blocks come in the
// order of the sources.
func New(plan *question.Plan, sources []Source, heard Heard) *Gatherer {
	if heard.Missed == nil {
		heard.Missed = func(string) {}
	}
	if heard.BirthsDropped == nil {
		heard.BirthsDropped = func(string, int) {}
	}
	if heard.Compared == nil {
		heard.Compared = func(string, Doubt, bool) {}
	}
	g := &Gatherer{heard: heard}
	for _, s := range sources {
		a := newAsker(s, plan)
		a.dropped = func(n int) { heard.BirthsDropped(s.Name, n) }
		if a.choice != nil {
			a.choice.compared = func(why Doubt, taken bool) { heard.Compared(s.Name, why, taken) }
		}
		g.askers = append(g.askers, a)
	}
	return g
}

// Begin starts to ask every source about one tick, each after its delay. What it
// starts ends soon after ctx has ended.
func (g *Gatherer) Begin(ctx context.Context, tick time.Time) *Gathering {
	r := &Gathering{
		Blocks: make([]*slo.Block, len(g.askers)), Left: len(g.askers),
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
		g.heard.Missed(a.Name)
		return nil
	}
	defer a.busy.Store(false)
	return a.ask(ctx, question.Instant(tick.Unix()), nil)[0]
}

// Gathering is what has come in about one tick so far. One goroutine owns it; it
// changes in Wait alone.
type Gathering struct {
	// Blocks has one for each source, in the order of the sources; nil where
	// there is none. A block is not changed any more.
	Blocks     []*slo.Block
	Left       int // sources that have not delivered
	deliveries chan delivery
}

type delivery struct {
	place int
	block *slo.Block
}

// Wait takes deliveries in until there are all of them, or ctx ends.
func (r *Gathering) Wait(ctx context.Context) {
	for r.Left > 0 {
		select {
		case d := <-r.deliveries:
			r.Blocks[d.place] = d.block
			r.Left--
		case <-ctx.Done():
			return
		}
	}
}

// Range asks every source about a span of instants at once, and returns the
// blocks of each instant in the order of the sources, none of them nil. When ctx
// ends before it returns, they may be cut short.
func (g *Gatherer) Range(ctx context.Context, s question.Span, w question.Wish) [][]*slo.Block {
	return g.PatientRange(ctx, s, w, nil)
}

// Patience is how long each source will yet be waited for, in the order of the
// sources; nil is for ever.
type Patience []time.Duration

// PatientRange is Range, in which each source uses up its patience. One that
// has none left is not asked: its blocks have faults only.
func (g *Gatherer) PatientRange(ctx context.Context, s question.Span, w question.Wish, p Patience) [][]*slo.Block {
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
	byInstant := make([][]*slo.Block, s.N)
	for i := range byInstant {
		byInstant[i] = make([]*slo.Block, len(g.askers))
		for j := range g.askers {
			byInstant[i][j] = bySource[j][i]
		}
	}
	return byInstant
}

// Join waits until all that Begin started has ended. Nothing may be begun while it
// waits.
func (g *Gatherer) Join() { g.running.Wait() }

// Slowest is the largest delay of all sources.
func (g *Gatherer) Slowest() time.Duration {
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
