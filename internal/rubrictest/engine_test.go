package rubrictest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/collector/promapi"
)

// notation is every form that a series in Prometheus' test notation takes.
var notation = [][2]string{
	{`requests_total{service="a", code="200"}`, `0+60x40 100+30x20`},
	{`requests_total{service="a", code="500"}`, `_x10 0 1 _ 3 stale _x5 7x40`},
	{`requests_total{service="b", code="200"}`, `100-1x10 -Inf NaN Inf 5`},
	{`depth{service="a"}`, `1 2 3 4e2 0x10 5.5x30`},
	{`depth{service="b"}`, `_x30 1x2 stale`},
	{`work_seconds{service="a"}`, `{{schema:0 count:0 sum:0 buckets:[0 0]}}+{{schema:0 count:10 sum:5 z_bucket:1 buckets:[7 2]}}x50`},
	{`work_seconds{service="b"}`, `{{schema:1 count:4 sum:-3 n_buckets:[1 3]}}x20 stale`},
}

// TestSeriesMeanWhatTheyMeanToPrometheus holds our series in memory against
// Prometheus' own storage of the same description.
func TestSeriesMeanWhatTheyMeanToPrometheus(t *testing.T) {
	load := "load 1m\n"
	list := make([]string, len(notation))
	for i, s := range notation {
		load += "  " + s[0] + " " + s[1] + "\n"
		list[i] = fmt.Sprintf("{series: '%s', values: '%s'}", s[0], s[1])
	}
	theirs := promqltest.LoadedStorage(t, load)
	defer func() { require.NoError(t, theirs.Close()) }()
	ours := newMemory(parsed(t, list), time.Unix(0, 0), time.Minute)
	engine := newEngine()
	defer func() { require.NoError(t, engine.Close()) }()
	for _, expr := range []string{
		`sum by (service) (increase(requests_total[5m]))`, `requests_total`, `{__name__=~"requests.*", code!="200"}`,
		`max by (service) (depth)`, `depth unless depth offset 5m`, `avg_over_time(depth[10m:1m])`, `absent_over_time(depth{service="b"}[5m])`,
		`increase(work_seconds[5m])`, `histogram_fraction(0, 1, rate(work_seconds[5m]))`, `work_seconds`, `count({code!="", service=~"a|b"}) or vector(0)`,
		`min_over_time(requests_total{code="500"}[5m]) unless requests_total offset 5m`, `last_over_time(requests_total[1h] @ end())`,
	} {
		want := ranged(t, engine, theirs, expr)
		got := ranged(t, engine, ours, expr)
		require.Equal(t, want, got, expr)
		require.NotEqual(t, `{}`, want, "the expression %s yields nothing, and compares nothing", expr)
	}
}

// parsed reads series as a test file has them.
func parsed(t *testing.T, list []string) []*series {
	t.Helper()
	text := "input_series:\n"
	for _, s := range list {
		text += "  - " + s + "\n"
	}
	report := func(line int, message string) { require.Fail(t, message, "on line %d", line) }
	roots := strict.Documents([]byte(text), strict.Limits{Bytes: maxFileBytes, Documents: 1, Depth: maxFileDepth}, report)
	r := &reader{out: &File{sources: []source{{name: "test"}}}, left: maxSamples}
	return r.inputSeries(strict.Source{ValueBytes: maxTextBytes, Report: report}.Map(roots[0], "the test"))[0]
}

func ranged(t *testing.T, engine *promql.Engine, from storage.Queryable, expr string) string {
	t.Helper()
	q, err := engine.NewRangeQuery(t.Context(), from, nil, expr, time.Unix(0, 0), time.Unix(4000, 0), 30*time.Second)
	require.NoError(t, err)
	defer q.Close()
	result := q.Exec(t.Context())
	require.NoError(t, result.Err)
	return result.Value.String()
}

// gathering keeps what a source answers, as text.
type gathering []string

func (g *gathering) Reset() { *g = nil }

func (g *gathering) Series(s *promapi.Series) error {
	*g = append(*g, fmt.Sprintf("%s%s %v %v", s.Label("service"), s.Label("code"), s.Points(), s.Histograms()))
	return nil
}

// TestAnswersAreThoseOfTheEngine asks as the collector does.
func TestAnswersAreThoseOfTheEngine(t *testing.T) {
	engine := newEngine()
	defer func() { require.NoError(t, engine.Close()) }()
	p := &prometheus{engine, newMemory(parsed(t, []string{
		`{series: 'depth{service="a"}', values: '1 2 3'}`,
		`{series: 'work{service="a"}', values: '{{schema:0 count:3 sum:5 z_bucket:1 z_bucket_w:0.5 buckets:[0 2]}}x3'}`,
	}), time.Unix(60, 0), time.Minute)}
	var got gathering
	report, err := p.Query(t.Context(), promapi.Query{Expr: "depth", Time: time.Unix(125, 0)}, &got)
	require.NoError(t, err)
	require.Equal(t, gathering{"a [{125000 2}] []"}, got)
	require.Empty(t, slices.Concat(report.Warnings, report.Infos))
	require.Equal(t, []int{1, 1, 1, 1}, []int{report.Attempts, report.Series, report.Points, int(report.SamplesTotal)})

	_, err = p.QueryRange(t.Context(), promapi.RangeQuery{Expr: "depth", Start: time.Unix(60, 0), End: time.Unix(120, 0), Step: time.Minute}, &got)
	require.NoError(t, err)
	require.Equal(t, gathering{"a [{60000 1} {120000 2}] []"}, got)

	_, err = p.Query(t.Context(), promapi.Query{Expr: "work", Time: time.Unix(60, 0)}, &got)
	require.NoError(t, err)
	require.Equal(t, gathering{"a [] [{60000 3 5 [{3 -0.5 0.5 1} {0 1 2 2}]}]"}, got)

	report, err = p.Query(t.Context(), promapi.Query{Expr: "rate(depth[5m])", Time: time.Unix(180, 0)}, &got)
	require.NoError(t, err)
	require.Empty(t, report.Warnings)
	require.Len(t, report.Infos, 1, "the name is not one of a counter")

	for _, expr := range []string{"depth[5m]", "1", "depth +", "sum(depth) by (a) * on (b) group_left up("} {
		_, err = p.Query(t.Context(), promapi.Query{Expr: expr, Time: time.Unix(180, 0)}, &got)
		require.Error(t, err, expr)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Query(ended, promapi.Query{Expr: "depth", Time: time.Unix(180, 0)}, &got)
	require.ErrorContains(t, err, "canceled")
	require.True(t, slices.IsSorted(got))
}
