package question

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestThePlannerAsksHowOftenTargetsAreScraped(t *testing.T) {
	tests := []struct {
		name    string
		spec    spec
		dialect Dialect
		want    []string
	}{
		{
			"once for each identity that counts",
			spec{Rubrics: fixture.FourKinds},
			Dialect{},
			[]string{`max by (service) (max_over_time((count_over_time(up[15m]) and up offset 15m and up)[1h:15m]))`},
		},
		{
			"in the words of the source, of some services, in each cell",
			spec{Rubrics: fixture.Availability, Only: []string{"playlist"}},
			Dialect{Renamed: map[string]string{"service": "svc"}, Partition: "cluster"},
			[]string{`max by (cluster, svc) (max_over_time((count_over_time(up{svc="playlist"}[15m]) and up{svc="playlist"} offset 15m and up{svc="playlist"})[1h:15m]))`},
		},
		{
			"of whole cells where up does not name services",
			spec{
				Rubrics: fixture.OneCheck(fixture.EventsCheck + `, identity: route`), Only: []string{"playlist"},
				Identities: map[string]map[string]string{"route": {"route": "service.name"}},
				Presence:   map[string]string{"route": "sum by ($identity) (routes)"},
			},
			Dialect{Partition: "cluster"},
			[]string{`max by (cluster) (max_over_time((count_over_time(up[15m]) and up offset 15m and up)[1h:15m]))`},
		},
		{"of no values", spec{Rubrics: fixture.OneCheck(fixture.GaugeCheck)}, Dialect{}, nil},
		{
			"of no recorded increase",
			spec{Rubrics: fixture.OneCheck(`events: {metric: "req:increase5m", bad: '{code="500"}', recorded: increase5m}, objective: 99%`)},
			Dialect{},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Services = fixture.Named("playlist", "search")
			requireExprs(t, tt.want, tt.spec.plan(t).Scrapes(tt.dialect))
		})
	}
}

func TestNoServiceNameChangesTheShapeOfAQueryAboutScrapes(t *testing.T) {
	queries := shapePlan(t).Scrapes(Dialect{})
	for _, name := range hostile {
		requireSameShape(t, queries, name, "other")
	}
}

func TestAnInstantIsJudgedByTheHourThatBeganLast(t *testing.T) {
	require.Equal(t, Span{Start: 7200, Step: 3600, N: 1}, Instant(7200).ScrapeSpan())
	require.Equal(t, Span{Start: 7200, Step: 3600, N: 1}, Instant(10799).ScrapeSpan())
	require.Equal(t, Span{Start: 3600, Step: 3600, N: 3}, Span{Start: 7140, Step: 60, N: 62}.ScrapeSpan())
}

func TestTwelveScrapesInAQuarterOfAnHourAreEnough(t *testing.T) {
	require.False(t, TooFew(12))
	require.True(t, TooFew(11))
	require.Equal(t, 75*time.Second, Between(12))
	require.Equal(t, 2*time.Minute, Between(7.5))
	require.Equal(t, 15*time.Minute, Between(0))
}
