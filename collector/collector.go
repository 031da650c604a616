package collector

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/grader"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// gatherGrace is how long after the slowest source's delay the grader waits
// for blocks before it grades without them.
const gatherGrace = 20 * time.Second

// stopTimeout is how long the end of questions under way is waited for.
const stopTimeout = 3 * time.Second

// Options say what to collect, and where to.
type Options struct {
	Plan    *question.Plan
	Sources []gather.Source
	Store   Store
	// Volatile says that the store ends with the process: the ledger is not
	// handed to it.
	Volatile    bool
	Environment string
	// Owner names this process in leases.
	Owner string
	// Predecessor is the collector whose place this one takes, nil for none: Run
	// waits for the end of its Run, and goes on from what it knew and with its
	// lease. It must have been told to hand over.
	Predecessor *Collector
	// Replay is how much of the past is graded and committed tick by tick
	// before the first live tick, when there is none yet. 0: none.
	Replay time.Duration
	// Progress, if set, hears how much of the past has been asked for, while
	// nothing else can go on.
	Progress func(done, all int)
	// Uncommitted, if set, is given the snapshot of each tick that the store did
	// not take because it is away. It has no generation. Grading waits until it
	// returns.
	Uncommitted func(*scorecard.Snapshot)
	Registerer  prometheus.Registerer // may be nil
	Logger      *slog.Logger
}

// Collector runs the cycle: at every tick it gathers, grades and commits. One
// of those that share a store holds the lease and does so; the others stand by.
//
//	standing by ──lease granted──▶ taking over ──▶ priming ──▶ ticking
//	     ▲                              ▲  ▲ another has         │ │
//	     │                              │  └─graded in between───┘ │
//	     └──────────────── lease lost ──┴──────────────────────────┘
//
//	ticking ──┬─ a tick is due ──▶ gather in the background
//	          ├─ blocks are in ──▶ ledger → grade → commit
//	          └─ slots are in  ──▶ ledger
//
// Standing by, it asks no source, and keeps the ledger as the holder commits
// it. Taking over, it reads from the store what it does not have; priming, it
// asks sources for the ticks that are missing. The end of the context ends it
// anywhere; the lease is then given back, or handed over. A store that is away
// keeps it from taking over, and from nothing else.
//
// One goroutine, that of Run, owns the grader and the memory; gathering goes on
// beside it, and so does the heartbeat of the lease.
type Collector struct {
	o        Options
	sources  []string // the names of the sources, in their order
	gatherer *gather.Gatherer
	grader   *grader.Grader
	metrics  *metrics
	keeper   *keeper
	memory
	ready     bool // the memory is as of the newest commit, or ahead of it
	behind    bool // the store says that there is a newer commit
	pace      commitPace
	storeLog  awayLog
	scoresLog awayLog
	faults    *faultLog                   // of all that is asked in the beginning; nil: not kept
	lacking   atomic.Pointer[agenda.Lack] // at the newest boundary tick
	asking    atomic.Bool                 // slots are being asked about again
	ticks     chan gathered
	slots     chan gathered
	tried     chan agenda.Chunk
	turn      chan struct{} // closed when the newest tick was delivered: they are graded in order
	newest    map[string]scorecard.SourceStatus
	running   sync.WaitGroup // what was started and has not ended, beside the gatherer's own
	handOver  atomic.Bool
	started   atomic.Bool
	ended     chan struct{} // closed at the end of Run
}

// gathered is what came in about one instant and a part of the plan.
type gathered struct {
	time   time.Time
	blocks []*slo.Block
	of     question.Subject
	scope  question.Scope
}

// New prepares a collector; Run starts it. Plan, Store and Owner must be set.
func New(o Options) *Collector {
	o.Sources = slices.SortedFunc(slices.Values(o.Sources), func(a, b gather.Source) int { return strings.Compare(a.Name, b.Name) })
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(o.Registerer)
	c := &Collector{
		o: o, metrics: m, gatherer: gather.New(o.Plan, o.Sources, m.heard()),
		keeper: &keeper{store: o.Store, owner: o.Owner, metrics: m, log: o.Logger},
		memory: newMemory(o.Plan.Interval),
		ticks:  make(chan gathered), slots: make(chan gathered), tried: make(chan agenda.Chunk), ended: make(chan struct{}),
		newest: map[string]scorecard.SourceStatus{},
	}
	for _, s := range o.Sources {
		c.sources = append(c.sources, s.Name)
		m.initialize(s)
	}
	c.grader = grader.New(c.graderOptions())
	m.services.Set(float64(len(o.Plan.Services)))
	return c
}

