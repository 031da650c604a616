package question

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// up and processStart are what Prometheus and its client libraries say of a
// target: whether the newest scrape of it went well, and when its process began.
const (
	up           = "up"
	processStart = "process_start_time_seconds"
)

// dataAges are how long ago a source had data if its first hour is over. The
// second is for the hours after it has seen nothing for a while.
func dataAges() []time.Duration { return []time.Duration{time.Hour, 3 * time.Hour} }

// born writes the expression for the bad events that counters were born with in
// a slot: increase sees nothing in the first value of a series. ok is false
// where there are no series of bad events alone.
//
// A series is born in a slot if it has values there and had none at its
// beginning, although its target was scraped then, or its process had not begun
// by then: an old counter that is scraped for the first time, or again, was not.
// Its first value is its least.
func (w writer) born(check *rubric.Check) (part, bool) {
	e := check.Events
	if e == nil || e.Recorded != "" {
		return part{}, false
	}
	bad := rubric.Selector{Metric: e.Total.Metric, Where: slices.Concat(e.Total.Where, e.Bad)}
	if e.BadOf != nil {
		bad = *e.BadOf
	}
	return w.part(RoleBorn, func(w writer) string { return w.births(bad) }), true
}

func (w writer) births(bad rubric.Selector) string {
	// What is aggregated has no instance, and no target to know it by.
	instance := labels.MustNewMatcher(labels.MatchNotEqual, w.Label(model.InstanceLabel), "")
	series := func() *parser.VectorSelector { return w.selector(bad.Metric, bad.Where, instance) }
	fresh := &parser.BinaryExpr{
		Op: parser.LUNLESS, LHS: overSlot("min_over_time", series()), RHS: before(series(), slo.SlotLength),
		VectorMatching: &parser.VectorMatching{Card: parser.CardManyToMany},
	}
	counted := w.onSame(parser.LAND, &parser.ParenExpr{Expr: fresh}, &parser.ParenExpr{Expr: w.witnesses()}, w.targetLabels())
	counted = w.onSame(parser.LAND, counted, &parser.ParenExpr{Expr: w.oldData()}, w.Labels(w.extra()))
	some := &parser.BinaryExpr{Op: parser.GTR, LHS: sumBy(w.grouping(w.identity), counted), RHS: &parser.NumberLiteral{}}
	return some.String()
}

// targetLabels tell targets apart. Those of the identity are among them, unless
// it has a query of its own for its targets, since up need not have them then.
func (w writer) targetLabels() []string {
	names := w.Labels(slices.Concat([]string{model.JobLabel, model.InstanceLabel}, w.extra()))
	if w.identity.Presence == "" {
		names = append(names, w.Labels(w.identity.LabelNames())...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// witnesses writes the expression for the targets whose new series are known to
// be new: those that were up before the slot, and those whose processes began in
// it. All processes that were scraped in the slot under one name must have.
func (w writer) witnesses() parser.Expr {
	if w.identity.Presence != "" {
		w.scope = nil
	}
	upBefore := &parser.BinaryExpr{
		Op: parser.EQLC, LHS: before(w.selector(up, nil), slo.SlotLength), RHS: &parser.NumberLiteral{Val: 1},
	}
	start := &parser.BinaryExpr{
		Op: parser.SUB, LHS: &parser.Call{Func: parser.Functions["time"]}, RHS: &parser.NumberLiteral{Val: slo.SlotLength.Seconds()},
	}
	began := &parser.BinaryExpr{Op: parser.GTR, LHS: overSlot("min_over_time", w.selector(processStart, nil)), RHS: start}
	scraped := overSlot("last_over_time", w.selector(up, nil)) // what was pushed has no up, and is left out
	return w.onSame(parser.LOR, upBefore, w.onSame(parser.LAND, began, scraped, w.targetLabels()), w.targetLabels())
}

// oldData writes the expression for the parts of a source whose first hour of
// data is over, whoever is asked about.
func (w writer) oldData() parser.Expr {
	w.scope = nil
	var ever parser.Expr
	for _, age := range dataAges() {
		then := before(w.selector(up, nil), age)
		if ever == nil {
			ever = then
			continue
		}
		ever = w.onSame(parser.LOR, ever, then, w.targetLabels())
	}
	return &parser.AggregateExpr{Op: parser.GROUP, Expr: ever, Grouping: w.Labels(w.extra())}
}

func (w writer) onSame(op parser.ItemType, lhs, rhs parser.Expr, names []string) parser.Expr {
	return &parser.BinaryExpr{
		Op: op, LHS: lhs, RHS: rhs,
		VectorMatching: &parser.VectorMatching{Card: parser.CardManyToMany, On: true, MatchingLabels: names},
	}
}

func before(v *parser.VectorSelector, age time.Duration) *parser.VectorSelector {
	v.OriginalOffset = age
	return v
}

func overSlot(function string, v *parser.VectorSelector) parser.Expr {
	return &parser.Call{Func: parser.Functions[function], Args: parser.Expressions{&parser.MatrixSelector{VectorSelector: v, Range: slo.SlotLength}}}
}
