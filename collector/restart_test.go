package collector

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// again starts a process at the store of one that has ended.
func (e *engine) again(t *testing.T, f spec, o Options, sources ...gather.Source) *engine {
	t.Helper()
	o.Store = e.store.client()
	next := newEngine(t, f, o, sources...)
	next.midnight = e.midnight
	next.run(t)
	return next
}

// reload puts a collector with another plan in the place of one that runs.
func (e *engine) reload(t *testing.T, f spec, o Options, sources ...gather.Source) *engine {
	t.Helper()
	o.Store, o.Predecessor = e.store, e.Collector
	next := newEngine(t, f, o, sources...)
	next.midnight = e.midnight
	e.HandOver()
	e.stop()
	next.run(t)
	return next
}

// TestTheIntervalMayChange goes on in a longer and a shorter interval, from a
// tick that the longer one does not have, after a restart and after a reload.
func TestTheIntervalMayChange(t *testing.T) {
	for _, c := range []struct{ before, after time.Duration }{{15 * time.Second, time.Minute}, {time.Minute, 15 * time.Second}, {time.Second, 5 * time.Minute}} {
		for _, reloads := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				f := spec{Rubrics: fixture.Availability, Services: services, Interval: c.before}
				prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
				e := start(t, f, Options{}, source("eu", prom))
				e.until(10*time.Minute + 23*time.Second) // sources are asked 30 s late
				goOn := e.again
				if reloads {
					goOn = e.reload
					prom.HoldBack(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }) // the tick at the full minute is not in yet
				} else {
					e.stop()
				}
				e.until(10*time.Minute + 38*time.Second)
				prom.HoldBack(nil)
				last := e.store.newest().Tick
				f.Interval = c.after
				two := goOn(t, f, Options{}, source("eu", prom))
				defer two.stop()
				e.until(20*time.Minute + c.after)
				newest := e.store.newest()
				require.Equal(t, c.after, newest.Interval)
				require.Zero(t, newest.Tick.Sub(e.midnight)%c.after)
				require.True(t, newest.Tick.After(last))
				require.LessOrEqual(t, testutil.ToFloat64(two.metrics.ticksMissed), 20.0)
			})
		}
	}
}

func TestARestartAsksOnlyForTheTicksThatAreMissing(t *testing.T) {
	tests := []struct {
		name   string
		down   time.Duration
		ranges int // of which something is longer ago than the newest two slots
	}{
		{"a minute", time.Minute, 0},
		{"at once", time.Second, 0},
		{"twenty minutes", 20 * time.Minute, 2}, // events and targets
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist", "search")
				f := spec{Rubrics: fixture.Availability, Services: services}
				e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
				e.until(2*time.Hour + 33*time.Minute + 40*time.Second)
				e.stop()
				<-time.After(tt.down)
				restarted := time.Now()
				prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
				two := e.again(t, f, Options{}, source("eu", prom))
				defer two.stop()
				e.until(4*time.Hour + 30*time.Second)
				ranges := 0
				for _, a := range prom.Askings() {
					require.False(t, a.At.Before(e.at(2*time.Hour+20*time.Minute)), "%s is known", a.At)
					if a.Points > 1 && a.When.Before(restarted.Add(time.Second)) {
						ranges++
						require.InDelta(t, tt.down/time.Minute, a.Points, 1)
					}
				}
				require.Equal(t, tt.ranges, ranges)
				two.store.ticks()
				for _, length := range []time.Duration{time.Hour, 2 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
					w := two.window(4*time.Hour, length)
					require.Equal(t, w.Expected, w.Measured, "%s", length)
				}
				for _, c := range two.store.all()[1:] {
					require.Empty(t, c.Changes)
				}
				require.Empty(t, two.holes())
			})
		})
	}
}

func TestSlotsWhoseDataWasLateWhenAProcessEndedAreAskedForAgain(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				late := func(expr string, at time.Time) ([]fixture.Row, error) {
					rows, _ := fixture.SteadyTraffic(services, 0.1)(expr, at)
					if strings.Contains(expr, "http_requests_total") && time.Since(at) < 7*time.Minute {
						rows[0].Value = 49 // half of it has not arrived
					}
					return rows, nil
				}
				f := spec{Rubrics: fixture.Availability, Services: services}
				e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: late}))
				e.until(60*time.Minute + 40*time.Second)
				if way == "after a restart" {
					e.stop()
					<-time.After(20 * time.Minute)
				}
				next := succeed(e, t, f, Options{}, source("eu", &fixture.Prometheus{Answer: late}))
				defer next.stop()
				e.until(86 * time.Minute)
				w := next.window(75*time.Minute, 2*time.Hour)
				require.Equal(t, 24, w.Measured)
				require.InDelta(t, 24*100, w.Counts.Total, 1e-6)
			})
		})
	}
}

