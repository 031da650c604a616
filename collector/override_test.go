package collector

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

func TestAnOverrideTakesEffectAndIsSeenInTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Annotated(fixture.Named("playlist", "search"), map[string]string{"apgar.dev/shop.owner.weight": "0"})
		e, err := Evaluate(t.Context(), Options{
			Plan:    spec{Rubrics: fixture.Shop, Services: services}.plan(t),
			Sources: []gather.Source{source("eu", &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)})},
		}, time.Now(), time.Now())
		require.NoError(t, err)
		own, common := fixture.Result(t, e.Scorecards, "playlist", "owner"), fixture.Result(t, e.Scorecards, "search", "owner")
		require.Equal(t, []any{0.0, scorecard.Fail}, []any{own.Weight, own.Verdict})
		require.Equal(t, []any{5.0, scorecard.Fail}, []any{common.Weight, common.Verdict})
		require.NotEqual(t, common.CheckHash, own.CheckHash)
		require.Equal(t, map[string]string{"weight": "0"}, own.Overrides)
		require.Nil(t, common.Overrides)
		require.InDelta(t, 100, *e.Scorecards[0].Score, 1e-9, "informational")
		require.Less(t, *e.Scorecards[1].Score, 60.0)
		require.Equal(t, e.Scorecards[1].RubricVersion, e.Scorecards[0].RubricVersion)
	})
}

func TestAnOverriddenObjectiveJudgesTheSameCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Annotated(fixture.Named("playlist", "search"), map[string]string{
			"apgar.dev/shop.availability.objective": "50%", "apgar.dev/shop.availability.period": "30d",
		})
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 20)}
		p := spec{Rubrics: fixture.Shop, Services: services}.plan(t)
		require.Len(t, p.SLIs, 1, "nothing more is asked")
		require.Equal(t, (30+7)*24*time.Hour, p.Longest(), "but as far back as the override needs")
		e, err := Evaluate(t.Context(), Options{Plan: p, Sources: []gather.Source{source("eu", prom)}}, time.Now(), time.Now())
		require.NoError(t, err)
		own := fixture.Result(t, e.Scorecards, "playlist", "availability")
		require.Equal(t, scorecard.Pass, own.Verdict)
		require.Equal(t, 30*24*time.Hour, own.Budget.Period)
		require.InDelta(t, 1, own.Budget.Covered, 0.001)
		require.Equal(t, scorecard.Fail, fixture.Result(t, e.Scorecards, "search", "availability").Verdict)
	})
}
