package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/scorecard"
)

// EvaluateOptions are those of the evaluate command.
type EvaluateOptions struct {
	ConfigFile string
	Services   []string
	Time       time.Time // zero: now
	JSON       bool
	Logger     *slog.Logger
	Out, Err   io.Writer
}

// SourcesFailedError says that sources did not answer: what was printed is
// true, and incomplete.
type SourcesFailedError struct{ Sources []string }

func (e *SourcesFailedError) Error() string {
	return "some sources did not answer everything, so checks are unknown or graded without them: " + strings.Join(e.Sources, ", ")
}

// Evaluate grades one tick from what the sources hold and prints the
// scorecards. It returns a *SourcesFailedError, after printing, when a source
// did not answer everything.
func Evaluate(ctx context.Context, o EvaluateOptions) error {
	if o.Time.After(time.Now()) {
		return fmt.Errorf("evaluating %s: it is in the future, and no source has its data yet: give a time before now", o.Time.Format(time.RFC3339))
	}
	s, err := load(o.ConfigFile, o.Logger)
	if err != nil {
		return err
	}
	defer s.close()
	only, err := serviceIDs(s.catalog, o.Services)
	if err != nil {
		return err
	}
	plan, err := s.plan(only)
	if err != nil {
		return err
	}
	tick, evaluatedAt := o.instants(s)
	result, err := collector.Evaluate(ctx, collector.Options{
		Plan: plan, Sources: s.sources, Environment: s.config.Global.Environment, Logger: o.Logger,
		Progress: newBar(o.Err).show,
	}, tick, evaluatedAt)
	if err != nil {
		return err // it names the tick
	}
	result.Scorecards = scorecard.WithoutEchoes(result.Scorecards)
	if o.JSON {
		err = writeJSON(o.Out, result, tick, evaluatedAt)
	} else {
		err = writeTable(o.Out, result.Scorecards)
	}
	if err != nil {
		return fmt.Errorf("writing the scorecards: %w", err)
	}
	return reportFaults(o.Err, result.Faults)
}

// instants returns the tick to evaluate and the time to call it evaluated at.
func (o EvaluateOptions) instants(s *setup) (tick, evaluatedAt time.Time) {
	if !o.Time.IsZero() {
		return o.Time.Truncate(s.config.Global.EvaluationInterval), o.Time.UTC()
	}
	return s.newestTick(), time.Now().UTC()
}

// newestTick returns the newest tick that every source can be asked about.
func (s *setup) newestTick() time.Time {
	slowest := time.Duration(0)
	for _, src := range s.sources {
		slowest = max(slowest, src.Delay)
	}
	return time.Now().Add(-slowest).Truncate(s.config.Global.EvaluationInterval)
}

// reportFaults prints what sources did not answer, and returns an error that
// names them, or nil.
func reportFaults(out io.Writer, faults map[string][]string) error {
	if len(faults) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(faults))
	for _, name := range names {
		for _, detail := range faults[name] {
			_, _ = fmt.Fprintf(out, "source %s: %s\n", name, detail)
		}
	}
	return &SourcesFailedError{names}
}

// serviceIDs finds the services that are named.
func serviceIDs(snapshot *catalog.Snapshot, names []string) ([]catalog.ID, error) {
	var ids []catalog.ID
	for _, name := range names {
		id, err := catalog.ParseID(name)
		if err != nil {
			return nil, fmt.Errorf("looking up the services to evaluate: %w", err)
		}
		if _, ok := snapshot.Service(id); !ok {
			return nil, fmt.Errorf("looking up the services to evaluate: the catalog has no service %s: name one of its %d as namespace/name, or none for all", id, snapshot.Len())
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// writeJSON writes the scorecards as the API does, with the tick around them.
func writeJSON(out io.Writer, e collector.Evaluation, tick, evaluatedAt time.Time) error {
	buf := fmt.Appendf(nil, "{\"evaluated_at\": %q, \"data_time\": %q, \"stateless\": true, \"items\": [",
		evaluatedAt.Format(time.RFC3339), tick.UTC().Format(time.RFC3339))
	for i, card := range e.Scorecards {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '\n')
		var err error
		if buf, err = api.EncodeScorecard(buf, card, false); err != nil {
			return fmt.Errorf("encoding the scorecard of %s: %w", card.Service.ID, err)
		}
	}
	_, err := out.Write(append(buf, "\n]}\n"...))
	return err
}

// writeTable writes a line for each scorecard, and below it one for each
// check.
func writeTable(out io.Writer, cards []*scorecard.Scorecard) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, card := range cards {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\tcoverage %.0f %%%s\n", card.Service.ID, card.Rubric, scoreText(card), levelText(card), 100*card.Coverage, draftText(card))
		for i := range card.Results {
			r := &card.Results[i]
			_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", r.Check, r.Verdict, r.Reason, pointsText(r), r.Message)
		}
	}
	return w.Flush()
}

func scoreText(c *scorecard.Scorecard) string {
	if c.Score == nil {
		return string(c.Status)
	}
	return scorecard.RoundScore(*c.Score) + " " + c.Grade
}

func levelText(c *scorecard.Scorecard) string {
	if c.Level == "" {
		return "no level"
	}
	return c.Level
}

func draftText(c *scorecard.Scorecard) string {
	if c.Draft {
		return ", draft"
	}
	return ""
}

func pointsText(r *scorecard.Result) string {
	if r.PointsLost == nil || *r.PointsLost == 0 {
		return ""
	}
	return "-" + scorecard.RoundPoints(*r.PointsLost)
}
