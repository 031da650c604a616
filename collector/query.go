package collector

import (
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/rubric"
)

// query is one PromQL expression for one source, with the questions that its
// answer feeds.
type query struct {
	expr     string
	identity int
	presence bool
	feeds    []feed
}

// feed is the part that one query has in the answer to one question.
type feed struct {
	question int
	role     role
}

// role says how rows turn into counts or a value.
type role int

const (
	roleClassified role = iota // rows are events; a row is bad when the matchers of the check match
	roleTotal                  // rows are all events
	roleBad                    // rows are bad events
	roleBuckets                // rows are buckets of a histogram
	roleGauge                  // rows are values
)

// dialect is how one source names labels.
type dialect struct {
	renamed   map[string]string
	partition string
}

func (d dialect) label(name string) string {
	if to, ok := d.renamed[name]; ok {
		return to
	}
	return name
}

func (d dialect) labels(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = d.label(name)
	}
	return out
}

// grouping returns the labels that the rows of an identity carry.
func (d dialect) grouping(id *rubric.Identity, more ...string) []string {
	out := append(d.labels(id.LabelNames()), more...)
	if d.partition != "" {
		out = append(out, d.partition)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// queries writes the distinct queries of a plan for one source: one for each
// selector and identity, whatever the number of checks on it, and one for
// the targets of each identity.
func (p *Plan) queries(d dialect) []query {
	var out []query
	places := map[string]int{}
	add := func(expr string, identity int, f feed) {
		i, known := places[expr]
		if !known {
			i = len(out)
			places[expr] = i
			out = append(out, query{expr: expr, identity: identity})
		}
		out[i].feeds = append(out[i].feeds, f)
	}
	scans := p.scans()
	for i, q := range p.questions {
		w := writer{dialect: d, identity: p.identities[q.identity].Identity, scope: p.scopeOf(q.identity)}
		for _, part := range w.parts(q.check, scans[scanOf(q)]) {
			add(part.expr, q.identity, feed{i, part.role})
		}
	}
	for i, id := range p.identities {
		w := writer{dialect: d, identity: id.Identity, scope: p.scopeOf(i)}
		out = append(out, query{expr: w.targets(), identity: i, presence: true})
	}
	return out
}

// scanKey names a selector under an identity: checks that classify the same
// events share one scan, grouped by the labels that any of them looks at.
type scanKey struct {
	identity int
	selector string
}

func scanOf(q question) scanKey {
	if e := q.check.Events; e != nil {
		return scanKey{q.identity, selectorText(e.Total) + e.Recorded}
	}
	return scanKey{}
}

func selectorText(s rubric.Selector) string {
	texts := make([]string, len(s.Where))
	for i, m := range s.Where {
		texts[i] = m.String()
	}
	slices.Sort(texts)
	return s.Metric + "{" + strings.Join(texts, ",") + "}"
}

func (p *Plan) scans() map[scanKey][]string {
	scans := map[scanKey][]string{}
	for _, q := range p.questions {
		if q.check.Events == nil || q.check.Events.BadOf != nil {
			continue
		}
		key := scanOf(q)
		for _, m := range q.check.Events.Bad {
			scans[key] = append(scans[key], m.Name)
		}
	}
	return scans
}

// scopeOf returns the matchers that restrict an identity to the services of a
// scoped plan.
func (p *Plan) scopeOf(identity int) []*labels.Matcher {
	if p.scoped == nil {
		return nil
	}
	return p.tupleMatchers(identity, slices.Sorted(maps.Keys(p.scoped)))
}

// tupleMatchers returns matchers for the tuples of some services. With
// several labels they may match a few tuples more, which name nobody asked for.
func (p *Plan) tupleMatchers(identity int, services []int) []*labels.Matcher {
	id := p.identities[identity]
	names := id.LabelNames()
	values := make([][]string, len(names))
	for _, service := range services {
		for _, tuple := range id.index.Tuples(service) {
			for i, value := range tuple {
				values[i] = append(values[i], value)
			}
		}
	}
	var out []*labels.Matcher
	for i, name := range names {
		slices.Sort(values[i])
		out = append(out, anyOf(name, slices.Compact(values[i])))
	}
	return out
}

// anyOf matches a label that has one of the values.
func anyOf(name string, values []string) *labels.Matcher {
	if len(values) == 1 {
		return labels.MustNewMatcher(labels.MatchEqual, name, values[0])
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return labels.MustNewMatcher(labels.MatchRegexp, name, strings.Join(quoted, "|"))
}

// writer writes queries on the syntax tree; no value of a catalog is ever
// formatted into a query.
type writer struct {
	dialect
	identity *rubric.Identity
	scope    []*labels.Matcher
}

// part is one expression that a check needs, and what its rows are.
type part struct {
	expr string
	role role
}

// parts writes the expressions of a check; scan are the labels to classify
// events by.
func (w writer) parts(check *rubric.Check, scan []string) []part {
	switch {
	case check.Events != nil && check.Events.BadOf == nil:
		return []part{{w.events(check.Events.Total, check.Events.Recorded, scan), roleClassified}}
	case check.Events != nil:
		return []part{
			{w.events(check.Events.Total, check.Events.Recorded, nil), roleTotal},
			{w.events(*check.Events.BadOf, check.Events.Recorded, nil), roleBad},
		}
	case check.Histogram != nil:
		return []part{{w.buckets(check.Histogram), roleBuckets}}
	case check.Value != nil:
		return []part{{w.value(check), roleGauge}}
	}
	return nil
}

// shown writes the expression that shows a person what a check saw.
func (w writer) shown(check *rubric.Check) string {
	var scan []string
	if check.Events != nil {
		for _, m := range check.Events.Bad {
			scan = append(scan, m.Name)
		}
	}
	return w.parts(check, scan)[0].expr
}

func escaped(expr string) string { return url.QueryEscape(expr) }

func (w writer) selector(metric string, where []*labels.Matcher, more ...*labels.Matcher) *parser.VectorSelector {
	matchers := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric)}
	for _, m := range slices.Concat(where, w.scope) {
		if to := w.label(m.Name); to != m.Name {
			m = labels.MustNewMatcher(m.Type, to, m.Value)
		}
		matchers = append(matchers, m)
	}
	return &parser.VectorSelector{Name: metric, LabelMatchers: append(matchers, more...)}
}

func increase(v *parser.VectorSelector) parser.Expr {
	return &parser.Call{Func: parser.Functions["increase"], Args: parser.Expressions{&parser.MatrixSelector{VectorSelector: v, Range: slotLength}}}
}

const slotLength = 5 * time.Minute

func sumBy(grouping []string, expr parser.Expr) string {
	return (&parser.AggregateExpr{Op: parser.SUM, Expr: expr, Grouping: grouping}).String()
}

func (w writer) events(s rubric.Selector, recorded string, by []string) string {
	selector := w.selector(s.Metric, s.Where)
	grouping := w.grouping(w.identity, w.labels(by)...)
	if recorded != "" {
		return sumBy(grouping, selector)
	}
	return sumBy(grouping, increase(selector))
}

// buckets asks for the two buckets that an SLI needs: its bound, in each of
// the spellings that a bound may have, and all.
func (w writer) buckets(h *rubric.Histogram) string {
	spellings := []string{regexp.QuoteMeta("+Inf")}
	for _, text := range spellingsOf(h.Threshold) {
		spellings = append(spellings, regexp.QuoteMeta(text))
	}
	le := labels.MustNewMatcher(labels.MatchRegexp, model.BucketLabel, strings.Join(spellings, "|"))
	return sumBy(w.grouping(w.identity, model.BucketLabel), increase(w.selector(h.Metric+"_bucket", h.Where, le)))
}

// bounds asks which bounds the buckets of a histogram have.
func (w writer) bounds(h *rubric.Histogram) string {
	agg := &parser.AggregateExpr{Op: parser.GROUP, Expr: w.selector(h.Metric+"_bucket", h.Where), Grouping: []string{model.BucketLabel}}
	return agg.String()
}

// spellingsOf returns the ways to write a bucket bound: 1, 1.0, 1e+00.
func spellingsOf(bound float64) []string {
	short := strconv.FormatFloat(bound, 'g', -1, 64)
	plain := strconv.FormatFloat(bound, 'f', -1, 64)
	exponent := strconv.FormatFloat(bound, 'e', -1, 64)
	out := []string{short, plain, exponent}
	if bound == math.Trunc(bound) {
		out = append(out, plain+".0")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w writer) value(check *rubric.Check) string {
	return w.renamedIn(check.Value.Render(w.identity.LabelNames(), w.extra(), check.Window))
}

func (w writer) extra() []string {
	if w.partition == "" {
		return nil
	}
	return []string{w.partition}
}

// targets counts the scrape targets of each service, by whether they are up.
func (w writer) targets() string {
	if w.identity.Presence != "" {
		return w.renamedIn(w.identity.RenderPresence(w.extra()))
	}
	count := &parser.AggregateExpr{
		Op: parser.COUNT_VALUES, Expr: w.selector("up", nil),
		Param: &parser.StringLiteral{Val: upLabel}, Grouping: w.grouping(w.identity),
	}
	return count.String()
}

// upLabel carries the value of up in the rows of a targets query.
const upLabel = "apgar_up"

// renamedIn renames the labels of an author's query. Such a query is never
// scoped to services: it may join series that do not name them.
func (w writer) renamedIn(text string) string {
	if len(w.renamed) == 0 {
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
				if to := w.label(m.Name); to != m.Name {
					n.LabelMatchers[i] = labels.MustNewMatcher(m.Type, to, m.Value)
				}
			}
		case *parser.AggregateExpr:
			n.Grouping = w.labels(n.Grouping)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				n.VectorMatching.MatchingLabels = w.labels(n.VectorMatching.MatchingLabels)
				n.VectorMatching.Include = w.labels(n.VectorMatching.Include)
			}
		}
		return nil
	})
	return expr.String()
}
