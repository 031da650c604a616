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

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestSlotsAreAskedForAgainFiveAndTenMinutesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		late := func(expr string, at time.Time) ([]fixture.Row, error) {
			rows, _ := fixture.SteadyTraffic(services, 0.1)(expr, at)
			if strings.Contains(expr, "http_requests_total") && time.Since(at) < 4*time.Minute {
				rows[0].Value = 49 // half of it has not arrived
			}
			return rows, nil
		}
		prom := &fixture.Prometheus{Answer: late}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
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
		services := fixture.Named("playlist")
		midnight := time.Now()
		steady := fixture.SteadyTraffic(services, 0.1)
		down := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
			if clock := time.Since(midnight); clock > 12*time.Minute && clock < 47*time.Minute {
				return nil, errors.New("down")
			}
			return steady(expr, at)
		}}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", down))
		defer e.stop()
		e.until(46 * time.Minute)
		e.peek(func() {
			require.Len(t, e.holes(), 9, "of 5, 10 … 45 minutes: the first two were not asked the last time")
		})
		e.until(52 * time.Minute)
		require.Empty(t, e.holes())
		w := e.window(50*time.Minute, 2*time.Hour)
		require.Equal(t, 24, w.Measured)
	})
}

func TestAHoleThatCannotBeMendedIsGivenUpAfterThreeTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		midnight := time.Now()
		steady := fixture.SteadyTraffic(services, 0.1)
		prom := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
			if at.Equal(midnight.Add(15 * time.Minute)) {
				return nil, errors.New("a block is lost")
			}
			return steady(expr, at)
		}}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(2 * time.Hour)
		require.Equal(t, 1+3, e.asksOf(prom, 15*time.Minute, 10*time.Minute))
		require.Empty(t, e.holes())
	})
}

func TestOfThePastTheNewestDayIsAskedForFirstAndThenFromTheOldestOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(30 * time.Minute)
		var starts []time.Time
		points := 0
		for _, a := range prom.Askings() {
			if a.Points > 60 && strings.Contains(a.Expr, "http_requests_total") && a.At.Before(e.at(-3*time.Hour)) {
				starts = append(starts, a.At)
				points += a.Points
			}
		}
		require.Greater(t, len(starts), 3)
		require.True(t, slices.IsSortedFunc(starts[1:], time.Time.Compare), "%v", starts)
		require.True(t, starts[0].After(starts[len(starts)-1]), "%v", starts)
		require.InDelta(t, (7+7)*288, points, 24, "a week, and what its first slots are weighed by")
		require.Zero(t, testutil.ToFloat64(e.metrics.backfillLeft))
		r := fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability")
		require.InDelta(t, 1, r.Budget.Covered, 0.001)
	})
}

func TestThePastIsAskedForAgainWhenASourceFailedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		midnight := time.Now()
		steady := fixture.SteadyTraffic(services, 0.1)
		prom := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
			if time.Since(midnight) < 20*time.Minute && at.Before(midnight.Add(-24*time.Hour)) {
				return nil, errors.New("the object store is down")
			}
			return steady(expr, at)
		}}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
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
		services := fixture.Named("playlist")
		dead := &fixture.Prometheus{Answer: func(string, time.Time) ([]fixture.Row, error) { return nil, errors.New("dead") }}
		good := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("dead", dead), source("good", good))
		defer e.stop()
		e.until(5 * time.Minute)
		asked := len(good.Askings())
		r := fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability")
		require.InDelta(t, 1, r.Budget.Covered, 0.001)
		e.until(60 * time.Minute)
		require.LessOrEqual(t, len(good.Askings())-asked, 55*2+11*4, "and is not paid for by them again and again")
	})
}

func TestThePastIsReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		var done, all atomic.Int64
		o := Options{Replay: time.Hour, Progress: func(d, a int) { done.Store(int64(d)); all.Store(int64(a)) }}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, o, source("eu", prom))
		defer e.stop()
		e.until(time.Second)
		ticks := e.store.ticks()
		require.Len(t, ticks, 60)
		require.Equal(t, e.at(-time.Minute), ticks[59])
		for _, c := range e.store.all() {
			require.Equal(t, "ok", fixture.Result(t, c.Snapshot.Scorecards, "playlist", "availability").Reason)
		}
		require.Positive(t, all.Load())
		require.Equal(t, all.Load(), done.Load())
		e.until(3 * time.Minute)
		require.Equal(t, e.at(2*time.Minute), e.store.newest().Tick)
	})
}
