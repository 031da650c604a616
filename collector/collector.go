package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// gatherGrace is how long after the slowest source's delay the grader waits
// for blocks before it grades without them.
const gatherGrace = 20 * time.Second

// Options say what to collect, and where to.
type Options struct {
	Plan        *Plan
	Sources     []SourceOptions
	Store       Store
	Environment string
	// Owner names this process in leases.
	Owner string
	// Replay is how much of the past is graded and committed tick by tick
	// before the first live tick. 0: none.
	Replay time.Duration
	// Progress, if set, hears how much of the past has been asked for, while
	// nothing else can go on.
	Progress   func(done, all int)
	Registerer prometheus.Registerer // may be nil
	Logger     *slog.Logger
}

// Collector runs the cycle: at every tick it gathers, grades and commits.
//
//	starting ──prime──▶ ticking ──┬─ a tick is due ──▶ gather in the background
//	                              ├─ blocks are in ──▶ ledger → grade → commit
//	                              └─ slots are in  ──▶ ledger
//
// One goroutine, that of Run, owns the grader; gathering goes on beside it.
type Collector struct {
	o        Options
	gatherer *Gatherer
	grader   *Grader
	metrics  *metrics
	lease    scorecard.Lease
	last     []*scorecard.Scorecard // of the last commit
	lastTick time.Time
	holes    holes
	ticks    chan gathered
	slots    chan gathered
	newest   map[string]scorecard.SourceStatus
}

// gathered is what came in about one instant.
type gathered struct {
	time   time.Time
	blocks []*slo.Block
}

// New prepares a collector; Run starts it.
func New(o Options) *Collector {
	slices.SortFunc(o.Sources, func(a, b SourceOptions) int { return strings.Compare(a.Name, b.Name) })
	m := newMetrics(o.Registerer)
	c := &Collector{
		o: o, metrics: m, gatherer: newGatherer(o.Plan, o.Sources, m),
		holes: holes{}, ticks: make(chan gathered), slots: make(chan gathered),
		newest: map[string]scorecard.SourceStatus{},
	}
	c.grader = newGrader(o.Plan, c.gatherer.askers, o.Environment, m)
	m.services.Set(float64(len(o.Plan.Services)))
	return c
}

// Run collects until ctx ends, and then returns nil.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.acquire(ctx); err != nil {
		return c.ended(ctx, err)
	}
	defer c.release(ctx)
	states, err := c.o.Store.States(ctx)
	if err != nil {
		return c.ended(ctx, fmt.Errorf("reading the grading state: %w", err))
	}
	c.grader.states = states
	first, err := c.prime(ctx)
	if err != nil {
		return c.ended(ctx, err)
	}
	c.loop(ctx, first)
	return nil
}

func (c *Collector) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// loop starts a gathering at every tick and takes in what is gathered.
func (c *Collector) loop(ctx context.Context, next time.Time) {
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			next = c.skipMissed(next)
			go c.gather(ctx, next)
			next = next.Add(c.o.Plan.Interval)
			timer.Reset(time.Until(next))
		case g := <-c.ticks:
			c.tick(ctx, g)
		case g := <-c.slots:
			c.slot(g)
		}
	}
}

// skipMissed returns the newest tick that is due, and counts those that the
// process slept through.
func (c *Collector) skipMissed(tick time.Time) time.Time {
	for next := tick.Add(c.o.Plan.Interval); !next.After(time.Now()); next = tick.Add(c.o.Plan.Interval) {
		c.metrics.ticksMissed.Inc()
		c.holes.skipped(tick)
		tick = next
	}
	return tick
}

func (c *Collector) gather(ctx context.Context, tick time.Time) {
	limited, cancel := context.WithDeadline(ctx, tick.Add(c.gatherer.slowest()+gatherGrace))
	defer cancel()
	c.deliver(ctx, c.ticks, gathered{tick, c.gatherer.Tick(limited, tick)})
}

func (c *Collector) deliver(ctx context.Context, to chan<- gathered, g gathered) {
	select {
	case to <- g:
	case <-ctx.Done():
	}
}

// tick grades and commits. Blocks that come after a newer tick was graded
// only leave a hole, which is asked about again.
func (c *Collector) tick(ctx context.Context, g gathered) {
	if !g.time.After(c.lastTick) {
		c.metrics.ticksMissed.Inc()
		c.holes.skipped(g.time)
		return
	}
	if err := c.gradeAndCommit(ctx, g, time.Now()); err != nil && ctx.Err() == nil {
		c.o.Logger.Error("the tick was not committed", "tick", g.time, "err", err)
	}
	c.askAgain(ctx, g)
}