func (c *Collector) graderOptions() grader.Options {
	return grader.Options{
		Plan: c.o.Plan, Sources: c.sources, Environment: c.o.Environment, Evidence: c.gatherer.Evidence,
		Slots: c.metrics.slots.add, Panicked: c.metrics.panics.Inc, Logger: c.o.Logger,
	}
}

// Run collects until ctx ends, and then returns nil, within 4s. It must be
// called once.
func (c *Collector) Run(ctx context.Context) error {
	c.started.Store(true)
	defer close(c.ended)
	c.inherit(ctx)
	for ctx.Err() == nil {
		if c.keeper.held.Load() == nil && !c.standBy(ctx) {
			break
		}
		c.hold(ctx)
	}
	if !c.handOver.Load() {
		c.keeper.release(ctx)
	}
	return nil
}

// hold runs the cycle for as long as the lease is held.
func (c *Collector) hold(ctx context.Context) {
	term, end := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { c.keeper.keep(term, end) })
	defer func() {
		end()
		beating.Wait()
		c.join()
		c.scoresLog = awayLog{} // nobody reads them until the next term
		if c.keeper.held.Load() == nil {
			c.ready = false
		}
		if !c.ready {
			c.forget()
		}
	}()
	if !c.ready && !c.takeOver(term) {
		return
	}
	if first, primed := c.prime(term); primed {
		c.loop(term, first)
	}
}

// join waits for what was started to end, as it does once the context has
// ended. A source that does not listen to its context is not waited for.
func (c *Collector) join() {
	ended := make(chan struct{})
	go func() {
		c.running.Wait()
		c.gatherer.Join() // nothing more is begun
		close(ended)
	}()
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		c.o.Logger.Warn("a source is still being asked although everything ends", "waited", stopTimeout)
	}
}

// loop starts a gathering at every tick and takes in what is gathered, until
// ctx ends or another grader turns out to have been here.
func (c *Collector) loop(ctx context.Context, next time.Time) {
	c.turn = make(chan struct{})
	close(c.turn)
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for c.ready {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			next = c.skipMissed(next)
			c.start(ctx, next)
			next = next.Add(c.o.Plan.Interval)
			timer.Reset(time.Until(next))
		case g := <-c.ticks:
			c.tick(ctx, g)
		case g := <-c.slots:
			c.slot(g)
		case k := <-c.tried:
			c.settleChunk(k)
		}
	}
}

// skipMissed returns the newest tick whose sources could all have been asked
// by now, or the one given, and counts those before it: the process slept
// through them.
func (c *Collector) skipMissed(tick time.Time) time.Time {
	for {
		next := tick.Add(c.o.Plan.Interval)
		if next.Add(c.gatherer.Slowest()).After(time.Now()) {
			return tick
		}
		c.missed(tick)
		tick = next
	}
}

// missed counts a tick that is not graded.
func (c *Collector) missed(tick time.Time) {
	c.metrics.ticksMissed.Inc()
	c.leaveHole(tick)
}

// start gathers the blocks of a tick in the background.
func (c *Collector) start(ctx context.Context, tick time.Time) {
	before, delivered := c.turn, make(chan struct{})
	c.turn = delivered
	c.running.Go(func() { c.gather(ctx, tick, before, delivered) })
}

// gather delivers the blocks that are there in time, after those of the tick
// before, and then the late ones: they still count in the ledger.
func (c *Collector) gather(ctx context.Context, tick time.Time, before <-chan struct{}, delivered chan<- struct{}) {
	defer close(delivered)
	limited, cancel := context.WithDeadline(ctx, tick.Add(c.gatherer.Slowest()+gatherGrace))
	defer cancel()
	g := c.gatherer.Begin(ctx, tick)
	g.Wait(limited)
	select {
	case <-before:
	case <-ctx.Done():
	}
	deliver(ctx, c.ticks, gathered{time: tick, blocks: slices.Clone(g.Blocks)})
	if g.Left > 0 && question.IsBoundary(tick) {
		c.running.Go(func() {
			g.Wait(ctx)
			deliver(ctx, c.slots, gathered{time: tick, blocks: g.Blocks})
		})
	}
}

// deliver hands something to the goroutine of Run, unless ctx has ended: what
// came in last may then be cut short.
func deliver[T any](ctx context.Context, to chan<- T, what T) {
	if ctx.Err() != nil {
		return
	}
	select {
	case to <- what:
	case <-ctx.Done():
	}
}
