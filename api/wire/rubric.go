package wire

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
)

// Rubric encodes a rubric with its checks, in their order, and the text of
// what each of them asks.
func Rubric(r *rubric.Rubric) (*Body, error) {
	w := writer{buf: make([]byte, 0, 512+1024*len(r.Checks))}
	w.open('{')
	w.text("name", r.Name)
	w.text("title", r.Title)
	w.text("description", r.Description)
	w.text("version", r.Version)
	w.bool("pack", r.Pack)
	w.bool("draft", r.Draft)
	w.bool("strict", r.Strict)
	w.textOrNull("applies_to", source(r.AppliesTo))
	w.textOrNull("pass_level", r.PassLevel)
	w.number("coverage_floor", &r.CoverageFloor)
	w.number("weight", &r.Weight)
	w.time("effective_from", r.EffectiveFrom)
	w.texts("levels", r.Levels)
	w.key("checks")
	w.open('[')
	for _, c := range r.Checks {
		w.next()
		w.check(c)
	}
	w.close(']')
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode the rubric %q: %w", r.Name, w.err)
	}
	return &Body{json: w.buf}, nil
}

func (w *writer) check(c *rubric.Check) {
	w.open('{')
	w.text("name", c.Name)
	w.text("title", c.Title)
	w.text("why", c.Why)
	w.text("fix", c.Fix)
	w.text("severity", string(c.Severity))
	w.number("weight", &c.Weight)
	w.text("kind", string(c.Kind))
	w.textOrNull("level", c.Level)
	w.textOrNull("applies_to", source(c.AppliesTo))
	w.text("on_missing", string(c.OnMissing))
	w.identities(c.Identities)
	w.optional("objective", c.Objective)
	w.duration("period", c.Period)
	w.duration("window", c.Window)
	w.duration("interval", c.Interval)
	w.number("pass", c.Pass)
	w.number("fail", c.Fail)
	w.textOrNull("op", string(c.Op))
	q := Question(c)
	w.textOrNull("query", q.Query)
	w.textOrNull("bad", q.Bad)
	w.number("threshold", q.Threshold)
	w.textOrNull("across", string(q.Across))
	w.textOrNull("unit", q.Unit)
	w.text("hash", c.Hash)
	w.close('}')
}

// optional writes null for 0.
func (w *writer) optional(name string, x float64) {
	if x == 0 {
		w.null(name)
		return
	}
	w.number(name, &x)
}

func (w *writer) identities(list []*rubric.Identity) {
	names := make([]string, 0, len(list))
	for _, id := range list {
		names = append(names, id.Name)
	}
	w.texts("identities", names)
}

// Asked is the text of what a check asks, for readers.
type Asked struct {
	Query     string        // a selector, the author's PromQL or a CEL condition
	Bad       string        // what makes an event bad: matchers or another selector
	Threshold *float64      // above which an observation is bad, in the metric's unit
	Across    rubric.Across // how a gauge merges over cells
	Unit      string
}

// Question returns the text of what a check asks.
func Question(c *rubric.Check) Asked {
	switch {
	case c.Events != nil:
		q := Asked{Query: selector(c.Events.Total), Bad: matchers(c.Events.Bad)}
		if c.Events.BadOf != nil {
			q.Bad = selector(*c.Events.BadOf)
		}
		return q
	case c.Histogram != nil:
		threshold := c.Histogram.Threshold
		return Asked{Query: selector(c.Histogram.Selector), Threshold: &threshold}
	case c.Value != nil:
		return Asked{Query: c.Value.Query, Across: c.Value.Across, Unit: c.Value.Unit}
	default:
		return Asked{Query: source(c.Catalog)}
	}
}

func selector(s rubric.Selector) string {
	if len(s.Where) == 0 {
		return s.Metric
	}
	return s.Metric + matchers(s.Where)
}

// matchers prints a matcher set in PromQL, "" for none.
func matchers(list []*labels.Matcher) string {
	if len(list) == 0 {
		return ""
	}
	text := "{"
	for i, m := range list {
		if i > 0 {
			text += ","
		}
		text += m.String()
	}
	return text + "}"
}

// source returns the text of a condition, "" for none.
func source(c *catalog.Condition) string {
	if c == nil {
		return ""
	}
	return c.Source()
}