// gradeAndCommit takes the blocks of a tick to the store.
func (c *Collector) gradeAndCommit(ctx context.Context, g gathered, evaluatedAt time.Time) error {
	clock := newStopwatch(c.metrics)
	c.grader.AddTick(g.time, g.blocks)
	c.lastTick = g.time
	clock.lap("ledger")
	cards := c.grader.Grade(g.time, evaluatedAt)
	if err := setDeltas(ctx, cards, g.time, c.o.Store); err != nil {
		return err
	}
	clock.lap("grade")
	err := c.commit(ctx, g, cards)
	clock.lap("commit")
	return err
}

func (c *Collector) commit(ctx context.Context, g gathered, cards []*scorecard.Scorecard) error {
	snapshot := &scorecard.Snapshot{
		Tick: g.time, Interval: c.o.Plan.Interval, Catalog: c.o.Plan.Catalog, Rubrics: c.o.Plan.Rubrics,
		Scorecards: cards, Sources: c.sourceStatuses(g), Identities: c.o.Plan.IdentityReports(),
	}
	if err := c.renew(ctx); err != nil {
		return err
	}
	err := c.o.Store.Commit(ctx, scorecard.Commit{
		Epoch: c.lease.Epoch, Owner: c.lease.Owner, Snapshot: snapshot,
		Changes: scorecard.Diff(c.last, cards, g.time), States: c.grader.states,
	})
	c.metrics.commits.WithLabelValues(commitResult(err)).Inc()
	if err != nil {
		return fmt.Errorf("committing the tick of %s: %w", g.time.Format(time.RFC3339), err)
	}
	c.last = cards
	c.observe(g, cards)
	return nil
}

func commitResult(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, scorecard.ErrFenced):
		return "fenced"
	case errors.Is(err, scorecard.ErrOldTick):
		return "old_tick"
	}
	return "error"
}

func (c *Collector) observe(g gathered, cards []*scorecard.Scorecard) {
	c.metrics.ticks.Inc()
	c.metrics.tickSeconds.Observe(time.Since(g.time).Seconds())
	c.metrics.lastTick.Set(float64(g.time.Unix()))
	counts := map[scorecard.Status]int{scorecard.Scored: 0, scorecard.Unknown: 0, scorecard.NotScored: 0}
	for _, card := range cards {
		counts[card.Status]++
	}
	for status, n := range counts {
		c.metrics.scorecards.WithLabelValues(string(status)).Set(float64(n))
	}
}

// sourceStatuses describes every source as of a tick. What a tick does not
// tell, because its block is missing, is kept from before.
func (c *Collector) sourceStatuses(g gathered) []scorecard.SourceStatus {
	statuses := make([]scorecard.SourceStatus, len(c.gatherer.askers))
	for i, a := range c.gatherer.askers {
		s := c.newest[a.Name]
		s.Name, s.Environment = a.Name, a.Environment
		live := a.Client.Status()
		s.State, s.LastSuccess, s.LastError, s.Replica = string(live.State), live.LastSuccess, live.LastError, live.Replica
		if b := g.blocks[i]; b != nil {
			s.Tick, s.Cells = b.Time, b.Cells
			s.Queries, s.Failed, s.Samples, s.Duration = b.Cost.Queries, b.Cost.Failed, b.Cost.Samples, b.Cost.Duration
			s.Unmatched = b.Cost.Unmatched
			c.metrics.queries.WithLabelValues(a.Name).Set(float64(b.Cost.Queries))
			c.metrics.unmatched.WithLabelValues(a.Name).Set(float64(b.Cost.Unmatched))
		}
		c.newest[a.Name] = s
		statuses[i] = s
	}
	return statuses
}

// stopwatch measures the stages of a tick.
type stopwatch struct {
	metrics *metrics
	since   time.Time
}

func newStopwatch(m *metrics) *stopwatch { return &stopwatch{m, time.Now()} }

func (w *stopwatch) lap(stage string) {
	now := time.Now()
	w.metrics.stageDuration.WithLabelValues(stage).Set(now.Sub(w.since).Seconds())
	w.since = now
}
