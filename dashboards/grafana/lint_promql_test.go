package grafana_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/dashboards/grafana/viewer"
)

// metric is what docs/metrics.md says of one; another test holds that page
// against what is exported, both ways.
type metric struct {
	kind   string
	labels []string
}

// exported returns the metrics by the names that their series have.
func exported(t *testing.T) map[string]metric {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	label := regexp.MustCompile("`([a-z_]+)`")
	found := map[string]metric{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`apgar_") {
			continue
		}
		name, m := strings.Trim(cells[1], " `"), metric{kind: "gauge", labels: []string{"instance"}}
		if len(cells) > 5 { // the tables of the process have a column more
			m.kind = strings.TrimSpace(cells[2])
			cells = cells[1:]
		}
		for _, l := range label.FindAllStringSubmatch(cells[2], -1) {
			if other, ok := found[l[1]]; ok { // "as apgar_score, and check"
				m.labels = append(m.labels, other.labels...)
				continue
			}
			m.labels = append(m.labels, l[1])
		}
		found[name] = m
		if m.kind == "histogram" {
			parts := metric{kind: "counter", labels: m.labels}
			found[name+"_sum"], found[name+"_count"] = parts, parts
			parts.labels = append(slices.Clip(m.labels), "le")
			found[name+"_bucket"] = parts
			delete(found, name)
		}
	}
	require.Greater(t, len(found), 30)
	return found
}

func TestTargetPromQLAndExportedNames(t *testing.T) {
	metrics := exported(t)
	used := map[string]bool{}
	eachQuery(t, func(name string, target viewer.Target, tree parser.Expr, _ viewer.Window) {
		r := resolver{metrics: metrics, used: used}
		labels := r.labels(tree)
		require.Empty(t, r.problems, "%s: %s", name, tree)
		for _, l := range regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).FindAllStringSubmatch(target.Legend, -1) {
			require.Contains(t, labels, l[1], "the legend of %s", name)
		}
	})
	require.Greater(t, len(used), 15, "the dashboard uses what is exported")
}

// resolver finds the labels that an expression has, and what it uses that is
// not there.
type resolver struct {
	metrics  map[string]metric
	used     map[string]bool
	problems []string
}

func (r *resolver) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// labels returns the labels that the result of an expression can have.
func (r *resolver) labels(node parser.Node) []string {
	switch n := node.(type) {
	case *parser.VectorSelector:
		return r.selected(n)
	case *parser.AggregateExpr:
		inner := r.labels(n.Expr)
		r.need(inner, n.Grouping, n.String())
		switch {
		case n.Without:
			r.problem("%s: aggregate by labels, not without", n)
		case n.Op == parser.TOPK || n.Op == parser.BOTTOMK:
			return inner
		case n.Op == parser.COUNT_VALUES:
			return append(slices.Clip(n.Grouping), n.Param.(*parser.StringLiteral).Val)
		}
		return n.Grouping
	case *parser.BinaryExpr:
		return r.joined(n)
	case *parser.Call:
		return r.called(n)
	}
	var all []string
	for child := range parser.ChildrenIter(node) {
		all = append(all, r.labels(child)...)
	}
	return all
}

func (r *resolver) selected(n *parser.VectorSelector) []string {
	m, ok := r.metrics[n.Name]
	if !ok {
		r.problem("%s is not exported", n.Name)
		return nil
	}
	r.used[n.Name] = true
	for _, matcher := range n.LabelMatchers {
		if matcher.Name != "__name__" {
			r.need(m.labels, []string{matcher.Name}, n.String())
		}
	}
	return m.labels
}

func (r *resolver) joined(n *parser.BinaryExpr) []string {
	left, right := r.labels(n.LHS), r.labels(n.RHS)
	matching := n.VectorMatching
	if matching == nil {
		return append(slices.Clip(left), right...)
	}
	if matching.On {
		r.need(left, matching.MatchingLabels, n.String())
		r.need(right, matching.MatchingLabels, n.String())
	}
	r.need(right, matching.Include, n.String())
	return append(slices.Clip(left), matching.Include...)
}

func (r *resolver) called(n *parser.Call) []string {
	var all []string
	for _, arg := range n.Args {
		all = append(all, r.labels(arg)...)
	}
	if n.Func.Name == "label_replace" {
		r.need(all, []string{n.Args[1].(*parser.StringLiteral).Val, n.Args[3].(*parser.StringLiteral).Val}, n.String())
	}
	return all
}

func (r *resolver) need(have, want []string, where string) {
	for _, l := range want {
		if !slices.Contains(have, l) {
			r.problem("there is no label %s in %s", l, where)
		}
	}
}

func TestTargetCounterAggAndRateInterval(t *testing.T) {
	metrics := exported(t)
	eachQuery(t, func(name string, _ viewer.Target, tree parser.Expr, w viewer.Window) {
		parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			counter := metrics[selector.Name].kind == "counter"
			function := ""
			if len(path) > 1 {
				if call, ok := path[len(path)-2].(*parser.Call); ok {
					function = call.Func.Name
				}
			}
			rated := function == "rate" || function == "increase"
			require.Equal(t, counter, rated, "%s: a counter is read by rate or increase, a gauge by neither: %s", name, tree)
			if rated {
				matrix := path[len(path)-1].(*parser.MatrixSelector)
				require.Equal(t, w.RateInterval(), matrix.Range, "%s: rates are over $__rate_interval", name)
				aggregated := slices.ContainsFunc(path, func(n parser.Node) bool { _, ok := n.(*parser.AggregateExpr); return ok })
				require.True(t, aggregated, "%s: counters of several instances are aggregated", name)
			}
			return nil
		})
	})
}

func TestTheLintFindsMistakes(t *testing.T) {
	metrics := exported(t)
	for query, problem := range map[string]string{
		`apgar_scores`:                                                    "apgar_scores is not exported",
		`apgar_score{team="a"}`:                                           "no label team",
		`sum by (owner) (apgar_score)`:                                    "no label owner",
		`apgar_score and on (check) apgar_level`:                          "no label check",
		`sum by (service) (sum by (rubric) (apgar_score))`:                "no label service",
		`apgar_score * on (service) group_left (team) apgar_service_info`: "no label team",
		`apgar_collector_tick_duration_seconds`:                           "is not exported",
		`label_replace(apgar_score, "team", "x", "team", "")`:             "no label team",
		`sum without (rubric) (apgar_score)`:                              "not without",
	} {
		tree, err := parser.NewParser(parser.Options{}).ParseExpr(query)
		require.NoError(t, err)
		r := resolver{metrics: metrics, used: map[string]bool{}}
		r.labels(tree)
		require.Contains(t, strings.Join(r.problems, "\n"), problem, query)
	}
}
