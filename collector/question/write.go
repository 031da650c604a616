package question

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// writer writes queries on the syntax tree; no value of a catalog is ever
// formatted into a query.
type writer struct {
	Dialect
	identity *rubric.Identity
	scope    []*labels.Matcher // in the rubric's words
}

// part is one expression that a check needs, and what its rows are.
type part struct {
	expr     string
	role     Role
	narrowed func(more []*labels.Matcher) string // as in query
}

// narrow lets through those only that more matchers match, too.
func (w writer) narrow(more []*labels.Matcher) writer {
	w.scope = slices.Concat(w.scope, more)
	return w
}

// part writes an expression that can be narrowed.
func (w writer) part(r Role, write func(writer) string) part {
	return part{write(w), r, func(more []*labels.Matcher) string { return write(w.narrow(more)) }}
}

// parts writes the expressions of a check; scan are the labels to classify
// events by.
func (w writer) parts(check *rubric.Check, scan []string) []part {
	switch e := check.Events; {
	case e != nil && e.BadOf == nil:
		return []part{w.part(RoleClassified, func(w writer) string { return w.events(e.Total, e.Recorded, scan) })}
	case e != nil:
		return []part{
			w.part(RoleTotal, func(w writer) string { return w.events(e.Total, e.Recorded, nil) }),
			w.part(RoleBad, func(w writer) string { return w.events(*e.BadOf, e.Recorded, nil) }),
		}
	case check.Histogram != nil:
		return []part{w.part(RoleBuckets, func(w writer) string { return w.buckets(check.Histogram) })}
	case check.Value != nil:
		return []part{{expr: w.value(check), role: RoleGauge}}
	}
	return nil
}

// targets counts the scrape targets of each service, by whether they are up.
func (w writer) targets() part {
	if w.identity.Presence != "" {
		return part{expr: w.renamedIn(w.identity.RenderPresence(w.extra())), role: RolePresence}
	}
	return w.part(RoleTargets, func(w writer) string {
		count := &parser.AggregateExpr{
			Op: parser.COUNT_VALUES, Expr: w.selector(up, nil),
			Param: &parser.StringLiteral{Val: UpLabel}, Grouping: w.grouping(w.identity),
		}
		return count.String()
	})
}

// UpLabel carries the value of up in the rows of a targets query.
const UpLabel = "apgar_up"

// shown writes the expression that shows a person what a check saw.
func (w writer) shown(check *rubric.Check) string {
	if h := check.Histogram; h != nil {
		return either(w.neededBuckets(h), w.native(h)).String()
	}
	var scan []string
	if check.Events != nil {
		for _, m := range check.Events.Bad {
			scan = append(scan, m.Name)
		}
	}
	return w.parts(check, scan)[0].expr
}

func (w writer) selector(metric string, where []*labels.Matcher, more ...*labels.Matcher) *parser.VectorSelector {
	matchers := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric)}
	for _, m := range slices.Concat(where, w.scope) {
		if to := w.Label(m.Name); to != m.Name {
			m = labels.MustNewMatcher(m.Type, to, m.Value)
		}
		matchers = append(matchers, m)
	}
	return &parser.VectorSelector{Name: metric, LabelMatchers: append(matchers, more...)}
}

func increase(v *parser.VectorSelector) parser.Expr {
	return overSlot("increase", v)
}

func sumBy(grouping []string, expr parser.Expr) parser.Expr {
	return &parser.AggregateExpr{Op: parser.SUM, Expr: expr, Grouping: grouping}
}

func (w writer) events(s rubric.Selector, recorded string, by []string) string {
	selector := w.selector(s.Metric, s.Where)
	grouping := w.grouping(w.identity, by...)
	if recorded != "" {
		return sumBy(grouping, selector).String()
	}
	return sumBy(grouping, increase(selector)).String()
}

// buckets asks for the buckets that an SLI needs, and for how many series lack its
// bound: at the end of the slot, or else at its beginning.
func (w writer) buckets(h *rubric.Histogram) string {
	lacking := either(w.lacking(h, 0), w.lacking(h, slo.SlotLength))
	return either(either(w.neededBuckets(h), relabelled(lacking, LackingLabel, model.BucketLabel, "", "")), w.native(h)).String()
}

