package question

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestThePlannerAsksForBirths(t *testing.T) {
	const byService = ` and on (instance, job, service) (up offset 5m == 1` +
		` or on (instance, job, service) min_over_time(process_start_time_seconds[5m]) > time() - 300` +
		` and on (instance, job, service) last_over_time(up[5m]))` +
		` and on () (group(up offset 1h or on (instance, job, service) up offset 3h))) > 0`
	tests := []struct {
		name    string
		spec    spec
		dialect Dialect
		want    []string
	}{
		{
			name: "of bad events alone, and of no histogram, value or fact of the catalog",
			spec: spec{Rubrics: fixture.FourKinds},
			want: []string{
				`sum by (service) ((min_over_time(http_requests_total{code=~"5..",handler!="/metrics",instance!=""}[5m])` +
					` unless http_requests_total{code=~"5..",handler!="/metrics",instance!=""} offset 5m)` + byService,
			},
		},
		{
			name:    "renamed labels, and cells that have their own targets and their own first hour",
			spec:    spec{Rubrics: fixture.Availability},
			dialect: Dialect{Renamed: map[string]string{"service": "svc", "code": "status", "instance": "pod"}, Partition: "cluster"},
			want: []string{
				`sum by (cluster, svc) ((min_over_time(http_requests_total{pod!="",status=~"5.."}[5m]) unless http_requests_total{pod!="",status=~"5.."} offset 5m)` +
					` and on (cluster, job, pod, svc) (up offset 5m == 1` +
					` or on (cluster, job, pod, svc) min_over_time(process_start_time_seconds[5m]) > time() - 300` +
					` and on (cluster, job, pod, svc) last_over_time(up[5m]))` +
					` and on (cluster) (group by (cluster) (up offset 1h or on (cluster, job, pod, svc) up offset 3h))) > 0`,
			},
		},
		{
			name: "bad events of another metric; nothing of what is recorded; checks on one SLI once",
			spec: spec{Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: one, events: {total: {metric: calls_total}, bad: {metric: failures_total, where: '{side="server"}'}}, objective: 99%}
      - {name: two, events: {total: {metric: calls_total}, bad: {metric: failures_total, where: '{side="server"}'}}, objective: 99.9%}
      - {name: three, events: {metric: "service:requests:increase5m", bad: '{code="500"}', recorded: increase5m}, objective: 99%}
`},
			want: []string{`sum by (service) ((min_over_time(failures_total{instance!="",side="server"}[5m]) unless failures_total{instance!="",side="server"} offset 5m)` + byService},
		},
		{
			name: "targets of another identity than that of the series are known by address alone, and never restricted",
			spec: spec{
				Rubrics: fixture.OneCheck(fixture.EventsCheck + `, identity: route`), Only: []string{"playlist"},
				Identities: map[string]map[string]string{"route": {"route": "service.name"}},
				Presence:   map[string]string{"route": "sum by ($identity) (routes)"},
			},
			want: []string{
				`sum by (route) ((min_over_time(req_total{code=~"5..",instance!="",route="playlist"}[5m]) unless req_total{code=~"5..",instance!="",route="playlist"} offset 5m)` +
					` and on (instance, job) (up offset 5m == 1 or on (instance, job) min_over_time(process_start_time_seconds[5m]) > time() - 300` +
					` and on (instance, job) last_over_time(up[5m])) and on () (group(up offset 1h or on (instance, job) up offset 3h))) > 0`,
			},
		},
		{
			name: "a scoped plan asks about its own targets, and whether the source is old",
			spec: spec{Rubrics: fixture.Availability, Only: []string{"search"}},
			want: []string{
				`sum by (service) ((min_over_time(http_requests_total{code=~"5..",instance!="",service="search"}[5m]) unless http_requests_total{code=~"5..",instance!="",service="search"} offset 5m)` +
					` and on (instance, job, service) (up{service="search"} offset 5m == 1` +
					` or on (instance, job, service) min_over_time(process_start_time_seconds{service="search"}[5m]) > time() - 300` +
					` and on (instance, job, service) last_over_time(up{service="search"}[5m]))` +
					` and on () (group(up offset 1h or on (instance, job, service) up offset 3h))) > 0`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Services = fixture.Named("playlist", "search")
			queries := tt.spec.plan(t).Births(tt.dialect)
			requireExprs(t, tt.want, queries)
			for _, q := range queries {
				require.True(t, q.Divisible())
			}
		})
	}
}

func TestNoServiceNameChangesTheShapeOfAQueryAboutBirths(t *testing.T) {
	queries := shapePlan(t).Births(Dialect{})
	for _, name := range hostile {
		requireSameShape(t, queries, name, "other")
	}
}

func TestBirthsAreAskedOfFinalSlotsAlone(t *testing.T) {
	const slot = 300
	tests := map[string]struct {
		of   Span
		want Span // none: N is 0
	}{
		"an instant":                          {Instant(3 * slot), Span{}},
		"slots":                               {Span{3 * slot, slot, 10, 12 * slot}, Span{Start: 3 * slot, Step: slot, N: 10}},
		"slots of which the newest are young": {Span{3 * slot, slot, 10, 5*slot + 60}, Span{Start: 3 * slot, Step: slot, N: 3}},
		"slots that are all young":            {Span{3 * slot, slot, 10, 2 * slot}, Span{}},
		"ticks":                               {Span{3*slot + 60, 60, 30, 20 * slot}, Span{Start: 4 * slot, Step: slot, N: 6}},
		"ticks that end with a slot":          {Span{3*slot + 60, 60, 5, 20 * slot}, Span{Start: 4 * slot, Step: slot, N: 1}},
		"ticks that reach no end of a slot":   {Span{3*slot + 60, 60, 4, 20 * slot}, Span{}},
		"steps that miss the ends of slots":   {Span{3*slot + 50, 60, 30, 20 * slot}, Span{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := tt.of.FinalSlots()
			require.Equal(t, tt.want.N > 0, ok)
			require.Equal(t, tt.want, got)
		})
	}
}
