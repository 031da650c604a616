package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/grader"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// ReplayOptions say which ticks of the past are graded, and by what.
type ReplayOptions struct {
	// From and To are the first and the last tick, multiples of Step.
	From, To time.Time
	// Step is the time between two ticks: the interval of the plan, or 5m. With
	// 5m every window is the same as with the interval, as windows are sums of
	// answers that lie 5m apart; what counts evaluations takes longer.
	Step time.Duration
	// Sets are the rubrics of the plan that grade beside each other, each set
	// with a state of its own; none: one set of all. What two of them count
	// alike is asked for once.
	Sets [][]*rubric.Rubric
	// Outages are times in which sources do not answer as they would. The past
	// before the first tick is told in any case.
	Outages []Outage
	// Visit is given the scorecards of each tick by set. Its error ends the
	// replay.
	Visit func(tick time.Time, sets [][]*scorecard.Scorecard) error
}

// ReplayReport says what a replay cost, and what it did not learn.
type ReplayReport struct {
	Ticks int
	// Cost is what was asked in all, the past before the first tick included.
	Cost slo.Cost
	// Sets is what asking about the graded ticks would have cost for one set alone.
	Sets []slo.Cost
	// Questions is how many queries a tick asks for one set alone, in all sources.
	Questions []int
	// Faults are what sources did not answer, by source, each text once.
	Faults map[string][]string
}

// Replay grades tick after tick of the past from an empty state, as the service
// would have done had it been started at the first one: it backfills the
// windows before it, and then threads the ledger and the states of grading
// through all ticks. Sources are asked in range queries. The result is a
// function of the sources' data and of the ticks alone. o.Store is not used;
// o.Progress hears of the ranges.
func Replay(ctx context.Context, o Options, r ReplayOptions) (ReplayReport, error) {
	if err := r.check(o.Plan); err != nil {
		return ReplayReport{}, err
	}
	p := newReplay(o, r)
	if err := p.run(ctx); err != nil {
		return ReplayReport{}, err
	}
	return p.report, nil
}

// check says what is wrong with the options.
func (r *ReplayOptions) check(p *question.Plan) error {
	switch {
	case r.Step != p.Interval && r.Step != slo.SlotLength:
		return fmt.Errorf("replaying the past: the step is %s, but must be the evaluation interval %s or 5m", r.Step, p.Interval)
	case r.From.Before(time.Unix(seconds(agenda.LongestMemory), 0)):
		return fmt.Errorf("replaying the past from %s: the ledger begins later: choose a later time", r.From.UTC().Format(time.RFC3339))
	case r.To.Before(r.From):
		return fmt.Errorf("replaying the past from %s to %s: there is no tick between them: give an end that is later", r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339))
	case r.From.Unix()%seconds(r.Step) != 0 || r.To.Unix()%seconds(r.Step) != 0:
		return fmt.Errorf("replaying the past from %s to %s: both must be multiples of the step %s", r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339), r.Step)
	}
	return nil
}

// replay is one that is going on.
type replay struct {
	*Collector
	options ReplayOptions
	graders []*grader.Grader // by set; they share the ledger of the collector's own
	needs   []question.Need  // by set
	outages *outages
	recent  provisional
	asked   int // ranges so far
	ranges  int // in all
	report  ReplayReport
}

func newReplay(o Options, r ReplayOptions) *replay {
	down := &outages{list: r.Outages}
	if len(r.Outages) > 0 {
		o.Sources = down.over(o.Sources)
	}
	p := &replay{Collector: New(o), options: r, outages: down, recent: provisional{}}
	p.faults = newFaultLog()
	p.gatherer.Tally()
	p.grader.Use(p.ledger, nil)
	if len(r.Sets) == 0 {
		p.graders, p.needs = []*grader.Grader{p.grader}, []question.Need{o.Plan.Need()}
		return p
	}
	for _, set := range r.Sets {
		options := p.graderOptions()
		options.Plan = o.Plan.GradedBy(set)
		g := grader.New(options)
		g.Use(p.ledger, nil)
		p.graders, p.needs = append(p.graders, g), append(p.needs, options.Plan.Need())
	}
	return p
}

func (p *replay) run(ctx context.Context) error {
	from, to, step := p.options.From.UTC(), p.options.To.UTC(), p.options.Step
	start := from.Add(-ringLength).Truncate(slo.SlotLength)
	ring := p.rangesOf(start.Add(step), from.Add(-step))
	graded := p.rangesOf(from, to)
	p.ranges = len(p.missing(start)) + len(ring) + len(graded)
	told := p.o.Progress
	p.o.Progress = func(done, _ int) {
		if p.asked = max(p.asked, done); told != nil {
			told(p.asked, p.ranges)
		}
	}
	p.backfillNow(ctx, start)
	for _, s := range ring {
		p.ask(ctx, s, question.OnlyCounted, func(g gathered) { p.enter(p.recent.hold(g, from)) })
	}
	p.recall(ctx, from, nil, p.graders...)
	p.settleCost(false)
	var failed error
	for _, s := range graded {
		p.outages.now = time.Unix(s.Start, 0)
		p.ask(ctx, s, nil, func(g gathered) {
			if failed == nil && ctx.Err() == nil {
				failed = p.visit(g)
				p.mend(ctx, g)
			}
		})
		if failed != nil {
			return failed
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("replaying the past from %s to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
	}
	p.settleCost(true)
	p.report.Faults = p.faults.bySource
	return nil
}

// rangesOf cuts the ticks from one to another into what is asked at once.
func (p *replay) rangesOf(from, to time.Time) []question.Span {
	var out []question.Span
	step := p.options.Step
	for at := from; !at.After(to); {
		n := p.outages.ticksFrom(at, step, min(p.instants(walkInstants), int(to.Sub(at)/step)+1))
		s := question.Span{Start: at.Unix(), Step: seconds(step), N: n}
		s.Final = s.Last() // all of it is past: what is late has come
		out = append(out, s)
		at = at.Add(time.Duration(n) * step)
	}
	return out
}

// ask asks about a range of ticks and hands them on one by one. What came last
// when ctx ended may be cut short, and is left out.
func (p *replay) ask(ctx context.Context, s question.Span, w question.Wish, take func(gathered)) {
	if ctx.Err() != nil {
		return
	}
	instants := p.gatherer.Range(ctx, s, w)
	if ctx.Err() != nil {
		return
	}
	for i, blocks := range instants {
		p.faults.note(p.sources, blocks)
		take(gathered{time: time.Unix(s.At(i), 0).UTC(), blocks: blocks})
	}
	p.asked++
	p.progress(p.asked, p.ranges)
}

// visit grades a tick by every set.
func (p *replay) visit(g gathered) error {
	p.enter(p.recent.hold(g, g.time))
	p.finish(g.time)
	sets := make([][]*scorecard.Scorecard, len(p.graders))
	for i, grader := range p.graders {
		sets[i] = grader.Grade(g.time, g.time)
	}
	p.report.Ticks++
	return p.options.Visit(g.time, sets)
}

// settleCost takes into the report what has been asked since the last time.
func (p *replay) settleCost(graded bool) {
	p.report.Cost = p.report.Cost.Plus(p.gatherer.Spent(func(*question.Query) bool { return true }))
	for _, need := range p.needs {
		if graded {
			p.report.Sets = append(p.report.Sets, p.gatherer.Spent(need.Has))
			p.report.Questions = append(p.report.Questions, p.gatherer.Queries(need.Has))
		}
	}
	p.gatherer.Tally()
}
