package collector

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

func TestWhatCouldNotBeCommittedIsShownAndFollowsAsHistory(t *testing.T) {
	faults := map[string]func(*fakeStore){
		"down": func(s *fakeStore) { s.fail = errors.New("connection refused") },
		"hung": func(s *fakeStore) { s.hang = true },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
				var shown []time.Time
				o := Options{Uncommitted: func(s *scorecard.Snapshot) {
					shown = append(shown, s.Tick)
					require.Len(t, s.Scorecards, 2)
					require.Zero(t, s.Generation)
				}}
				e := start(t, spec{Rubrics: fixture.Availability, Services: services}, o, source("eu", prom))
				defer e.stop()
				e.until(10 * time.Minute)
				before := e.store.all()
				e.store.set(func() { fault(e.store) })
				e.until(20*time.Minute + 50*time.Second)
				e.peek(func() {
					require.Equal(t, e.at(20*time.Minute), e.lastTick, "grading goes on")
					require.Len(t, e.backlog, 11)
				})
				require.Len(t, e.store.ticks(), len(before))
				require.Len(t, shown, 11)
				require.Equal(t, e.at(20*time.Minute), shown[10])
				require.Zero(t, testutil.ToFloat64(e.metrics.ticksMissed))
				require.InDelta(t, 11, testutil.ToFloat64(e.metrics.backlog), 0)
				require.InDelta(t, 1, testutil.ToFloat64(e.metrics.leader), 0, "the lease counts as held")
				e.store.set(func() { e.store.fail, e.store.hang = nil, false })
				e.until(22 * time.Minute)
				all := e.store.all()[len(before):]
				require.Len(t, all, 1)
				require.Empty(t, all[0].Changes)
				require.Len(t, all[0].Backlog, 11)
				for i, row := range all[0].Backlog {
					require.Equal(t, e.at(time.Duration(10+i)*time.Minute), row.Tick)
					require.Len(t, row.Points, 2)
					require.NotNil(t, row.Points[0].Score)
				}
				require.Contains(t, keysOf(all[0].Ledger), agenda.PageKey(), "what was entered meanwhile is handed over")
				e.until(23 * time.Minute)
				require.Empty(t, e.store.all()[len(before)+1].Backlog)
				require.Zero(t, testutil.ToFloat64(e.metrics.backlog))
			})
		})
	}
}

func keysOf(pages []slo.Page) []slo.PageKey {
	keys := make([]slo.PageKey, len(pages))
	for i, p := range pages {
		keys[i] = p.PageKey
	}
	return keys
}

func TestTheBacklogKeepsTheNewestTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(10 * time.Minute)
		e.store.setFail(fixture.ErrNoRoute)
		e.until(4 * time.Hour)
		e.store.setFail(nil)
		e.until(4*time.Hour + time.Minute)
		backlog := e.store.all()[len(e.store.all())-1].Backlog
		require.Len(t, backlog, backlogTicks)
		require.Equal(t, e.at(4*time.Hour-time.Minute), backlog[backlogTicks-1].Tick)
	})
}

func TestAHungStoreIsCountedAsTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services, Interval: 10 * time.Second}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(2 * time.Minute)
		e.store.set(func() { e.store.hang = true })
		e.until(4 * time.Minute)
		require.InDelta(t, 12, testutil.ToFloat64(e.metrics.commits.WithLabelValues("timeout")), 1)
		require.Zero(t, testutil.ToFloat64(e.metrics.ticksMissed))
		e.store.set(func() { e.store.hang = false })
		e.until(5*time.Minute - time.Second)
		require.Equal(t, e.at(4*time.Minute+20*time.Second), e.store.newest().Tick)
	})
}

func TestAStoreThatForgotGetsTheLedgerWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Numbered(20)
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(20 * time.Minute)
		var want []slo.PageKey
		e.store.set(func() {
			e.store.lost = map[slo.PageKey]bool{}
			for key := range e.store.pages {
				e.store.lost[key] = true
				want = append(want, key)
			}
			e.store.pages = map[slo.PageKey]slo.Page{}
		})
		before := len(e.store.ticks())
		e.until(21 * time.Minute)
		require.Len(t, e.store.ticks(), before+1, "in the same tick")
		require.InDelta(t, 1, testutil.ToFloat64(e.metrics.commits.WithLabelValues("forgotten")), 0)
		require.Subset(t, keysOf(e.store.all()[before].Ledger), want)
		e.until(22 * time.Minute)
		require.Less(t, len(e.store.all()[before+1].Ledger), len(want))
	})
}

