package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/internal/backtest"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

const (
	backtestSpan = 24 * time.Hour // when no beginning is given
	backtestMost = 50_000         // evaluations
)

// BacktestOptions are those of the backtest command.
type BacktestOptions struct {
	ConfigFile string
	RubricFile string
	From, To   time.Time     // zero: a day before To; the newest tick
	Step       time.Duration // the evaluation interval, or a multiple of 5m
	Output     string        // table, json or html
	Logger     *slog.Logger
	Out, Err   io.Writer
}

// Backtest grades the past by the rubrics of the configuration and by those of a
// file, which replace those of the same name, and prints what would have been
// different. It returns a *SourcesFailedError, after printing, when a source did
// not answer everything.
func Backtest(ctx context.Context, o BacktestOptions) error {
	s, err := load(o.ConfigFile, o.Logger)
	if err != nil {
		return err
	}
	defer s.close()
	changes, err := o.changes(s)
	if err != nil {
		return err
	}
	replay, err := o.span(s)
	if err != nil {
		return err
	}
	var before, after []*rubric.Rubric
	for _, c := range changes {
		after = append(after, c.After)
		if c.Before != nil {
			before = append(before, c.Before)
		}
	}
	s.rubrics = slices.Concat(before, after) // what does not change is not asked about
	plan, err := s.plan(nil)
	if err != nil {
		return err
	}
	comparison := backtest.NewComparison(changes)
	replay.Sets = [][]*rubric.Rubric{before, after}
	replay.Visit = func(tick time.Time, sets [][]*scorecard.Scorecard) error {
		if tick.Sub(replay.From)%o.Step == 0 {
			comparison.Add(tick, sets[0], sets[1])
		}
		return nil
	}
	found, err := collector.Replay(ctx, collector.Options{
		Plan: plan, Sources: s.sources, Environment: s.config.Global.Environment, Logger: o.Logger, Progress: newBar(o.Err).show,
	}, replay)
	if err != nil {
		return err // it names the span
	}
	report := comparison.Report()
	report.Step, report.Cost, report.Faults = scorecard.FormatDuration(o.Step), costOf(found), found.Faults
	if err := o.write(report); err != nil {
		return err
	}
	return reportFaults(o.Err, found.Faults)
}

// changes reads the rubrics to try, and finds those that they replace.
func (o BacktestOptions) changes(s *setup) ([]backtest.Change, error) {
	rubrics, err := o.candidates(s)
	if err != nil {
		return nil, err
	}
	changes := make([]backtest.Change, len(rubrics))
	for i, r := range rubrics {
		changes[i].After = r
		for _, known := range s.rubrics {
			if known.Name == r.Name {
				changes[i].Before, changes[i].After = known, inPlaceOf(r, known)
			}
		}
	}
	return changes, nil
}

// inPlaceOf returns a rubric that comes to grade a service as the one does that it
// replaces: a pack that has to be detected still has to be.
func inPlaceOf(r, known *rubric.Rubric) *rubric.Rubric {
	own := *r
	own.Detect = known.Detect
	return &own
}

// candidates reads the rubrics to try. All mistakes are told at once.
func (o BacktestOptions) candidates(s *setup) ([]*rubric.Rubric, error) {
	data, err := file.Read(o.RubricFile)
	if err != nil {
		return nil, fmt.Errorf("reading the rubric %s: %w", o.RubricFile, err)
	}
	env, err := catalog.NewEnv()
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	identities, problems := s.config.LoadIdentities(env)
	rubrics, found := rubric.Load(env, identities, rubric.File{Name: o.RubricFile, Data: data})
	if err := failed(append(problems, found...)); err != nil {
		return nil, err
	}
	if len(rubrics) == 0 {
		return nil, fmt.Errorf("%s has no rubric to try: list one under \"rubrics:\"", o.RubricFile)
	}
	warn(o.Logger, "an annotation or an identity of a service cannot be used", s.config.Review(rubrics, s.catalog.Services(), time.Now()))
	return rubrics, nil
}

// span returns the ticks to be graded.
func (o BacktestOptions) span(s *setup) (collector.ReplayOptions, error) {
	interval := s.config.Global.EvaluationInterval
	r := collector.ReplayOptions{Step: slo.SlotLength}
	switch {
	case o.Step == interval:
		r.Step = interval
	case o.Step < slo.SlotLength || o.Step%slo.SlotLength != 0:
		return r, fmt.Errorf("a step of %s is neither the evaluation_interval %s nor a multiple of 5m: give one of those", o.Step, interval)
	}
	newest := s.newestTick()
	to := o.To
	if to.IsZero() {
		to = newest
	}
	if to.After(newest) {
		return r, fmt.Errorf("backtesting until %s: it is in the future, and no source has its data yet: give a time before now", to.Format(time.RFC3339))
	}
	from := o.From
	if from.IsZero() {
		from = to.Add(-backtestSpan)
	}
	if from.After(to) {
		return r, fmt.Errorf("backtesting from %s to %s: the end is before the beginning: swap them", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	r.From = from.Truncate(r.Step)
	r.To = r.From.Add(to.Sub(r.From).Truncate(o.Step))
	if n := r.To.Sub(r.From)/r.Step + 1; n > backtestMost {
		advice := "give a shorter span"
		if r.Step < slo.SlotLength {
			advice += ", or --step=5m"
		}
		return r, fmt.Errorf("backtesting from %s to %s takes %d evaluations, but at most %d are made: %s", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), n, backtestMost, advice)
	}
	return r, nil
}

// costOf says what evaluations ask, and what finding out has cost.
func costOf(r collector.ReplayReport) backtest.Cost {
	asking := func(set int) backtest.Asking {
		return backtest.Asking{Queries: r.Questions[set], Samples: float64(r.Sets[set].Samples) / float64(r.Ticks)}
	}
	return backtest.Cost{Before: asking(0), After: asking(1), Queries: r.Cost.Queries, Samples: r.Cost.Samples}
}

func (o BacktestOptions) write(r *backtest.Report) error {
	switch o.Output {
	case "table":
		return r.WriteTable(o.Out)
	case "json":
		return r.WriteJSON(o.Out)
	case "html":
		return r.WriteHTML(o.Out)
	}
	return errors.New("the output is none of table, json and html")
}
