package gather

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
)

func TestProbesTellWhatEachQueryFinds(t *testing.T) {
	p := spec{Services: fixture.Named("playlist", "search"), Rubrics: `
rubrics:
  - name: a
    checks:
      - {name: calls, events: {total: {metric: calls_total}, bad: {metric: failures_total}}, objective: 99%}
      - {name: latency, histogram: {metric: lat_seconds, threshold: 500ms}, objective: 99%}
`}.plan(t)
	url := promservertest.Load(t, `load 1m
		calls_total{service="playlist"} 0+10x20
		calls_total{service="nobody"} 0+10x20
		failures_total{service="playlist"} 0+1x20
		lat_seconds_bucket{service="search",le="0.4"} 0+9x20
		lat_seconds_bucket{service="search",le="+Inf"} 0+10x20
		up{service="playlist"} 1x20`)
	probes := ProbeSources(t.Context(), p, []Source{{Name: "eu", Client: fixture.Client(t, url)}}, time.Unix(600, 0))
	require.Len(t, probes, 6)
	for i, want := range []Probe{
		{Checks: []string{"a/calls"}, Services: 1, Unmatched: 1},
		{Checks: []string{"a/calls"}, Services: 1},
		{Checks: []string{"a/latency"}, Services: 1, Faults: []string{"lat_seconds has no bucket with the bound 0.5; the nearest are 0.4"}},
		{Services: 1},
		{Scrapes: true},
		{Checks: []string{"a/calls"}, Births: true},
	} {
		require.Equal(t, want.Checks, probes[i].Checks)
		require.Equal(t, want.Scrapes, probes[i].Scrapes)
		require.Equal(t, want.Services, probes[i].Services)
		require.Equal(t, want.Unmatched, probes[i].Unmatched)
		require.Equal(t, want.Faults, probes[i].Faults)
		require.Equal(t, want.Births, probes[i].Births)
		require.NotEmpty(t, probes[i].Expr)
		require.Positive(t, probes[i].Samples)
	}
}