func TestACommitThatWasTakenWithoutAnAnswerIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(10 * time.Minute)
		prom.Change(func() {
			prom.Answer = func(expr string, at time.Time) ([]fixture.Row, error) {
				rows, _ := fixture.SteadyTraffic(services, 50)(expr, at)
				for i := range rows {
					rows[i].Value *= 100 // the verdict changes with the next tick
				}
				return rows, nil
			}
		})
		e.store.set(func() { e.store.vague = errors.New("connection reset") })
		before := len(e.store.all())
		e.until(10*time.Minute + 45*time.Second)
		e.peek(func() { require.Len(t, e.backlog, 1) })
		e.store.setFail(fixture.ErrNoRoute)
		e.until(12 * time.Minute)
		e.store.setFail(nil)
		e.until(13 * time.Minute)
		after := e.store.all()[before:]
		require.Len(t, after, 2)
		require.NotEmpty(t, after[0].Changes)
		for _, change := range after[1].Changes {
			for _, told := range after[0].Changes {
				require.False(t, change.Kind == told.Kind && change.Check == told.Check && change.To == told.To, "told twice: %+v", change)
			}
		}
		require.Len(t, after[1].Backlog, 1, "of the tick in between alone")
		require.Equal(t, e.at(11*time.Minute), after[1].Backlog[0].Tick)
	})
}

func TestEarlierScoresThatCannotBeReadDoNotKeepATickBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(5 * time.Minute)
		e.store.set(func() { e.store.scores = errors.New("wrong type under the key") })
		e.until(10 * time.Minute)
		require.Equal(t, e.at(9*time.Minute), e.store.newest().Tick)
		require.Nil(t, e.store.newest().Scorecards[0].Delta.Hour)
	})
}

func TestATickThatTheStoreTakesForOneOfTheFutureIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		var shown []*scorecard.Snapshot
		o := Options{Uncommitted: func(s *scorecard.Snapshot) { shown = append(shown, s) }}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, o, source("eu", prom))
		defer e.stop()
		e.until(5 * time.Minute)
		e.store.set(func() { e.store.refuse = scorecard.ErrFutureTick })
		e.until(9 * time.Minute)
		require.Equal(t, e.at(4*time.Minute), e.store.newest().Tick)
		require.Empty(t, shown, "what was asked of another time is shown to nobody")
		require.InDelta(t, 4, testutil.ToFloat64(e.metrics.commits.WithLabelValues("future_tick")), 0)
		e.store.set(func() { e.store.refuse = nil })
		e.until(11 * time.Minute)
		require.Equal(t, e.at(10*time.Minute), e.store.newest().Tick)
		for _, c := range e.store.all() {
			require.Empty(t, c.Backlog, "and gets into no history")
		}
	})
}

// TestASlowStoreIsGivenTheTimeThatItTakes has commits just fit, then one fail,
// after which each would take longer than the first may.
func TestASlowStoreIsGivenTheTimeThatItTakes(t *testing.T) {
	for _, c := range []struct{ interval, commit time.Duration }{
		{time.Minute, 4 * time.Second}, {10 * time.Second, 3500 * time.Millisecond}, {5 * time.Second, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			services := fixture.Named("playlist")
			prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
			e := start(t, spec{Rubrics: fixture.Availability, Services: services, Interval: c.interval}, Options{}, source("eu", prom))
			defer e.stop()
			e.until(5 * time.Minute)
			e.store.set(func() { e.store.slow = c.commit })
			e.until(8 * time.Minute)
			require.Zero(t, testutil.ToFloat64(e.metrics.commits.WithLabelValues("timeout")), "all of them fit")
			e.store.set(func() { e.store.hang = true })
			e.until(10 * time.Minute)
			e.store.set(func() { e.store.hang = false })
			e.until(15 * time.Minute)
			require.Less(t, e.at(15*time.Minute).Sub(e.store.newest().Tick), 30*time.Second+2*c.interval+2*c.commit)
			require.Less(t, testutil.ToFloat64(e.metrics.backlog), 2.0)
			e.store.set(func() { e.store.slow = 0 })
			e.until(20 * time.Minute)
			require.Less(t, e.at(20*time.Minute).Sub(e.store.newest().Tick), 30*time.Second+c.interval+time.Second)
			require.Less(t, e.pace.allowed, time.Second, "a store that is quick again is given less")
		})
	}
}

func TestAStoreThatIsAheadIsWaitedForAndThenTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(5 * time.Minute)
		e.store.set(func() {
			ahead := *e.store.snapshot
			ahead.Tick, ahead.Epoch = e.at(15*time.Minute), 0
			ahead.Generation++
			e.store.snapshot = &ahead
		})
		e.until(14 * time.Minute)
		asked := len(prom.Askings())
		require.LessOrEqual(t, asked, 400)
		require.Equal(t, e.at(4*time.Minute), e.store.newest().Tick)
		require.InDelta(t, 1, testutil.ToFloat64(e.metrics.commits.WithLabelValues("old_tick")), 0)
		e.until(18 * time.Minute)
		require.Equal(t, e.at(17*time.Minute), e.store.newest().Tick)
	})
}
