package collector

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/collector/promapi"
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
	behind   bool                   // the store may know a newer grading state than the grader
	last     []*scorecard.Scorecard // of the last commit, ours or another grader's
	lastTick time.Time
	holes    holes
	faults   *faultLog            // of all that is asked in the beginning; nil: not kept
	lacking  atomic.Pointer[lack] // at the newest boundary tick
	asking   atomic.Bool          // slots are being asked about again
	ticks    chan gathered
	slots    chan gathered
	turn     chan struct{} // closed when the newest tick was delivered: they are graded in order
	newest   map[string]scorecard.SourceStatus
}

// gathered is what came in about one instant.
type gathered struct {
	time   time.Time
	blocks []*slo.Block
}

// New prepares a collector; Run starts it. Plan, Store and Owner must be set.
func New(o Options) *Collector {
	o.Sources = slices.SortedFunc(slices.Values(o.Sources), func(a, b SourceOptions) int { return strings.Compare(a.Name, b.Name) })
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(o.Registerer)
	c := &Collector{
		o: o, metrics: m, gatherer: newGatherer(o.Plan, o.Sources, m),
		holes: holes{}, ticks: make(chan gathered), slots: make(chan gathered), turn: make(chan struct{}),
		newest: map[string]scorecard.SourceStatus{},
	}
	close(c.turn)
	c.grader = newGrader(o.Plan, c.gatherer.askers, o.Environment, m, o.Logger)
	m.services.Set(float64(len(o.Plan.Services)))
	return c
}

// Run collects until ctx ends, and then returns nil, within 4s. It
// returns an error only when it could not begin.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.acquire(ctx); err != nil {
		return c.ended(ctx, err)
	}
	defer c.release(ctx)
	if err := c.catchUp(ctx); err != nil {
		return c.ended(ctx, err)
	}
	defer c.join()
	first, err := c.prime(ctx)
	if err != nil {
		return c.ended(ctx, err)
	}
	c.loop(ctx, first)
	return nil
}

// join waits for what was started to end, as it does once the context has
// ended. A source that does not listen to its context is not waited for.
func (c *Collector) join() {
	ended := make(chan struct{})
	go func() {
		c.gatherer.running.Wait()
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
			c.start(ctx, next)
			next = next.Add(c.o.Plan.Interval)
			timer.Reset(time.Until(next))
		case g := <-c.ticks:
			c.tick(ctx, g)
		case g := <-c.slots:
			c.slot(g)
		}
	}
}

// skipMissed returns the newest tick whose sources could all have been asked
// by now, or the one given, and counts those before it: the process slept
// through them.
func (c *Collector) skipMissed(tick time.Time) time.Time {
	for {
		next := tick.Add(c.o.Plan.Interval)
		if next.Add(c.gatherer.slowest()).After(time.Now()) {
			return tick
		}
		c.missed(tick)
		tick = next
	}
}

// missed counts a tick that is not graded.
func (c *Collector) missed(tick time.Time) {
	c.metrics.ticksMissed.Inc()
	c.holes.note(tick, lackAll(len(c.gatherer.askers)))
}

// start gathers the blocks of a tick in the background.
func (c *Collector) start(ctx context.Context, tick time.Time) {
	before, delivered := c.turn, make(chan struct{})
	c.turn = delivered
	c.gatherer.running.Go(func() { c.gather(ctx, tick, before, delivered) })
}

// gather delivers the blocks that are there in time, after those of the tick
// before, and then the late ones: they still count in the ledger.
func (c *Collector) gather(ctx context.Context, tick time.Time, before <-chan struct{}, delivered chan<- struct{}) {
	defer close(delivered)
	limited, cancel := context.WithDeadline(ctx, tick.Add(c.gatherer.slowest()+gatherGrace))
	defer cancel()
	g := c.gatherer.begin(ctx, tick)
	g.wait(limited)
	select {
	case <-before:
	case <-ctx.Done():
	}
	c.deliver(ctx, c.ticks, gathered{tick, slices.Clone(g.blocks)})
	if g.left > 0 && isBoundary(tick) {
		c.gatherer.running.Go(func() {
			g.wait(ctx)
			c.deliver(ctx, c.slots, gathered{tick, g.blocks})
		})
	}
}

