package rubrictest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

const maxExpectations = 10_000 // of a test

// test reads one test.
func (r *reader) test(m *strict.Map) *Test {
	t := &Test{Name: strings.TrimSpace(m.Text("name")), Position: r.at(m.Line())}
	switch {
	case m.Bad():
		return t
	case t.Name == "" || strings.ContainsAny(t.Name, "\n\t"):
		m.Mistake(m.LineOf("name"), "name of %s must be a text of one line: add \"name: …\"", m.What())
	default:
		m.Name(fmt.Sprintf("test %q", strict.Clip(t.Name)))
	}
	t.start = r.tick(m, "start")
	t.series = r.inputSeries(m)
	t.faults = r.faults(m, t.start)
	nodes := nodesOf(m, "expect", maxExpectations)
	if len(nodes) == 0 {
		m.Mistake(m.LineOf("expect"), "%s expects nothing: list under \"expect:\" what is to hold, e.g. - {at: 2h, score: 100}", m.What())
	}
	m.Done()
	for i, n := range nodes {
		e := r.expectation(m.Source().Map(n, fmt.Sprintf("expectation %d of %s", i+1, m.What())))
		if e == nil {
			continue
		}
		if e.at < t.start {
			m.Mistake(e.position.Line, "this is expected at %s, before the test starts to grade at %s", model.Duration(e.at), model.Duration(t.start))
		}
		if ticks := int((e.at - t.start) / r.out.Interval); ticks >= maxTicks {
			m.Mistake(e.position.Line, "%d ticks are graded until %s, but at most %d are allowed: start later, with \"start:\" in %s", ticks+1, model.Duration(e.at), maxTicks, m.What())
		}
		t.expectations = append(t.expectations, e)
	}
	return t
}

// tick reads a time that must be one of a tick.
func (r *reader) tick(m *strict.Map, field string) time.Duration {
	at := duration(m, field, 0, 0, maxTime)
	if at%r.out.Interval != 0 {
		m.Mistake(m.LineOf(field), "%s of %s is %s, at which there is no tick: write a multiple of the interval %s", field, m.What(), m.Text(field), model.Duration(r.out.Interval))
	}
	return at
}

// expectation reads one expectation, or returns nil after a report.
func (r *reader) expectation(m *strict.Map) *expectation {
	e := &expectation{position: r.at(m.Line()), at: r.tick(m, "at"), graded: m.Bool("graded", true)}
	if !m.Has("at") && !m.Bad() {
		m.Mistake(m.Line(), "%s does not say when: add e.g. \"at: 2h\"", m.What())
	}
	r.whose(m, e)
	e.fields = r.fields(m, cardFields(&scorecard.Scorecard{}))
	if e.rubric != nil {
		r.wantLevel(m, e.rubric)
		wantStep(m, e.rubric)
		e.checks = r.wantChecks(m, e.rubric)
	} else {
		m.Ask("checks")
	}
	m.Done()
	unread := e.rubric == nil && m.Has("checks") // the rubric has mistakes of its own
	nothing := len(e.fields) == 0 && len(e.checks) == 0 && !unread
	switch {
	case m.Bad():
	case e.graded && nothing:
		m.Mistake(m.Line(), "%s expects nothing: write e.g. \"score: 100\"", m.What())
	case !e.graded && !nothing:
		m.Mistake(m.Line(), "%s says graded: false, so there is no score or check to expect: remove what else it says", m.What())
	}
	if m.Bad() {
		return nil
	}
	return e
}

// whose reads of which scorecard something is expected; where there is one
// service, or one rubric, it need not be named.
func (r *reader) whose(m *strict.Map, e *expectation) {
	name := m.Text("service")
	if services := r.out.catalog.Services(); name == "" && len(services) == 1 {
		e.service = services[0].ID
	} else if id, err := catalog.ParseID(name); err != nil {
		m.Mistake(m.LineOf("service"), "%s names no service: write \"service:\" with the name of one under \"services:\"", m.What())
	} else if _, ok := r.out.catalog.Service(id); !ok {
		m.Mistake(m.LineOf("service"), "the file has no service %s: list it under \"services:\", or correct its name", id)
	} else {
		e.service = id
	}
	name = m.Text("rubric")
	names := make([]string, len(r.out.rubrics))
	for i, c := range r.out.rubrics {
		names[i] = c.Name
		if c.Name == name || name == "" && len(r.out.rubrics) == 1 {
			e.rubric = c
		}
	}
	if name == scorecard.Overall {
		e.rubric = &rubric.Rubric{Name: scorecard.Overall} // without levels and checks
	}
	if e.rubric == nil && len(names) > 0 {
		m.Mistake(m.LineOf("rubric"), "%s names no rubric: write \"rubric:\" with one of %s", m.What(), strings.Join(names, ", "))
	}
}

// fields reads what is expected of those that are written.
func (r *reader) fields(m *strict.Map, known map[string]fact) []wantedField {
	var out []wantedField
	written := m.Keys()
	for _, field := range slices.Sorted(maps.Keys(known)) {
		m.Ask(field)
		if !slices.Contains(written, field) {
			continue
		}
		w, shown, ok := readWant(m, field, known[field])
		if !ok {
			continue
		}
		if advice := misspelt(field, w.text); advice != "" && !w.null {
			m.Mistake(m.LineOf(field), "%q of %s is %q: %s", field, m.What(), strict.Clip(w.text), advice)
		}
		out = append(out, wantedField{field: field, line: m.LineOf(field), want: w, expected: shown})
	}
	slices.SortStableFunc(out, func(a, b wantedField) int { return slices.Index(written, a.field) - slices.Index(written, b.field) })
	return out
}

// wantLevel holds the level against those of the rubric.
func (r *reader) wantLevel(m *strict.Map, c *rubric.Rubric) {
	if level := m.Text("level"); level != "" && !slices.Contains(c.Levels, level) {
		m.Mistake(m.LineOf("level"), "level of %s is %q, which rubric %s does not have: write %s", m.What(), strict.Clip(level), c.Name, strings.Join(append(slices.Clone(c.Levels), "null"), " or "))
	}
}

// wantStep holds the next step against the checks of the rubric.
func wantStep(m *strict.Map, c *rubric.Rubric) {
	step := m.Text("next_step")
	if step != "" && !slices.ContainsFunc(c.Checks, func(check *rubric.Check) bool { return check.Name == step }) {
		m.Mistake(m.LineOf("next_step"), "next_step of %s is %q, which is no check of rubric %s", m.What(), strict.Clip(step), c.Name)
	}
}

func (r *reader) wantChecks(m *strict.Map, c *rubric.Rubric) []wantedCheck {
	var names []string
	for _, check := range c.Checks {
		names = append(names, check.Name)
	}
	checks := m.Map("checks")
	var out []wantedCheck
	for _, name := range checks.Keys() {
		if !slices.Contains(names, name) {
			hint := "its checks are " + strings.Join(names, ", ")
			if len(names) == 0 {
				hint = "it has none: expect them of the rubrics"
			}
			if near := strict.Nearest(name, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			checks.Mistake(checks.LineOf(name), "rubric %s has no check %q; %s", c.Name, strict.Clip(name), hint)
			continue
		}
		check := checks.Map(name)
		check.Name(fmt.Sprintf("check %q of %s", name, m.What()))
		fields := r.fields(check, resultFields(&scorecard.Result{}))
		check.Done()
		if len(fields) == 0 && !check.Bad() {
			check.Mistake(checks.LineOf(name), "%s expects nothing: write e.g. \"verdict: pass\"", check.What())
		}
		out = append(out, wantedCheck{name, fields})
	}
	return out
}
