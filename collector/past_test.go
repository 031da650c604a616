package collector

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestSlotsAreAskedForAgainFiveAndTenMinutesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		late := func(expr string, at time.Time) ([]row, error) {
			rows, _ := steadyTraffic(services, 0.1)(expr, at)
			if strings.Contains(expr, "http_requests_total") && time.Since(at) < 4*time.Minute {
				rows[0].value = 49 // half of it has not arrived
			}
			return rows, nil
		}
		prom := &fakePrometheus{answer: late}
		e := start(t, spec{rubrics: availability, services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(62 * time.Minute)
		from := 31 * time.Minute
		require.Equal(t, 0, e.asksOf(prom, 25*time.Minute, 36*time.Minute))
		require.Equal(t, 2, e.asksOf(prom, 30*time.Minute, from), "at +5 and +10 minutes")
		w := e.window(60*time.Minute, 2*time.Hour)
		require.Equal(t, 24, w.Measured)
		require.InDelta(t, 23*100+49.1, w.Counts.Total, 1e-6, "only the newest slot lacks what is late")
	})
}

func TestHolesAreMendedWhenTheSourceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		midnight := time.Now()
		steady := steadyTraffic(services, 0.1)
		down := &fakePrometheus{answer: func(expr string, at time.Time) ([]row, error) {
			if clock := time.Since(midnight); clock > 12*time.Minute && clock < 47*time.Minute {
				return nil, errors.New("down")
			}
			return steady(expr, at)
		}}
		e := start(t, spec{rubrics: availability, services: services}, Options{}, source("eu", down))
		defer e.stop()
		e.until(46 * time.Minute)
		e.peek(func() { require.Len(t, e.holes(), 7, "of 15, 20 … 45 minutes") })
		e.until(52 * time.Minute)
		require.Empty(t, e.holes())
		w := e.window(50*time.Minute, 2*time.Hour)
		require.Equal(t, 24, w.Measured)
	})
}

func TestAHoleThatCannotBeMendedIsGivenUpAfterThreeTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		midnight := time.Now()
		steady := steadyTraffic(services, 0.1)
		prom := &fakePrometheus{answer: func(expr string, at time.Time) ([]row, error) {
			if at.Equal(midnight.Add(15 * time.Minute)) {
				return nil, errors.New("a block is lost")
			}
			return steady(expr, at)
		}}
		e := start(t, spec{rubrics: availability, services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(2 * time.Hour)
		require.Equal(t, 1+3, e.asksOf(prom, 15*time.Minute, 10*time.Minute))
		require.Empty(t, e.holes())
	})
}

func TestThePastIsAskedForNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		prom := &fakePrometheus{answer: steadyTraffic(services, 0.1)}
		e := start(t, spec{rubrics: availability, services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(30 * time.Minute)
		var starts []time.Time
		points := 0
		for _, a := range prom.askings() {
			if a.points > 60 && strings.Contains(a.expr, "http_requests_total") && a.at.Before(e.at(-3*time.Hour)) {
				starts = append(starts, a.at)
				points += a.points
			}
		}
		require.True(t, slices.IsSortedFunc(starts, func(a, b time.Time) int { return b.Compare(a) }), "%v", starts)
		require.InDelta(t, 7*288, points, 24)
		require.Zero(t, testutil.ToFloat64(e.metrics.backfillLeft))
		r := resultOf(t, e.store.newest().Scorecards, "playlist", "availability")
		require.InDelta(t, 1, r.Budget.Covered, 0.001)
	})
}

func TestThePastIsAskedForAgainWhenASourceFailedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		midnight := time.Now()
		steady := steadyTraffic(services, 0.1)
		prom := &fakePrometheus{answer: func(expr string, at time.Time) ([]row, error) {
			if time.Since(midnight) < 20*time.Minute && at.Before(midnight.Add(-24*time.Hour)) {
				return nil, errors.New("the object store is down")
			}
			return steady(expr, at)
		}}
		e := start(t, spec{rubrics: availability, services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(time.Minute - time.Second)
		require.NotZero(t, testutil.ToFloat64(e.metrics.backfillLeft))
		e.until(10 * time.Minute)
		require.Len(t, e.store.ticks(), 11, "ticks go on")
		e.until(40 * time.Minute)
		require.Zero(t, testutil.ToFloat64(e.metrics.backfillLeft))
	})
}

func TestASourceThatIsDeadFromTheBeginningDoesNotKeepThePastOfOthersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		dead := &fakePrometheus{answer: func(string, time.Time) ([]row, error) { return nil, errors.New("dead") }}
		good := &fakePrometheus{answer: steadyTraffic(services, 0.1)}
		e := start(t, spec{rubrics: availability, services: services}, Options{}, source("dead", dead), source("good", good))
		defer e.stop()
		e.until(5 * time.Minute)
		asked := len(good.askings())
		r := resultOf(t, e.store.newest().Scorecards, "playlist", "availability")
		require.InDelta(t, 1, r.Budget.Covered, 0.001)
		e.until(60 * time.Minute)
		require.LessOrEqual(t, len(good.askings())-asked, 55*2+11*4, "and is not paid for by them again and again")
	})
}

func TestThePastIsReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := named("playlist")
		prom := &fakePrometheus{answer: steadyTraffic(services, 0.1)}
		var done, all atomic.Int64
		o := Options{Replay: time.Hour, Progress: func(d, a int) { done.Store(int64(d)); all.Store(int64(a)) }}
		e := start(t, spec{rubrics: availability, services: services}, o, source("eu", prom))
		defer e.stop()
		e.until(time.Second)
		ticks := e.store.ticks()
		require.Len(t, ticks, 60)
		require.Equal(t, e.at(-time.Minute), ticks[59])
		for _, c := range e.store.all() {
			require.Equal(t, "ok", resultOf(t, c.Snapshot.Scorecards, "playlist", "availability").Reason)
		}
		require.Positive(t, all.Load())
		require.Equal(t, all.Load(), done.Load())
		e.until(3 * time.Minute)
		require.Equal(t, e.at(2*time.Minute), e.store.newest().Tick)
	})
}
