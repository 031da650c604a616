package rubric

import (
	"fmt"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog/strict"
)

// value reads {query, across, unit}.
func value(m *strict.Map) *Value {
	v := m.Map("value")
	v.Name("value of " + m.What())
	out := &Value{
		Query:  strings.TrimSpace(v.Text("query")),
		Across: choice(v, "across", Worst, Worst, Best, Sum, Mean),
		Unit:   v.Text("unit"),
	}
	if out.Query == "" && !v.Bad() {
		v.Mistake(v.Line(), "query is missing in %s: write PromQL, e.g. 'max by ($identity) (process_open_fds / process_max_fds)'", v.What())
	}
	if out.Query != "" {
		expr, err := parseValue(out.Query)
		if err != nil {
			v.Mistake(v.LineOf("query"), "query of %s: %s", v.What(), err)
		}
		out.Expr = expr
	}
	v.Done()
	return out
}

// readThreshold reads what is good enough, as the kind of check has it.
func readThreshold(m *strict.Map, c *Check) {
	for _, field := range []string{"objective", "period", "window", "pass", "fail", "op"} {
		m.Ask(field)
	}
	switch {
	case c.Kind == KindCatalog:
		for _, field := range []string{"objective", "period", "window", "pass", "fail", "op"} {
			refuse(m, field, "a catalog check is true or false")
		}
	case c.Kind == KindValue:
		refuse(m, "objective", "a value has no events to count, and is judged by pass and fail")
		refuse(m, "period", "a value has no objective")
		valueThreshold(m, c)
	case c.Kind.Counted() && m.Has("objective"):
		objective(m, c)
	case c.Kind.Counted():
		ratioThreshold(m, c)
	}
}

func objective(m *strict.Map, c *Check) {
	v, ok := number(m, "objective")
	if ok && (v <= 0 || v >= 1) {
		m.Mistake(m.LineOf("objective"), "objective of %s is %s, but must be above 0 and below 1: write 99.9%% or 0.999", m.What(), m.Text("objective"))
	}
	c.Objective = v
	c.Period = duration(m, "period", defaultPeriod, minPeriod, maxPeriod, time.Hour)
	for _, field := range []string{"pass", "fail", "op", "window"} {
		refuse(m, field, "it has an objective, which is judged over its period and its burn rates")
	}
}

// ratioThreshold reads pass and fail of a counted check without an objective.
// Both are ratios of good events, so that more is always better.
func ratioThreshold(m *strict.Map, c *Check) {
	refuse(m, "period", "it has no objective")
	c.Window = duration(m, "window", ratioWindow, slot, maxPeriod, slot)
	if !m.Has("pass") {
		m.Mistake(m.Line(), "%s has neither objective nor pass: write e.g. objective: 99.9%%, or pass: 99%% with fail: 95%%", m.What())
		return
	}
	for _, field := range []string{"pass", "fail"} {
		number01(m, field, 0)
	}
	c.Pass, c.Fail, c.Op = passFail(m, AtLeast)
	if c.Op == AtMost {
		m.Mistake(m.LineOf("pass"), "%s wants fewer good events: pass and fail are ratios of good events, so pass must be above fail (and op, if any, \">=\")", m.What())
	}
}

func valueThreshold(m *strict.Map, c *Check) {
	c.Window = duration(m, "window", valueWindow, minWindow, maxPeriod, 0)
	if m.Has("window") && c.Value != nil && c.Value.Expr != nil && !usesWindow(c.Value.Expr) {
		m.Mistake(m.LineOf("window"), "window of %s has no effect: write [$window] in the query, or remove it", m.What())
	}
	if !m.Has("pass") {
		m.Mistake(m.Line(), "%s has no pass: say from which value on it is good, e.g. pass: 0.7 with fail: 0.95", m.What())
		return
	}
	c.Pass, c.Fail, c.Op = passFail(m, "")
}

// ratioAbove1 warns of a ratio that is above 1 where percent may be meant: 95 is
// 9500 %.
func (l *loader) ratioAbove1(m *strict.Map, c *Check) {
	if c.Value == nil || c.Value.Unit != "ratio" {
		return
	}
	for _, t := range []struct {
		field string
		value *float64
	}{{"pass", c.Pass}, {"fail", c.Fail}} {
		if written := strings.TrimSpace(m.Text(t.field)); t.value != nil && *t.value > 1 && !strings.HasSuffix(written, "%") {
			percent := fmt.Sprintf("%.6g%%", *t.value*100)
			l.warn(m.LineOf(t.field), fmt.Sprintf("%s of %s is %s of a ratio, which is %s: write %s if that is meant, or %s%%", t.field, m.What(), written, percent, percent, written))
		}
	}
}

// passFail reads pass, fail and op. The order of pass and fail gives the
// direction; pass alone needs op, or the direction that is the only one.
func passFail(m *strict.Map, only Op) (pass, fail *float64, op Op) {
	op = choice(m, "op", only, AtLeast, AtMost)
	p, ok := number(m, "pass")
	if !ok {
		return nil, nil, op
	}
	pass = &p
	if !m.Has("fail") {
		if op == "" {
			m.Mistake(m.LineOf("pass"), "%s has pass alone: add op: \"<=\" if less is better or op: \">=\" if more is, or a fail", m.What())
		}
		return pass, nil, op
	}
	f, ok := number(m, "fail")
	if !ok {
		return pass, nil, op
	}
	order := AtMost
	if p > f {
		order = AtLeast
	}
	switch {
	case p == f:
		m.Mistake(m.LineOf("fail"), "pass and fail of %s are both %s: make them differ, or write pass alone with op", m.What(), m.Text("fail"))
	case m.Has("op") && op != order:
		m.Mistake(m.LineOf("op"), "op %q of %s contradicts pass %s and fail %s, which say %q: remove op", op, m.What(), m.Text("pass"), m.Text("fail"), order)
	}
	return pass, &f, order
}