func TestADowntimeOfHoursIsBackfilledAloneAndNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		e.until(2 * time.Hour)
		e.stop()
		<-time.After(30 * time.Hour)
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		two := e.again(t, f, Options{}, source("eu", prom))
		defer two.stop()
		e.until(33*time.Hour + 40*time.Second)
		slots := 0
		for _, a := range prom.Askings() {
			require.False(t, a.At.Before(e.at(2*time.Hour-15*time.Minute)), "%s is known", a.At)
			if a.When.Sub(a.At) > ringLength+slo.SlotLength && strings.Contains(a.Expr, "http_requests_total") {
				slots += a.Points
			}
		}
		require.InDelta(t, 30*12-13, slots, 3)
		w := two.window(33*time.Hour, 7*24*time.Hour)
		require.Equal(t, w.Expected, w.Measured)
	})
}

func TestABackfillThatWasInterruptedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		prom.HoldBack(fixture.After(10 * time.Second))
		e := start(t, f, Options{}, source("eu", prom))
		e.until(4*time.Minute + 50*time.Second)
		e.stop()
		two := e.again(t, f, Options{}, source("eu", prom))
		defer two.stop()
		e.until(30 * time.Minute)
		asked := map[time.Time]int{}
		for _, a := range prom.Askings() {
			if a.Points > 100 && strings.Contains(a.Expr, "http_requests_total") {
				asked[a.At]++
			}
		}
		require.GreaterOrEqual(t, len(asked), 7)
		twice := 0
		for _, n := range asked {
			if n > 1 {
				twice++
			}
		}
		require.LessOrEqual(t, twice, 1, "the one that was under way")
		w := two.window(29*time.Minute, 7*24*time.Hour)
		require.Equal(t, w.Expected, w.Measured)
		require.Empty(t, two.agenda.Owed(two.o.Plan))
	})
}

// oneProcess grades ticks of the real engine's data, from one to the last,
// and hands its ledger to a store.
func oneProcess(t *testing.T, f spec, url string, store *fakeStore, from, to time.Time) []*scorecard.Scorecard {
	t.Helper()
	c := New(Options{Plan: f.plan(t), Store: store, Owner: from.String(), Environment: "production", Sources: []gather.Source{source("eu", fixture.Client(t, url))}})
	ctx := t.Context()
	require.NoError(t, c.keeper.acquire(ctx))
	require.True(t, c.takeOver(ctx))
	start := from.Add(-ringLength).Truncate(slo.SlotLength)
	w := walk{after: start, graded: from, last: to}
	if !c.lastTick.IsZero() && !c.newRing {
		c.fillRings(ctx, start)
		w.after = later(start, c.lastTick)
	} else {
		c.backfillNow(ctx, start)
	}
	c.walk(ctx, w)
	c.backfillNow(ctx, to.Truncate(slo.SlotLength))
	require.True(t, c.ready)
	require.Equal(t, to, c.lastTick)
	c.keeper.release(ctx)
	return c.last
}

func TestARestartGradesAsIfThereHadBeenNone(t *testing.T) {
	url := promservertest.Load(t, `
load 1m
  up{service="playlist", job="a"} 1x12000
  up{service="search", job="b"} 1x12000
  http_requests_total{service="playlist", code="200"} 0+600x12000
  http_requests_total{service="playlist", code="500"} 0+1x9000 9000+30x3000
  http_requests_total{service="search", code="200"} 0+50x9000 450000+70x3000
  http_request_duration_seconds_bucket{service="playlist", code="200", le="0.5"} 0+590x12000
  http_request_duration_seconds_bucket{service="playlist", code="200", le="+Inf"} 0+600x12000
  process_open_fds{service="playlist"} 10+1x12000
  process_max_fds{service="playlist"} 8000x12000
`)
	f := spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist", "search")}
	minute := func(n int) time.Time { return time.Unix(int64(n)*60, 0).UTC() }
	whole := oneProcess(t, f, url, newFakeStore(), minute(11800), minute(11863))
	require.Equal(t, scorecard.Scored, whole[0].Status)
	require.Equal(t, scorecard.Unknown, whole[1].Status, "it has no latency")
	for _, down := range []int{1, 20} {
		store := newFakeStore()
		before := oneProcess(t, f, url, store, minute(11800), minute(11862-down))
		after := oneProcess(t, f, url, store.client(), minute(11862), minute(11863))
		require.Len(t, before, 4)
		require.Len(t, after, 4)
		for i := range whole {
			requireSameCard(t, whole[i], after[i], down)
		}
	}
}

// requireSameCard compares what is graded; memories of when may differ by the
// ticks that were not graded.
func requireSameCard(t *testing.T, want, got *scorecard.Scorecard, down int) {
	t.Helper()
	if down == 1 {
		require.Equal(t, want, got)
		return
	}
	a, b := *want, *got
	a.Results, b.Results = slices.Clone(a.Results), slices.Clone(b.Results)
	for i := range a.Results {
		a.Results[i].Since, b.Results[i].Since = time.Time{}, time.Time{}
	}
	require.Equal(t, a, b)
}
