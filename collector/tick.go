package collector

import (
	"context"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// tick takes in what was gathered about a tick.
func (c *Collector) tick(ctx context.Context, g gathered) {
	if !g.time.After(c.lastTick) {
		c.missed(g.time)
		return
	}
	if err := c.take(ctx, g, time.Now()); err == nil {
		c.metrics.tickSeconds.Observe(time.Since(g.time).Seconds())
	}
	if c.ready {
		c.askAgain(ctx, g)
	}
}

// take enters the blocks of a tick, grades, and commits as far as the store
// lets it: without a store grading goes on. The error, which is dealt with
// here, is that of the commit. Nothing is graded when another has been grading:
// the memory is then not ready any more.
func (c *Collector) take(ctx context.Context, g gathered, evaluatedAt time.Time) error {
	clock := newStopwatch(c.metrics)
	c.enter(g)
	c.lastTick = g.time
	clock.lap("ledger")
	lease, err := c.sure(ctx)
	if !c.ready {
		return c.leftToAnother(g.time, err)
	}
	cards := c.grader.Grade(g.time, evaluatedAt)
	if err == nil {
		err = c.addDeltas(ctx, cards, g.time)
	}
	clock.lap("grade")
	snapshot := &scorecard.Snapshot{
		Tick: g.time, Interval: c.o.Plan.Interval, Catalog: c.o.Plan.Catalog, Rubrics: c.o.Plan.Rubrics,
		Scorecards: cards, Sources: c.sourceStatuses(g), Identities: c.o.Plan.IdentityReports(),
	}
	if err == nil {
		err = c.commit(ctx, lease, snapshot)
	}
	clock.lap("commit")
	c.observe(g, cards)
	c.settle(ctx, snapshot, err)
	return err
}

// enter takes a tick into the ledger.
func (c *Collector) enter(g gathered) {
	c.grader.AddTick(g.time, g.blocks, g.scope)
	if !question.IsBoundary(g.time) {
		return
	}
	lack := agenda.LackOf(c.o.Plan, g.blocks)
	switch {
	case g.of.Whole():
		c.agenda.NoteHole(g.time, lack)
	case lack.Any():
		return // no hole of all services; it is asked again with the rest of the past
	}
	c.agenda.Asked(c.o.Plan, g.of, agenda.SlotAt(g.time.Unix()))
	c.agenda.Tidy(c.o.Plan, g.time.Unix())
}

// leaveHole remembers a tick that was not asked about.
func (c *Collector) leaveHole(tick time.Time) {
	if question.IsBoundary(tick) {
		c.agenda.NoteHole(tick, agenda.LackAll(len(c.sources)))
		c.agenda.Asked(c.o.Plan, question.Subject{}, agenda.SlotAt(tick.Unix()))
	}
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
			c.metrics.slow.WithLabelValues(b.Source).Set(float64(b.Slow.Services))
		}
	}
}

// sourceStatuses describes every source as of a tick. What a tick does not
// tell, because its block is missing, is kept from before.
func (c *Collector) sourceStatuses(g gathered) []scorecard.SourceStatus {
	statuses := make([]scorecard.SourceStatus, len(c.o.Sources))
	for i, a := range c.o.Sources {
		s := c.newest[a.Name]
		s.Name, s.Environment = a.Name, a.Environment
		live := a.Client.Status()
		s.State, s.LastSuccess, s.LastError, s.Replica = string(live.State), live.LastSuccess, live.LastError, live.Replica
		if b := g.blocks[i]; b != nil {
			s.Tick, s.Cells = b.Time, b.Cells
			s.Queries, s.Failed, s.Samples, s.Duration = b.Cost.Queries, b.Cost.Failed, b.Cost.Samples, b.Cost.Duration
			s.Unmatched = b.Cost.Unmatched
			if live.State == promapi.StateOK {
				s.State, s.LastError = stateOf(b, s)
			}
		}
		c.newest[a.Name] = s
		statuses[i] = s
	}
	return statuses
}

// stateOf returns the state and the last error of a source that is up, as its
// block says: that some of its services are refused is an error of theirs, that
// all are is one of the source.
func stateOf(b *slo.Block, s scorecard.SourceStatus) (state, lastError string) {
	detail := firstFault(b)
	switch {
	case detail != "":
		return string(promapi.StateFailing), detail
	case b.Slow.Services == 0:
		return s.State, s.LastError
	case b.Slow.All():
		return string(promapi.StateFailing), b.Slow.Detail
	}
	return s.State, b.Slow.Detail
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