// lacking counts the series of each identity of which none has the bound of a
// histogram, some time ago; there is no row where all have it. Each series has the
// bucket of all, so that those with the bound can be taken from it.
func (w writer) lacking(h *rubric.Histogram, age time.Duration) parser.Expr {
	count := func(le *labels.Matcher) parser.Expr {
		return &parser.AggregateExpr{
			Op: parser.COUNT, Expr: before(w.selector(h.Metric+"_bucket", h.Where, le), age), Grouping: w.grouping(w.identity),
		}
	}
	all := count(labels.MustNewMatcher(labels.MatchEqual, model.BucketLabel, infBound))
	having := &parser.UnaryExpr{Op: parser.SUB, Expr: count(leAmong(spellingsOf(h.Threshold)))}
	// A sum, and no comparison: an identity of which no series has the bound has one count alone.
	rest := sumBy(w.grouping(w.identity), either(all, relabelled(having, LackingLabel, model.BucketLabel, "", "")))
	return &parser.BinaryExpr{Op: parser.GTR, LHS: rest, RHS: &parser.NumberLiteral{Val: 0}}
}

const infBound = "+Inf"

// neededBuckets asks for two buckets: that of the bound, in each of the spellings
// that it may have, and that of all.
func (w writer) neededBuckets(h *rubric.Histogram) parser.Expr {
	le := leAmong(append([]string{infBound}, spellingsOf(h.Threshold)...))
	return sumBy(w.grouping(w.identity, model.BucketLabel), increase(w.selector(h.Metric+"_bucket", h.Where, le)))
}

// native asks for native histograms, whose name has no suffix.
func (w writer) native(h *rubric.Histogram) parser.Expr {
	return sumBy(w.grouping(w.identity), increase(w.selector(h.Metric, h.Where)))
}

func leAmong(spellings []string) *labels.Matcher {
	quoted := make([]string, len(spellings))
	for i, text := range spellings {
		quoted[i] = regexp.QuoteMeta(text)
	}
	return labels.MustNewMatcher(labels.MatchRegexp, model.BucketLabel, strings.Join(quoted, "|"))
}

// LackingLabel marks the rows of a buckets query that count series of which none
// has the bound: those that are there at the end of the slot, or were at its
// beginning.
const LackingLabel = "apgar_lacking"

func either(lhs, rhs parser.Expr) parser.Expr {
	return &parser.BinaryExpr{Op: parser.LOR, LHS: lhs, RHS: rhs, VectorMatching: &parser.VectorMatching{Card: parser.CardManyToMany}}
}

// relabelled sets a label where another matches a pattern, anchored.
func relabelled(of parser.Expr, name, value, from, pattern string) parser.Expr {
	text := func(s string) parser.Expr { return &parser.StringLiteral{Val: s} }
	return &parser.Call{Func: parser.Functions["label_replace"], Args: parser.Expressions{of, text(name), text(value), text(from), text(pattern)}}
}

// bounds asks which bounds the buckets of a histogram have, or had at the beginning
// of the slot.
func (w writer) bounds(h *rubric.Histogram) string {
	at := func(age time.Duration) parser.Expr {
		return &parser.AggregateExpr{Op: parser.GROUP, Expr: before(w.selector(h.Metric+"_bucket", h.Where), age), Grouping: []string{model.BucketLabel}}
	}
	return either(at(0), at(slo.SlotLength)).String()
}

// spellingsOf returns the ways in which clients write a bucket bound: 1, 1.0,
// 1e+06, 1e6, 1.0E6.
func spellingsOf(bound float64) []string {
	plain := strconv.FormatFloat(bound, 'f', -1, 64)
	exponent := strconv.FormatFloat(bound, 'e', -1, 64)
	out := []string{strconv.FormatFloat(bound, 'g', -1, 64), plain, exponent}
	if bound == math.Trunc(bound) {
		out = append(out, plain+".0")
	}
	mantissa, power, _ := strings.Cut(exponent, "e")
	if n, err := strconv.Atoi(power); err == nil {
		out = append(out, mantissa+"e"+strconv.Itoa(n))
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		out = append(out, mantissa+"E"+strconv.Itoa(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w writer) value(check *rubric.Check) string {
	return w.renamedIn(check.Value.Render(w.identity.LabelNames(), w.extra(), check.Window))
}

// renamedIn renames the labels of an author's query. Such a query is never
// scoped to services: it may join series that do not name them.
func (w writer) renamedIn(text string) string {
	if len(w.Renamed) == 0 {
		return text
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return text // it was parsed when it was loaded; the source will say what it thinks
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			for i, m := range n.LabelMatchers {
				if to := w.Label(m.Name); to != m.Name {
					n.LabelMatchers[i] = labels.MustNewMatcher(m.Type, to, m.Value)
				}
			}
		case *parser.AggregateExpr:
			n.Grouping = w.Labels(n.Grouping)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				n.VectorMatching.MatchingLabels = w.Labels(n.VectorMatching.MatchingLabels)
				n.VectorMatching.Include = w.Labels(n.VectorMatching.Include)
			}
		}
		return nil
	})
	return expr.String()
}
