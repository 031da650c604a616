package wire

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// Scorecard encodes c. It fails when c has no service or holds a number that
// is not finite: NaN is never written.
func Scorecard(c *scorecard.Scorecard) (*Body, error) {
	if c.Service == nil {
		return nil, fmt.Errorf("encode a scorecard of rubric %q: it has no service", c.Rubric)
	}
	w := writer{buf: make([]byte, 0, 1024+768*len(c.Results))}
	w.open('{')
	w.text("rubric", c.Rubric)
	w.text("rubric_version", c.RubricVersion)
	w.text("environment", c.Environment)
	w.key("service")
	w.subject(c.Service)
	w.scores(c)
	w.key("delta")
	w.open('{')
	w.points("1h", c.Delta.Hour)
	w.points("24h", c.Delta.Day)
	w.points("7d", c.Delta.Week)
	w.close('}')
	w.time("evaluated_at", c.EvaluatedAt)
	w.time("data_time", c.DataTime)
	stale := w.markStale()
	if c.Stateless {
		w.bool("stateless", true)
	}
	if c.Draft {
		w.bool("draft", true)
	}
	w.nextSteps(c.NextSteps)
	w.key("results")
	w.open('[')
	for i := range c.Results {
		w.next()
		intact := w.err == nil
		w.result(&c.Results[i])
		if intact && w.err != nil {
			w.err = fmt.Errorf("check %q: %w", c.Results[i].Check, w.err)
		}
	}
	w.close(']')
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode the scorecard of %s by rubric %q: %w", c.Service.ID, c.Rubric, w.err)
	}
	return &Body{json: w.buf, stale: stale}, nil
}

// nextSteps leaves an empty list out: most services are where they can be.
func (w *writer) nextSteps(steps []scorecard.NextStep) {
	if len(steps) == 0 {
		return
	}
	w.key("next_steps")
	w.open('[')
	for _, s := range steps {
		w.next()
		w.open('{')
		w.text("check", s.Check)
		w.text("level", s.Level)
		w.decimal("points", s.Points)
		w.close('}')
	}
	w.close(']')
}

func (w *writer) scores(c *scorecard.Scorecard) {
	w.text("status", string(c.Status))
	w.boolOrNull("pass", c.Pass)
	w.score("score", c.Score)
	w.score("last_score", c.LastScore)
	w.time("last_scored_at", c.LastScoredAt)
	w.score("raw_score", c.RawScore)
	w.score("score_low", c.ScoreLow)
	w.score("score_high", c.ScoreHigh)
	w.score("score_without_waivers", c.ScoreWithoutWaivers)
	w.decimal("coverage", &c.Coverage)
	w.decimal("fresh_coverage", &c.FreshCoverage)
	w.textOrNull("grade", c.Grade)
	w.textOrNull("level", c.Level)
	if c.LevelRank == nil {
		w.null("level_rank")
	} else {
		w.int("level_rank", int64(*c.LevelRank))
	}
	w.textOrNull("capped_by", c.CappedBy)
	w.decimal("cap_points", c.CapPoints)
}

// subject writes the shallow form of a service that a scorecard carries.
func (w *writer) subject(s *catalog.Service) {
	w.open('{')
	w.text("namespace", s.ID.Namespace)
	w.text("name", s.ID.Name)
	w.text("owner", s.Owner)
	w.text("system", s.System)
	w.tier(s.Tier)
	w.text("lifecycle", s.Lifecycle)
	w.text("type", s.Type)
	w.texts("tags", s.Tags)
	w.close('}')
}

// tier writes null for 0, which is no tier.
func (w *writer) tier(tier int) {
	if tier == 0 {
		w.null("tier")
		return
	}
	w.int("tier", int64(tier))
}

func (w *writer) result(r *scorecard.Result) {
	w.open('{')
	w.text("check", r.Check)
	w.text("title", r.Title)
	w.text("severity", r.Severity)
	w.number("weight", &r.Weight)
	w.overrides(r.Overrides)
	w.text("verdict", string(r.Verdict))
	if r.WithoutWaiver != "" {
		w.text("verdict_without_waiver", string(r.WithoutWaiver))
	}
	w.text("reason", r.Reason)
	w.number("credit", r.Credit)
	w.decimal("points_lost", r.PointsLost)
	w.number("value", r.Value)
	w.duration("window", r.Window)
	w.number("target", r.Target)
	w.textOrNull("unit", r.Unit)
	w.decimal("coverage", &r.Coverage)
	w.bool("carried", r.Carried)
	w.textOrNull("missing", r.Missing)
	w.textOrNull("pending", string(r.Pending))
	w.bool("flapping", r.Flapping)
	w.bool("low_traffic", r.LowTraffic)
	w.time("since", r.Since)
	w.time("data_time", r.DataTime)
	w.text("message", r.Message)
	w.textOrNull("evidence", r.Evidence)
	w.cells(r.Cells)
	w.budget(r.Budget)
	w.close('}')
}

// overrides leaves out what nearly no result has.
func (w *writer) overrides(fields map[string]string) {
	if len(fields) == 0 {
		return
	}
	w.key("overrides")
	w.open('{')
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		w.text(field, fields[field])
	}
	w.close('}')
}

func (w *writer) cells(cells []scorecard.CellResult) {
	w.key("cells")
	w.open('[')
	for i := range cells {
		c := &cells[i]
		w.next()
		w.open('{')
		w.text("source", c.Source)
		w.text("cell", c.Cell)
		w.number("value", c.Value)
		w.decimal("coverage", &c.Coverage)
		if c.Fault != "" {
			w.text("fault", c.Fault)
		}
		w.close('}')
	}
	w.close(']')
}

func (w *writer) budget(b *scorecard.Budget) {
	if b == nil {
		w.null("budget")
		return
	}
	w.key("budget")
	w.open('{')
	w.number("objective", &b.Objective)
	w.duration("period", b.Period)
	w.decimal("covered", &b.Covered)
	w.time("from", b.From)
	w.time("to", b.To)
	w.number("remaining", b.Remaining)
	w.number("born", &b.Born)
	w.key("burn")
	w.open('{')
	for i := range b.Burn {
		w.decimal(scorecard.FormatDuration(b.Burn[i].Window), b.Burn[i].Rate)
	}
	w.close('}')
	w.close('}')
}
