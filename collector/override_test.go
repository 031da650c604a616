package collector

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

const shop = `
rubrics:
  - name: shop
    checks:
      - name: availability
        events: {metric: http_requests_total, bad: '{code=~"5.."}'}
        objective: 99%
        period: 7d
      - name: owner
        weight: 5
        catalog: 'service.owner != ""'
`

// annotated gives the first service annotations.
func annotated(services []*catalog.Service, annotations map[string]string) []*catalog.Service {
	services[0].Annotations = annotations
	return services
}

func TestAnOverrideTakesEffectAndIsSeenInTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := annotated(named("playlist", "search"), map[string]string{"apgar.dev/shop.owner.weight": "0"})
		e, err := Evaluate(t.Context(), Options{
			Plan:    fixture{rubrics: shop, services: services}.plan(t),
			Sources: []SourceOptions{source("eu", &fakePrometheus{answer: steadyTraffic(services, 0.1)})},
		}, time.Now(), time.Now())
		require.NoError(t, err)
		own, common := resultOf(t, e.Scorecards, "playlist", "owner"), resultOf(t, e.Scorecards, "search", "owner")
		require.Equal(t, []any{0.0, scorecard.Fail}, []any{own.Weight, own.Verdict})
		require.Equal(t, []any{5.0, scorecard.Fail}, []any{common.Weight, common.Verdict})
		require.NotEqual(t, common.CheckHash, own.CheckHash)
		require.InDelta(t, 100, *e.Scorecards[0].Score, 1e-9, "informational")
		require.Less(t, *e.Scorecards[1].Score, 60.0)
		require.Equal(t, e.Scorecards[1].RubricVersion, e.Scorecards[0].RubricVersion)
	})
}

func TestAnOverriddenObjectiveJudgesTheSameCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := annotated(named("playlist", "search"), map[string]string{
			"apgar.dev/shop.availability.objective": "50%", "apgar.dev/shop.availability.period": "30d",
		})
		prom := &fakePrometheus{answer: steadyTraffic(services, 20)}
		p := fixture{rubrics: shop, services: services}.plan(t)
		require.Len(t, p.slis, 1, "nothing more is asked")
		require.Equal(t, 30*24*time.Hour, p.longest(), "but as far back as the override needs")
		e, err := Evaluate(t.Context(), Options{Plan: p, Sources: []SourceOptions{source("eu", prom)}}, time.Now(), time.Now())
		require.NoError(t, err)
		own := resultOf(t, e.Scorecards, "playlist", "availability")
		require.Equal(t, scorecard.Pass, own.Verdict)
		require.Equal(t, 30*24*time.Hour, own.Budget.Period)
		require.InDelta(t, 1, own.Budget.Covered, 0.001)
		require.Equal(t, scorecard.Fail, resultOf(t, e.Scorecards, "search", "availability").Verdict)
	})
}

func TestAnOverriddenWindowOfAQueryIsAskedOnItsOwn(t *testing.T) {
	services := annotated(named("playlist", "search"), map[string]string{"apgar.dev/a.one.window": "30m"})
	rubrics := oneCheck(`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, window: 5m, pass: 1, fail: 2`)
	p := fixture{rubrics: rubrics, services: services}.plan(t)
	var windows []string
	for _, q := range p.queries(dialect{}) {
		for _, w := range []string{"[5m]", "[30m]"} {
			if strings.Contains(q.expr, w) {
				windows = append(windows, w)
			}
		}
	}
	require.Equal(t, []string{"[5m]", "[30m]"}, windows)
	require.Equal(t, []bool{false, true}, p.slis[0].applies)
	require.Equal(t, []bool{true, false}, p.slis[1].applies)
}

func TestAnOverrideThatIsNoGoodIsLeftOut(t *testing.T) {
	services := annotated(named("playlist"), map[string]string{"apgar.dev/shop.owner.weight": "heavy", "apgar.dev/shop.nothing.weight": "1"})
	p := fixture{rubrics: shop, services: services}.plan(t)
	require.InDelta(t, 5, p.graded[0].rubric.Checks[1].Weight, 0)
}

func TestAnOverriddenBorderOfAValueAsksNothingMore(t *testing.T) {
	for _, body := range []string{
		gaugeCheck,
		`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, window: 5m, pass: 1, fail: 2`,
		`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, pass: 1, fail: 2`,
	} {
		services := annotated(named("playlist", "search"), map[string]string{"apgar.dev/a.one.pass": "1.5"})
		p := fixture{rubrics: oneCheck(body), services: services}.plan(t)
		require.Len(t, p.slis, 1, body)
		require.InDelta(t, 1.5, *p.graded[0].rubric.Checks[0].Pass, 0)
	}
}
