package collector

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

func TestALostLeaseRefusesCommitsUntilItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(5 * time.Minute)
		before := len(e.store.ticks())
		require.InDelta(t, 1, testutil.ToFloat64(e.metrics.leader), 0)
		e.store.give("another")
		e.until(5*time.Minute + heartbeat + time.Second)
		require.Zero(t, testutil.ToFloat64(e.metrics.leader))
		asked := len(prom.Askings())
		e.until(10 * time.Minute)
		require.Len(t, e.store.ticks(), before, "another grader has the lease")
		require.Len(t, prom.Askings(), asked, "one that stands by asks nothing")
		e.store.mu.Lock()
		last := 42.0
		e.store.states = map[scorecard.Key]*scorecard.State{{Rubric: "http", Service: services[0].ID}: {LastScore: &last, LastScoredAt: e.midnight}}
		e.store.mu.Unlock()
		prom.Change(func() {
			prom.Answer = func(string, time.Time) ([]fixture.Row, error) { return nil, errors.New("down") }
		})
		e.store.give("")
		e.until(30 * time.Minute)
		require.Len(t, e.store.ticks(), before+21, "from the newest tick on, when the lease is free")
		card := e.store.newest().Scorecards[0]
		require.Equal(t, scorecard.Unknown, card.Status)
		e.store.mu.Lock()
		first := e.store.commits[before]
		e.store.mu.Unlock()
		_, epoch := e.store.lease()
		require.Equal(t, epoch, first.Epoch)
		for _, c := range first.Changes {
			require.NotEqual(t, scorecard.ScorecardAdded, c.Kind)
		}
	})
}

func TestARestartWithinATickGoesOnWithTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", prom))
		e.until(5*time.Minute + 40*time.Second)
		e.stop()
		again := start(t, f, Options{Store: e.store}, source("eu", prom))
		defer again.stop()
		e.until(8 * time.Minute)
		require.Equal(t, e.at(7*time.Minute), e.store.newest().Tick)
		ticks := e.store.ticks()
		require.Equal(t, len(ticks), len(slices.Compact(slices.Clone(ticks))))
	})
}

func TestGradingGoesOnWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(3 * time.Minute)
		committed := len(e.store.ticks())
		e.store.setFail(errors.New("the store is down"))
		e.until(10 * time.Minute)
		e.peek(func() { require.Equal(t, e.at(9*time.Minute), e.lastTick.UTC()) })
		e.store.setFail(nil)
		e.until(12 * time.Minute)
		require.Len(t, e.store.ticks(), committed+2)
		require.InDelta(t, 7, testutil.ToFloat64(e.metrics.commits.WithLabelValues("error")), 0)
	})
}

func TestOnlyAHolderOfTheLeaseBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		store := newFakeStore()
		store.give("another")
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{Store: store}, source("eu", prom))
		defer e.stop()
		e.until(2 * time.Minute)
		require.Empty(t, prom.Askings())
		store.give("")
		e.until(4 * time.Minute)
		require.Equal(t, e.at(3*time.Minute), store.newest().Tick)
	})
}
