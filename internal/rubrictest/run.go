package rubrictest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
)

// Outcome is what came of one test.
type Outcome struct {
	Test     string
	Position catalog.Position
	Failures []Failure // none: it passed
	Took     time.Duration
}

// Failure is one expectation that was not met, or a reason why nothing could be
// graded.
type Failure struct {
	Position catalog.Position
	What     string // of which scorecard, when, and which field
	Expected string // "" where there is nothing to compare
	Got      string
	Message  string // of the check, or ""
}

// zero is the time of the first samples. It is aligned to everything that
// anything is aligned to; nothing else depends on it.
func zero() time.Time { return time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC) }

// Run runs one test within a limit of time. It always returns an outcome; the
// end of ctx is a failure.
func (f *File) Run(ctx context.Context, t *Test, limit time.Duration) Outcome {
	started := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	run := &running{file: f, test: t, pending: map[time.Duration][]*expectation{}}
	for _, e := range t.expectations {
		run.pending[e.at] = append(run.pending[e.at], e)
	}
	err := run.grade(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the test was not done within %s: grade fewer ticks, by a later \"start:\", or give it more time with --timeout", limit)
	}
	if err != nil {
		run.failures = append(run.failures, Failure{Position: t.Position, What: "the test ended early", Got: err.Error()})
	}
	return Outcome{Test: t.Name, Position: t.Position, Failures: run.failures, Took: time.Since(started)}
}

// running is one test that is going on.
type running struct {
	file     *File
	test     *Test
	pending  map[time.Duration][]*expectation
	failures []Failure
}

// grade grades tick after tick up to the last expectation.
func (r *running) grade(ctx context.Context) error {
	plan, err := question.NewPlan(question.PlanOptions{Catalog: r.file.catalog, Rubrics: r.file.rubrics, Interval: r.file.Interval, Waivers: r.file.waivers})
	if err != nil {
		return err // it says everything
	}
	engine := newEngine()
	defer func() { _ = engine.Close() }()
	happenings := r.happenings()
	last := slices.Max(slices.Collect(maps.Keys(r.pending)))
	report, err := collector.Replay(ctx, collector.Options{Plan: plan, Sources: r.sources(engine), Environment: "test"}, collector.ReplayOptions{
		From: zero().Add(r.test.start), To: zero().Add(last), Step: r.file.Interval,
		Outages: outagesOf(happenings),
		Visit: func(tick time.Time, sets [][]*scorecard.Scorecard) error {
			at := tick.Sub(zero())
			for _, e := range r.pending[at] {
				r.compare(e, sets[0])
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	for _, h := range happenings {
		if failure, unmet := h.unmet(); unmet {
			r.fail(failure)
		}
	}
	r.explain(report)
	return nil
}

// happenings are the faults of the test, of which nothing has met any yet.
func (r *running) happenings() []*happening {
	out := make([]*happening, len(r.test.faults))
	for i := range r.test.faults {
		f := &r.test.faults[i]
		out[i] = &happening{fault: f, source: r.file.sources[f.source].name}
	}
	return out
}

func outagesOf(happenings []*happening) []collector.Outage {
	out := make([]collector.Outage, len(happenings))
	for i, h := range happenings {
		out[i] = h.outage()
	}
	return out
}

func (r *running) sources(engine *promql.Engine) []gather.Source {
	out := make([]gather.Source, len(r.file.sources))
	for i, s := range r.file.sources {
		out[i] = gather.Source{
			Name: s.name, Environment: "test", Partition: s.partition, Labels: s.labels,
			Client: &prometheus{engine, newMemory(r.test.series[i], zero(), r.file.scrape)},
		}
	}
	return out
}

// explain adds to a failed test what the sources could not answer.
func (r *running) explain(report collector.ReplayReport) {
	if len(r.failures) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(report.Faults)) {
		for _, detail := range report.Faults[name] {
			r.failures = append(r.failures, Failure{Position: r.test.Position, What: "source " + name + " did not answer everything", Got: detail})
		}
	}
}
