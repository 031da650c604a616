package question

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func exprs(p *Plan, d Dialect) []string {
	var out []string
	for _, q := range p.Queries(d) {
		out = append(out, q.Expr)
	}
	return out
}

const targetsByService = `count_values by (service) ("apgar_up", up)`

func TestThePlannerWritesTheseQueries(t *testing.T) {
	tests := []struct {
		name    string
		spec    spec
		dialect Dialect
		want    []string
	}{
		{
			name: "all kinds of check, each in one query",
			want: []string{
				`sum by (code, service) (increase(http_requests_total{handler!="/metrics"}[5m]))`,
				`sum by (le, service) (increase(http_request_duration_seconds_bucket{code!~"5..",le=~"\\+Inf|0\\.5|5\\.0E-1|5e-01|5e-1"}[5m])) or label_replace(sum by (service) (count by (service) (http_request_duration_seconds_bucket{code!~"5..",le="+Inf"}) or label_replace(-count by (service) (http_request_duration_seconds_bucket{code!~"5..",le=~"0\\.5|5\\.0E-1|5e-01|5e-1"}), "apgar_lacking", "le", "", "")) > 0` +
					` or sum by (service) (count by (service) (http_request_duration_seconds_bucket{code!~"5..",le="+Inf"} offset 5m) or label_replace(-count by (service) (http_request_duration_seconds_bucket{code!~"5..",le=~"0\\.5|5\\.0E-1|5e-01|5e-1"} offset 5m), "apgar_lacking", "le", "", "")) > 0, "apgar_lacking", "le", "", "")` +
					` or sum by (service) (increase(http_request_duration_seconds{code!~"5.."}[5m]))`,
				`max by (service) (process_open_fds / process_max_fds)`,
				targetsByService,
			},
		},
		{
			name:    "renamed labels and a partition label",
			dialect: Dialect{Renamed: map[string]string{"service": "svc", "code": "status", "handler": "route"}, Partition: "cluster"},
			want: []string{
				`sum by (cluster, status, svc) (increase(http_requests_total{route!="/metrics"}[5m]))`,
				`sum by (cluster, le, svc) (increase(http_request_duration_seconds_bucket{le=~"\\+Inf|0\\.5|5\\.0E-1|5e-01|5e-1",status!~"5.."}[5m])) or label_replace(sum by (cluster, svc) (count by (cluster, svc) (http_request_duration_seconds_bucket{le="+Inf",status!~"5.."}) or label_replace(-count by (cluster, svc) (http_request_duration_seconds_bucket{le=~"0\\.5|5\\.0E-1|5e-01|5e-1",status!~"5.."}), "apgar_lacking", "le", "", "")) > 0` +
					` or sum by (cluster, svc) (count by (cluster, svc) (http_request_duration_seconds_bucket{le="+Inf",status!~"5.."} offset 5m) or label_replace(-count by (cluster, svc) (http_request_duration_seconds_bucket{le=~"0\\.5|5\\.0E-1|5e-01|5e-1",status!~"5.."} offset 5m), "apgar_lacking", "le", "", "")) > 0, "apgar_lacking", "le", "", "")` +
					` or sum by (cluster, svc) (increase(http_request_duration_seconds{status!~"5.."}[5m]))`,
				`max by (svc, cluster) (process_open_fds / process_max_fds)`,
				`count_values by (cluster, svc) ("apgar_up", up)`,
			},
		},
		{
			name: "two checks on one SLI are one query, and checks that share a scan unite their labels",
			spec: spec{Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code=~"5.."}'}, objective: 99%, period: 7d}
      - {name: two, events: {metric: requests_total, bad: '{code=~"5.."}'}, objective: 99.9%, period: 30d}
      - {name: three, events: {metric: requests_total, bad: '{grpc_status!="0", code=~".+"}'}, objective: 99%}
  - name: b
    checks:
      - {name: other-where, events: {metric: requests_total, where: '{job="x"}', bad: '{code="500"}'}, objective: 99%}
`},
			want: []string{
				`sum by (code, grpc_status, service) (increase(requests_total[5m]))`,
				`sum by (code, service) (increase(requests_total{job="x"}[5m]))`,
				targetsByService,
			},
		},
		{
			name: "recorded increases are summed, not increased again",
			spec: spec{Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: one, events: {metric: "service:requests:increase5m", bad: '{code="500"}', recorded: increase5m}, objective: 99%}
`},
			want: []string{`sum by (code, service) (service:requests:increase5m)`, targetsByService},
		},
		{
			name: "bad events of another metric are two selectors",
			spec: spec{Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: one, events: {total: {metric: calls_total, where: '{side="server"}'}, bad: {metric: failures_total}}, objective: 99%}
`},
			want: []string{
				`sum by (service) (increase(calls_total{side="server"}[5m]))`,
				`sum by (service) (increase(failures_total[5m]))`,
				targetsByService,
			},
		},
		{
			name: "alternatives of identity are asked separately",
			spec: spec{
				Rubrics: `
rubrics:
  - name: a
    identity: [service, workload]
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`,
				Identities: map[string]map[string]string{"workload": {"namespace": "service.namespace", "deployment": "service.name"}},
				Presence:   map[string]string{"workload": "sum by ($identity) (kube_deployment_status_replicas_available)"},
			},
			dialect: Dialect{Renamed: map[string]string{"namespace": "exported_namespace"}},
			want: []string{
				`sum by (code, service) (increase(requests_total[5m]))`,
				`sum by (code, deployment, exported_namespace) (increase(requests_total[5m]))`,
				targetsByService,
				`sum by (deployment, exported_namespace) (kube_deployment_status_replicas_available)`,
			},
		},
		{
			name: "an identity that names no service is not asked about",
			spec: spec{Rubrics: `
rubrics:
  - name: a
    identity: [job, service]
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`},
			want: []string{`sum by (code, service) (increase(requests_total[5m]))`, targetsByService},
		},
		{
			name:    "a scoped plan asks about its services alone, where the query can be restricted",
			spec:    spec{Rubrics: fixture.FourKinds, Only: []string{"playlist"}},
			dialect: Dialect{Renamed: map[string]string{"service": "svc"}},
			want: []string{
				`sum by (code, svc) (increase(http_requests_total{handler!="/metrics",svc="playlist"}[5m]))`,
				`sum by (le, svc) (increase(http_request_duration_seconds_bucket{code!~"5..",le=~"\\+Inf|0\\.5|5\\.0E-1|5e-01|5e-1",svc="playlist"}[5m])) or label_replace(sum by (svc) (count by (svc) (http_request_duration_seconds_bucket{code!~"5..",le="+Inf",svc="playlist"}) or label_replace(-count by (svc) (http_request_duration_seconds_bucket{code!~"5..",le=~"0\\.5|5\\.0E-1|5e-01|5e-1",svc="playlist"}), "apgar_lacking", "le", "", "")) > 0` +
					` or sum by (svc) (count by (svc) (http_request_duration_seconds_bucket{code!~"5..",le="+Inf",svc="playlist"} offset 5m) or label_replace(-count by (svc) (http_request_duration_seconds_bucket{code!~"5..",le=~"0\\.5|5\\.0E-1|5e-01|5e-1",svc="playlist"} offset 5m), "apgar_lacking", "le", "", "")) > 0, "apgar_lacking", "le", "", "")` +
					` or sum by (svc) (increase(http_request_duration_seconds{code!~"5..",svc="playlist"}[5m]))`,
				`max by (svc) (process_open_fds / process_max_fds)`,
				`count_values by (svc) ("apgar_up", up{svc="playlist"})`,
			},
		},
		{
			name: "several services are a pattern of quoted names",
			spec: spec{Rubrics: fixture.Availability, Only: []string{"play.list", "search"}, Services: fixture.Named("play.list", "search", "other")},
			want: []string{
				`sum by (code, service) (increase(http_requests_total{service=~"play\\.list|search"}[5m]))`,
				`count_values by (service) ("apgar_up", up{service=~"play\\.list|search"})`,
			},
		},
		{
			name: "labels are renamed in every place of an author's query",
			spec: spec{Rubrics: `
rubrics:
  - name: a
    checks:
      - name: one
        value: {query: 'sum by ($identity) (a{env="x"} * on (env) group_left (team) b) / on ($identity) sum by ($identity) (rate(c[$window]))'}
        window: 10m
        pass: 1
        op: "<="
`},
			dialect: Dialect{Renamed: map[string]string{"service": "svc", "env": "stage", "team": "squad"}, Partition: "cluster"},
			want: []string{
				`sum by (svc, cluster) (a{stage="x"} * on (stage) group_left (squad) b) / on (svc, cluster) sum by (svc, cluster) (rate(c[10m]))`,
				`count_values by (cluster, svc) ("apgar_up", up)`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.spec
			if f.Rubrics == "" {
				f.Rubrics = fixture.FourKinds
			}
			if f.Services == nil {
				f.Services = fixture.Named("playlist", "search")
			}
			got := exprs(f.plan(t), tt.dialect)
			require.Equal(t, tt.want, got)
			for _, expr := range got {
				_, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
				require.NoError(t, err, expr)
			}
		})
	}
}

func TestBoundsAreFoundInWhateverFormClientsWriteThem(t *testing.T) {
	tests := []struct {
		bound float64
		want  []string
	}{
		{0.5, []string{"0.5", "5e-01"}},
		{1, []string{"1", "1.0", "1e+00"}},
		{1e6, []string{"1e+06", "1000000", "1000000.0", "1e6", "1.0E6"}},
		{2.5e-5, []string{"2.5e-05", "2.5e-5", "2.5E-5", "0.000025"}},
		{1e7, []string{"1e+07", "10000000", "1.0E7"}},
		{0, []string{"0", "0.0"}},
		{-1.5, []string{"-1.5"}},
	}
	for _, tt := range tests {
		require.Subset(t, spellingsOf(tt.bound), tt.want)
		for _, text := range spellingsOf(tt.bound) {
			value, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err, text)
			require.InDelta(t, tt.bound, value, 0, text)
		}
	}
}

// hostile are names that would break out of a query written as text.
var hostile = []string{
	`a"b`, `"} or up{x="`, `a\`, `a|b`, `.*`, `(`, `[`, `a{3}`, `$identity`, "a\nb", "müsli", "\u2028", "\xff\xfe", `\Q`, "`", "a'b", "",
}

func TestNoServiceNameChangesTheShapeOfAQuery(t *testing.T) {
	queries := shapePlan(t).Queries(Dialect{})
	for _, name := range hostile {
		requireSameShape(t, queries, name, "other")
		requireSameShape(t, queries, name, name)
	}
}

func FuzzNoServiceNameChangesTheShapeOfAQuery(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, "other")
	}
	queries := shapePlan(f).Queries(Dialect{})
	f.Fuzz(func(t *testing.T, a, b string) { requireSameShape(t, queries, a, b) })
}

// requireSameShape writes queries for services of these names and requires
// their trees to be those for harmless names, up to the values matched.
func requireSameShape(t *testing.T, queries []Query, a, b string) {
	t.Helper()
	matchers := []*labels.Matcher{anyOf("service", []string{a, b})}
	harmless := []*labels.Matcher{anyOf("service", []string{"x", "y"})}
	if sayable(a) {
		matchers = append(matchers, anyOf("single", []string{a}))
		harmless = append(harmless, anyOf("single", []string{"x"}))
	}
	for i, q := range queries {
		if q.narrowed == nil {
			continue
		}
		require.Equal(t, shapeOf(t, q.narrowed(harmless)), shapeOf(t, q.narrowed(matchers)), "query %d", i)
	}
	for _, m := range matchers {
		require.True(t, m.Matches(strings.ToValidUTF8(a, "\uFFFD")), "%q is not found", a)
	}
	if c := a + "x"; sayable(a) && sayable(b) && c != b {
		require.False(t, matchers[0].Matches(c), "%q matches another", a)
	}
}

func shapePlan(t testing.TB) *Plan {
	return spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist", "search")}.plan(t)
}

// shapeOf prints the tree of a query without the values that it matches.
func shapeOf(t *testing.T, expr string) string {
	t.Helper()
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err, expr)
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			for i, m := range v.LabelMatchers {
				if m.Name == "service" || m.Name == "single" {
					v.LabelMatchers[i] = labels.MustNewMatcher(m.Type, m.Name, "")
				}
			}
		}
		return nil
	})
	return tree.String()
}

func TestPlansThatCannotBeAreRefused(t *testing.T) {
	good := spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}.plan(t)
	o := PlanOptions{Catalog: good.Catalog, Rubrics: good.Rubrics}
	for _, interval := range []time.Duration{0, -time.Minute, time.Millisecond, 90 * time.Second * 2, 7 * time.Second} {
		o.Interval = interval
		_, err := NewPlan(o)
		require.ErrorContains(t, err, "does not divide 5m", interval)
	}
	o.Interval, o.Only = time.Minute, []catalog.ID{{Namespace: "default", Name: "nobody"}}
	_, err := NewPlan(o)
	require.ErrorContains(t, err, "no service default/nobody")
}

func TestChecksOnOneSLIAreAskedAsOftenAsEachOfThemNeeds(t *testing.T) {
	p := spec{Interval: 10 * time.Second, Services: fixture.Named("playlist"), Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: slow, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%, interval: 100s}
      - {name: other, events: {metric: requests_total, bad: '{code="500"}'}, objective: 90%, interval: 150s}
`}.plan(t)
	require.Len(t, p.SLIs, 1)
	require.EqualValues(t, 50, p.SLIs[0].every)
	require.True(t, p.Due(0, 150))
	require.False(t, p.Due(0, 160))
	slow, other := p.Rubrics[0].Checks[0], p.Rubrics[0].Checks[1]
	require.EqualValues(t, 150, p.AsOf(other, 190))
	require.EqualValues(t, 100, p.AsOf(slow, 190))
	require.False(t, p.Paces(slow, &p.SLIs[0]))
}

func TestGaugesThatAreMergedDifferentlyAreDifferent(t *testing.T) {
	p := spec{Services: fixture.Named("playlist"), Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: worst, value: {query: 'max by ($identity) (fds)'}, pass: 1, fail: 2}
      - {name: best, value: {query: 'max by ($identity) (fds)', across: best}, pass: 1, fail: 2}
      - {name: same, value: {query: 'max by ($identity) (fds)'}, pass: 3, fail: 4}
`}.plan(t)
	require.Len(t, p.SLIs, 2)
	require.Len(t, p.Queries(Dialect{}), 2, "they are asked once all the same")
}
