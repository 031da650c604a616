package collector

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

func TestAReloadLosesNoTickAndKeepsTheLease(t *testing.T) {
	for _, at := range []time.Duration{5 * time.Second, 30 * time.Second, 31 * time.Second, 45 * time.Second} {
		for _, volatile := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist", "search")
				registry := prometheus.NewRegistry()
				o := Options{Volatile: volatile, Registerer: registry}
				e := start(t, spec{Rubrics: fixture.Availability, Services: services[:1]}, o, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
				spare := e.second(t, spec{Rubrics: fixture.Availability, Services: services}, Options{Volatile: volatile}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
				defer spare.stop()
				e.until(20*time.Minute + at)
				_, epoch := e.store.lease()
				prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
				next := e.reload(t, spec{Rubrics: fixture.Availability, Services: services}, o, source("eu", prom))
				defer next.stop()
				e.until(40 * time.Minute)
				_, still := e.store.lease()
				require.Equal(t, epoch, still)
				ticks := e.store.ticks()
				for i, tick := range ticks {
					require.Equal(t, ticks[0].Add(time.Duration(i)*time.Minute), tick)
				}
				require.Equal(t, e.at(39*time.Minute), ticks[len(ticks)-1])
				for _, a := range longAgo(prom) {
					require.Contains(t, a.Expr, `{service="search"}`)
				}
				require.Len(t, e.store.newest().Scorecards, 4)
				for _, name := range []string{"playlist", "search"} {
					require.InDelta(t, 1, fixture.Result(t, e.store.newest().Scorecards, name, "availability").Budget.Covered, 0.001)
				}
				require.Equal(t, ticks[0], fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability").Since, "grading remembers")
				added := 0
				for _, c := range e.store.all()[1:] {
					added += len(c.Changes)
				}
				require.Equal(t, 2, added, "the scorecards of the new service")
				require.InDelta(t, 1, testutil.ToFloat64(next.metrics.takeovers), 0)
				require.InDelta(t, 1, testutil.ToFloat64(next.metrics.leader), 0)
			})
		}
	}
}

// TestAReloadDoesNotForgetWhatAChecksResultIsMadeOf has a check be judged every five
// minutes, of an SLI that another asks for at every tick, and reloads in between.
func TestAReloadDoesNotForgetWhatAChecksResultIsMadeOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := spec{Services: fixture.Named("playlist"), Rubrics: fixture.Availability + `
  - name: slow
    checks:
      - {name: seldom, events: {metric: http_requests_total, bad: '{code=~"5.."}'}, objective: 99%, interval: 5m}
`}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(f.Services)}))
		e.until(90*time.Minute + 50*time.Second)
		before := fixture.Result(t, e.store.newest().Scorecards, "playlist", "seldom")
		require.Equal(t, scorecard.Pass, before.Verdict)
		next := e.reload(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(f.Services)}))
		defer next.stop()
		for minute := 91; minute < 95; minute++ {
			e.until(time.Duration(minute)*time.Minute + 50*time.Second)
			require.Equal(t, e.at(time.Duration(minute)*time.Minute), e.store.newest().Tick)
			require.Equal(t, before, fixture.Result(t, e.store.newest().Scorecards, "playlist", "seldom"))
		}
	})
}

func TestAReloadWhileTheStoreIsAwayHandsTheBacklogOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		e.until(10 * time.Minute)
		e.store.setFail(fixture.ErrNoRoute)
		e.until(15 * time.Minute)
		next := e.reload(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		defer next.stop()
		e.until(20 * time.Minute)
		e.store.setFail(nil)
		e.until(22 * time.Minute)
		newest := e.store.all()[len(e.store.all())-2]
		require.Equal(t, e.at(20*time.Minute), newest.Snapshot.Tick)
		require.Len(t, newest.Backlog, 10)
		require.Empty(t, newest.Changes)
	})
}

func TestAReloadOfOneThatStandsByStandsBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		two := e.second(t, f, Options{}, source("eu", prom))
		e.until(20 * time.Minute)
		next := two.reload(t, f, Options{Owner: "another"}, source("eu", prom))
		defer next.stop()
		e.until(21 * time.Minute)
		require.Equal(t, "me", e.keeper.held.Load().Owner)
		require.Empty(t, prom.Askings())
		next.peek(func() { require.False(t, next.agenda.Empty(), "what it knew is handed on") })
		e.kill()
		e.until(30 * time.Minute)
		require.Equal(t, e.at(29*time.Minute), e.store.newest().Tick)
		require.Empty(t, longAgo(prom))
	})
}

func TestAReloadWithAnotherIntervalKeepsTheLedger(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
				e.until(2*time.Hour + 45*time.Second)
				prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
				next := succeed(e, t, spec{Rubrics: fixture.Availability, Services: services, Interval: 15 * time.Second}, Options{}, source("eu", prom))
				defer next.stop()
				e.until(2*time.Hour + 10*time.Minute)
				for _, a := range prom.Askings() {
					require.Less(t, a.When.Sub(a.At), 75*time.Minute, "the ring alone is new")
				}
				at := e.store.newest().Tick
				require.Equal(t, e.at(2*time.Hour+9*time.Minute+30*time.Second), at)
				facts := next.series(0, 0).Facts(at.Unix(), 0, []time.Duration{time.Hour, 7 * 24 * time.Hour})
				for _, w := range facts.Windows {
					require.Equal(t, w.Expected, w.Measured, "%s", w.Length)
					require.GreaterOrEqual(t, w.Expected, 12)
				}
			})
		})
	}
}

func TestAPredecessorThatNeverRanIsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		never := newEngine(t, f, Options{}, source("eu", prom))
		e := start(t, f, Options{Predecessor: never.Collector}, source("eu", prom))
		defer e.stop()
		e.until(3 * time.Minute)
		require.Equal(t, e.at(2*time.Minute), e.store.newest().Tick)
	})
}

func TestASuccessorWaitsForTheEndOfItsPredecessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, f, Options{}, source("eu", prom))
		e.until(3 * time.Minute)
		next := newEngine(t, f, Options{Store: e.store, Predecessor: e.Collector}, source("eu", prom))
		next.run(t)
		e.until(5 * time.Minute)
		require.Nil(t, next.keeper.held.Load())
		e.HandOver()
		e.stop()
		e.until(8 * time.Minute)
		require.Equal(t, e.at(7*time.Minute), e.store.newest().Tick)
		next.stop()
		holder, _ := e.store.lease()
		require.Empty(t, holder)
	})
}

func TestALeaseThatWasHandedOverAtTheVeryEndIsGivenBack(t *testing.T) {
	for range 20 { // or not, if it were left to chance
		synctest.Test(t, func(t *testing.T) {
			services := fixture.Named("playlist")
			f := spec{Rubrics: fixture.Availability, Services: services}
			e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
			e.until(3 * time.Minute)
			e.HandOver()
			e.stop()
			holder, _ := e.store.lease()
			require.Equal(t, "me", holder)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			next := newEngine(t, f, Options{Store: e.store, Owner: "me again", Predecessor: e.Collector}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
			require.NoError(t, next.Run(ctx))
			holder, _ = e.store.lease()
			require.Empty(t, holder)
		})
	}
}

func TestAVolatileStoreIsGivenNoPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{Volatile: true}, source("eu", prom))
		e.until(20 * time.Minute)
		e.stop()
		for _, c := range e.store.all() {
			require.Empty(t, c.Ledger)
		}
		e.store.set(func() { e.store.pages[slo.PageKey{Name: "head"}] = slo.NewPage(slo.PageKey{Name: "head"}, []byte{1}) })
		again := &fixture.Prometheus{Answer: wavyTraffic(services)}
		next := e.again(t, f, Options{Volatile: true}, source("eu", again))
		defer next.stop()
		e.until(40 * time.Minute)
		require.Zero(t, testutil.ToFloat64(next.metrics.pageErrors))
		require.InDelta(t, 1, fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability").Budget.Covered, 0.001)
		ticks := e.store.ticks()
		for i, tick := range ticks {
			require.Equal(t, ticks[0].Add(time.Duration(i)*time.Minute), tick)
		}
	})
}
