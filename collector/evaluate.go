package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/grader"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// Evaluation is one tick, graded from nothing but what the sources hold.
type Evaluation struct {
	Scorecards []*scorecard.Scorecard
	Sources    []scorecard.SourceStatus
	// Faults are what sources did not answer, of the past and of the tick, by
	// source, each text once.
	Faults map[string][]string
}

// Evaluate grades one tick from an empty state: it backfills the windows that
// the plan needs into memory, fills the ring, asks about the tick itself, and about
// the earlier ones that checks with an interval of their own are judged from, and
// grades. The result is a function of the sources' data and of tick alone;
// evaluatedAt is what the scorecards say. o.Store is not used.
func Evaluate(ctx context.Context, o Options, tick, evaluatedAt time.Time) (Evaluation, error) {
	if tick.Before(time.Unix(seconds(agenda.LongestMemory), 0)) {
		return Evaluation{}, fmt.Errorf("evaluating the tick of %s: the ledger begins later: choose a later time", tick.Format(time.RFC3339))
	}
	c := New(o)
	g, err := c.evaluate(ctx, tick)
	if err != nil {
		return Evaluation{}, err
	}
	return Evaluation{
		Scorecards: c.grader.Grade(g.time, evaluatedAt),
		Sources:    c.sourceStatuses(g),
		Faults:     c.faults.bySource,
	}, nil
}

// evaluate brings the ledger of a new collector up to a tick.
func (c *Collector) evaluate(ctx context.Context, tick time.Time) (gathered, error) {
	o := c.graderOptions()
	o.Stateless = true
	c.grader, c.faults = grader.New(o), newFaultLog()
	c.grader.Use(c.ledger, nil)
	tick = tick.Truncate(c.o.Plan.Interval).UTC()
	start := tick.Add(-ringLength).Truncate(slo.SlotLength)
	c.backfillNow(ctx, start)
	c.walk(ctx, walk{after: start, graded: tick, last: tick.Add(-c.o.Plan.Interval)})
	c.recall(ctx, tick, nil)
	round := c.gatherer.Begin(ctx, tick)
	round.Wait(ctx)
	if err := ctx.Err(); err != nil {
		return gathered{}, fmt.Errorf("evaluating the tick of %s: %w", tick.Format(time.RFC3339), err)
	}
	g := gathered{time: tick, blocks: round.Blocks}
	c.faults.note(c.sources, g.blocks)
	c.grader.AddTick(tick, g.blocks, question.Scope{})
	return g, nil
}
