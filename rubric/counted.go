package rubric

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

// Recorded5m marks a metric that is already an increase over 5 minutes.
const Recorded5m = "increase5m"

// recordedPattern matches what a recording rule appends to the name of a rate,
// an increase or a ratio: those are gauges, whatever stands before.
var recordedPattern = regexp.MustCompile(`:(rate|irate|increase|delta|ratio|ratio_rate)([0-9]+[smhdwy])?$`)

// events reads {metric, where, bad}, or {total: {…}, bad: {…}}.
func events(m *strict.Map) *Events {
	e := m.Map("events")
	e.Name("events of " + m.What())
	out := &Events{Recorded: choice(e, "recorded", "", Recorded5m)}
	if e.Has("total") {
		twoMetrics(e, out)
		return out
	}
	if bad := e.Node("bad"); bad != nil && bad.Kind == yaml.MappingNode && len(bad.Content) > 0 && bad.Content[0].Value == "metric" {
		e.Mistake(bad.Line, "bad of %s is another metric, but total is missing: write total: {metric: …} beside it", e.What())
		return out
	}
	out.Total = selector(e)
	out.Bad = matchers(e, "bad")
	switch {
	case e.Bad():
	case !e.Has("bad"):
		e.Mistake(e.Line(), `bad is missing in %s: say which events are bad, e.g. bad: '{code=~"5.."}'`, e.What())
	case everyEvent(out.Bad, out.Total.Where):
		e.Mistake(e.LineOf("bad"), "bad of %s matches every event: say which ones are bad, e.g. '{code=~\"5..\"}'", e.What())
	default:
		if a, b := contradiction(slices.Concat(out.Total.Where, out.Bad)); a != nil {
			e.Mistake(e.LineOf("bad"), "bad of %s matches no event, as none has both %s and %s: for one or the other write %s=~\"…|…\"", e.What(), strict.Clip(a.String()), strict.Clip(b.String()), a.Name)
		}
	}
	counters(e, out)
	e.Done()
	return out
}

// selector reads metric and where.
func selector(m *strict.Map) Selector {
	s := Selector{Metric: m.Text("metric"), Where: matchers(m, "where")}
	switch {
	case m.Bad():
	case s.Metric == "":
		m.Mistake(m.Line(), "metric is missing in %s: add \"metric: …\"", m.What())
	case !metricPattern.MatchString(s.Metric):
		m.Mistake(m.LineOf("metric"), "%q is no name of a metric: write the name alone, and its labels into where", strict.Clip(s.Metric))
	default:
		if a, b := contradiction(s.Where); a != nil {
			m.Mistake(m.LineOf("where"), "where of %s matches nothing, as nothing has both %s and %s: for one or the other write %s=~\"…|…\"", m.What(), strict.Clip(a.String()), strict.Clip(b.String()), a.Name)
		}
	}
	return s
}

// contradiction returns two matchers of which one wants a value that the other
// does not let through; nil if there are none.
func contradiction(list []*labels.Matcher) (a, b *labels.Matcher) {
	for _, a := range list {
		for _, b := range list {
			if a.Type == labels.MatchEqual && a.Name == b.Name && !b.Matches(a.Value) {
				return a, b
			}
		}
	}
	return nil, nil
}

// twoMetrics reads {total: {…}, bad: {…}}.
func twoMetrics(e *strict.Map, out *Events) {
	total, bad := e.Map("total"), e.Map("bad")
	out.Total, out.BadOf = selector(total), new(selector(bad))
	if out.BadOf.Metric == out.Total.Metric && everyEvent(out.BadOf.Where, out.Total.Where) && !total.Bad() && !bad.Bad() {
		e.Mistake(bad.Line(), "bad of %s is the same metric and matches every event: say which ones are bad, e.g. {metric: %s, where: '{code=~\"5..\"}'}", e.What(), out.Total.Metric)
	}
	total.Done()
	bad.Done()
	for _, field := range []string{"metric", "where"} {
		refuse(e, field, "the metrics are those of total and bad")
	}
	counters(e, out)
	e.Done()
}

// badOfEvents refuses a bad that tells services apart, not events: by a label of
// an identity of the check, all events of a service are bad, or none.
func badOfEvents(m *strict.Map, c *Check) {
	if c.Events == nil {
		return
	}
	for _, b := range c.Events.Bad {
		for _, id := range c.Identities {
			if slices.Contains(id.LabelNames(), b.Name) {
				events := m.Map(string(KindEvents))
				m.Mistake(events.LineOf("bad"), "bad of events of %s matches the label %s, by which the identity %s names services: write what tells a bad event from a good one; which services are graded is for applies_to", m.What(), b.Name, id.Name)
				return
			}
		}
	}
}