func (c *Collector) deliver(ctx context.Context, to chan<- gathered, g gathered) {
	select {
	case to <- g:
	case <-ctx.Done():
	}
}

// tick takes in what was gathered about a tick.
func (c *Collector) tick(ctx context.Context, g gathered) {
	if !g.time.After(c.lastTick) {
		c.missed(g.time)
		return
	}
	if err := c.take(ctx, g, time.Now()); err == nil {
		c.metrics.tickSeconds.Observe(time.Since(g.time).Seconds())
	}
	c.askAgain(ctx, g)
}

// take enters the blocks of a tick, grades, and commits as far as the store
// lets it: without a store grading goes on. The error, which is logged here, is
// that of the commit.
func (c *Collector) take(ctx context.Context, g gathered, evaluatedAt time.Time) error {
	clock := newStopwatch(c.metrics)
	c.grader.AddTick(g.time, g.blocks)
	c.lastTick = g.time
	c.holes.note(g.time, c.o.Plan.lackOf(g.blocks))
	clock.lap("ledger")
	err := c.renew(ctx)
	cards := c.grader.Grade(g.time, evaluatedAt)
	if err == nil {
		err = setDeltas(ctx, cards, g.time, c.o.Store)
	}
	clock.lap("grade")
	if err == nil {
		err = c.commit(ctx, g, cards)
	}
	clock.lap("commit")
	c.settle(ctx, g, cards, err)
	return err
}

func (c *Collector) commit(ctx context.Context, g gathered, cards []*scorecard.Scorecard) error {
	snapshot := &scorecard.Snapshot{
		Tick: g.time, Interval: c.o.Plan.Interval, Catalog: c.o.Plan.Catalog, Rubrics: c.o.Plan.Rubrics,
		Scorecards: cards, Sources: c.sourceStatuses(g), Identities: c.o.Plan.IdentityReports(),
	}
	return c.o.Store.Commit(ctx, scorecard.Commit{
		Epoch: c.lease.Epoch, Owner: c.lease.Owner, Snapshot: snapshot,
		Changes: scorecard.Diff(c.last, cards, g.time), States: c.grader.states,
	})
}

// settle draws the consequences of a commit, or of a refusal. When another
// grader has committed this tick, the changes up to it are told already.
func (c *Collector) settle(ctx context.Context, g gathered, cards []*scorecard.Scorecard, err error) {
	c.metrics.commits.WithLabelValues(commitResult(err)).Inc()
	c.observe(g, cards)
	switch {
	case err == nil:
		c.last = cards
		c.metrics.ticks.Inc()
		c.metrics.lastTick.Set(float64(g.time.Unix()))
	case errors.Is(err, scorecard.ErrFenced), errors.Is(err, scorecard.ErrOldTick):
		c.last, c.behind = cards, true
		c.o.Logger.Warn("the tick was left to another grader", "tick", g.time, "err", err)
	case ctx.Err() == nil:
		c.o.Logger.Error("the tick was not committed", "tick", g.time, "err", err)
	}
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

// observe counts the scorecards that were graded.
func (c *Collector) observe(g gathered, cards []*scorecard.Scorecard) {
	counts := map[scorecard.Status]int{scorecard.Scored: 0, scorecard.Unknown: 0, scorecard.NotScored: 0}
	for _, card := range cards {
		counts[card.Status]++
	}
	for status, n := range counts {
		c.metrics.scorecards.WithLabelValues(string(status)).Set(float64(n))
	}
	for _, b := range g.blocks {
		if b != nil {
			c.metrics.queries.WithLabelValues(b.Source).Set(float64(b.Cost.Queries))
			c.metrics.unmatched.WithLabelValues(b.Source).Set(float64(b.Cost.Unmatched))
		}
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
			if detail := firstFault(b); detail != "" && live.State == promapi.StateOK {
				s.State, s.LastError = string(promapi.StateFailing), detail
			}
		}
		c.newest[a.Name] = s
		statuses[i] = s
	}
	return statuses
}

// firstFault returns why the first of a block's columns cannot be used, or "".
func firstFault(b *slo.Block) string {
	for i := range b.Columns {
		if f := b.Columns[i].Fault; f != nil {
			return f.Detail
		}
	}
	return ""
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