// matchers reads a set of matchers; nil when it is absent or wrong.
func matchers(m *strict.Map, field string) []*labels.Matcher {
	if n := m.Node(field); n != nil && n.Kind == yaml.MappingNode {
		m.Mistake(n.Line, `%s of %s must stand in quotes: %s: '{code=~"5.."}'`, field, m.What(), field)
		return nil
	}
	text := m.Text(field)
	if text == "" {
		return nil
	}
	out, err := parseMatchers(text)
	if err != nil {
		m.Mistake(m.LineOf(field), "%s of %s: %s", field, m.What(), err)
		return nil
	}
	if out == nil {
		out = []*labels.Matcher{}
	}
	return out
}

// everyEvent reports whether matchers can tell no event from another, where
// the events that they see match where already.
func everyEvent(bad, where []*labels.Matcher) bool {
	return !slices.ContainsFunc(bad, func(m *labels.Matcher) bool {
		if m.Type == labels.MatchRegexp && m.Value == ".*" {
			return false
		}
		return !slices.ContainsFunc(where, func(w *labels.Matcher) bool { return w.String() == m.String() })
	})
}

// counters refuses a metric whose name says that it is no counter, because
// `increase` of it is a number without a meaning. A name that says nothing is
// believed.
func counters(m *strict.Map, e *Events) {
	if e.Recorded != "" || m.Bad() {
		return
	}
	metrics := []string{e.Total.Metric}
	if e.BadOf != nil {
		metrics = append(metrics, e.BadOf.Metric)
	}
	for _, metric := range metrics {
		switch what := gaugeSuffix(metric); {
		case strings.HasSuffix(metric, "_bucket"):
			m.Mistake(m.Line(), "%s of %s counts the buckets of a histogram: use histogram: {metric: %s, threshold: …}, or %s_count", metric, m.What(), strings.TrimSuffix(metric, "_bucket"), strings.TrimSuffix(metric, "_bucket"))
		case what != "":
			m.Mistake(m.Line(), "%s of %s is no counter of events (its name ends in %s): name a counter, such as …_total, or say recorded: %s if it is recorded as an increase over 5m", metric, m.What(), what, Recorded5m)
		}
	}
}

func gaugeSuffix(metric string) string {
	for _, suffix := range []string{"_info", "_ratio", "_percent", "_bytes", "_seconds", "_celsius", "_timestamp", "_created", "_sum"} {
		if strings.HasSuffix(metric, suffix) {
			return suffix
		}
	}
	return recordedPattern.FindString(metric)
}

// unitOf returns the unit that the name of a metric says it has, of those that
// are never below 0; or "".
func unitOf(metric string) string {
	for _, unit := range []string{"seconds", "milliseconds", "bytes"} {
		if strings.HasSuffix(metric, "_"+unit) {
			return unit
		}
	}
	return ""
}

// histogram reads {metric, where, threshold}.
func histogram(m *strict.Map) *Histogram {
	h := m.Map("histogram")
	h.Name("histogram of " + m.What())
	out := &Histogram{Selector: selector(h), Threshold: bound(h)}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, found := strings.CutSuffix(out.Metric, suffix); found {
			h.Mistake(h.LineOf("metric"), "metric of %s is %q: write the histogram's own name, %s", h.What(), strict.Clip(out.Metric), strict.Clip(base))
		}
	}
	for _, w := range out.Where {
		if w.Name == labels.BucketLabel {
			h.Mistake(h.LineOf("where"), "where of %s matches le: the bucket is chosen by threshold, remove it", h.What())
		}
	}
	h.Done()
	return out
}

// bound reads a threshold: a duration is in seconds, a number as it is.
func bound(h *strict.Map) float64 {
	text := h.Text("threshold")
	if text == "" {
		if !h.Bad() {
			h.Mistake(h.Line(), "threshold is missing in %s: write a bucket's bound, e.g. 500ms or 0.5", h.What())
		}
		return 0
	}
	if v, err := parseNumber(text); err == nil && !strings.HasSuffix(text, "%") {
		if unit := unitOf(h.Text("metric")); unit != "" && v <= 0 {
			h.Mistake(h.LineOf("threshold"), "threshold of %s is %s, but no %s are that few: write a bucket's bound above 0, e.g. 0.5", h.What(), text, unit)
		}
		return v
	}
	d, err := parseDuration(text)
	switch metric := h.Text("metric"); {
	case err != nil || d <= 0:
		h.Mistake(h.LineOf("threshold"), "threshold of %s is %q: write a bucket's bound, as a duration (500ms) or in the metric's unit (0.5)", h.What(), strict.Clip(text))
		return 0
	case strings.HasSuffix(metric, "_milliseconds") || strings.HasSuffix(metric, "_ms"):
		h.Mistake(h.LineOf("threshold"), "threshold of %s is %q, which is taken as seconds, but %s is in milliseconds: write %g", h.What(), strict.Clip(text), strict.Clip(metric), d.Seconds()*1000)
	}
	if v := d.Seconds(); !math.IsInf(v, 0) {
		return v
	}
	return 0
}
