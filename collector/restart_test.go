package collector

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// successions are the ways in which one collector follows another.
func successions() map[string]func(*engine, *testing.T, spec, Options, ...gather.Source) *engine {
	return map[string]func(*engine, *testing.T, spec, Options, ...gather.Source) *engine{
		"after a restart": func(e *engine, t *testing.T, f spec, o Options, sources ...gather.Source) *engine {
			e.stop() // if it has not been
			return e.again(t, f, o, sources...)
		},
		"after a reload": (*engine).reload,
	}
}

func TestWhatIsNewIsAskedForAlone(t *testing.T) {
	services := fixture.Named("album", "playlist", "search")
	two := services[:2]
	const latency = `
      - name: latency
        histogram: {metric: http_request_duration_seconds, threshold: 500ms}
        objective: 99%
        period: 7d
`
	const stricter = `
      - {name: stricter, events: {metric: http_requests_total, bad: '{code=~"5.."}'}, objective: 99.9%, period: 7d}
`
	const longer = `
      - {name: longer, events: {metric: http_requests_total, bad: '{code=~"5.."}'}, objective: 99.9%, period: 14d}
`
	tests := []struct {
		name   string
		next   spec
		about  string        // part of every expression about the past; "": nothing is asked
		oldest time.Duration // how far back: the period, and the week before it
	}{
		{"nothing", spec{Rubrics: fixture.Availability, Services: two}, "", 0},
		{"a new service", spec{Rubrics: fixture.Availability, Services: services}, `{service="search"}`, 14 * 24 * time.Hour},
		{"a new check", spec{Rubrics: strings.TrimRight(fixture.Availability, "\n") + latency, Services: two}, "duration_seconds", 14 * 24 * time.Hour},
		{"a new objective on the same metric", spec{Rubrics: strings.TrimRight(fixture.Availability, "\n") + stricter, Services: two}, "", 0},
		{"a longer period", spec{Rubrics: strings.TrimRight(fixture.Availability, "\n") + longer, Services: two}, "http_requests_total", 21 * 24 * time.Hour},
		{"a service less", spec{Rubrics: fixture.Availability, Services: services[:1]}, "", 0},
	}
	for way, succeed := range successions() {
		for _, tt := range tests {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := start(t, spec{Rubrics: fixture.Availability, Services: two}, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
					e.until(2*time.Hour + 33*time.Minute + 40*time.Second)
					prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
					began := time.Now()
					next := succeed(e, t, tt.next, Options{}, source("eu", prom))
					defer next.stop()
					e.until(2*time.Hour + 50*time.Minute)
					oldest := began
					for _, a := range longAgo(prom) {
						require.NotEmpty(t, tt.about, "%s at %s", a.Expr, a.At)
						require.True(t, strings.Contains(a.Expr, tt.about) ||
							strings.Contains(a.Expr, "count_values") && !strings.Contains(tt.about, "{"), "%s about %s", a.Expr, a.At)
						if a.At.Before(oldest) {
							oldest = a.At
						}
					}
					if tt.about != "" {
						require.InDelta(t, tt.oldest.Hours()+1, began.Sub(oldest).Hours(), 1.1)
					}
					for i := range next.o.Plan.SLIs {
						for service := range next.o.Plan.Services {
							f := next.series(i, service).Facts(e.at(2*time.Hour+49*time.Minute).Unix(), 0, []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour})
							for _, w := range f.Windows {
								require.Equal(t, w.Expected, w.Measured, "%s of %s", w.Length, next.o.Plan.SLIs[i].Check.Name)
								require.InDelta(t, w.Length.Hours(), float64(w.Expected)/12, 1.1)
							}
						}
					}
					require.Empty(t, next.agenda.Owed(next.o.Plan))
					ticks := e.store.ticks()
					for i, tick := range ticks {
						require.Equal(t, ticks[0].Add(time.Duration(i)*time.Minute), tick, "no tick is lost")
					}
				})
			})
		}
	}
}

func TestWhatIsNewIsAskedForAgainWhenASourceFails(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist", "search")
				e := start(t, spec{Rubrics: fixture.Availability, Services: services[:1]}, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
				e.until(2*time.Hour + 40*time.Second)
				failing := time.Now().Add(10 * time.Second)
				prom := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
					if strings.Contains(expr, "search") && time.Now().Before(failing) {
						return nil, fixture.ErrNoRoute
					}
					return wavyTraffic(services)(expr, at)
				}}
				next := succeed(e, t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
				defer next.stop()
				e.until(2*time.Hour + 20*time.Minute)
				w := next.series(0, 1).Facts(e.at(2*time.Hour+19*time.Minute).Unix(), 0, []time.Duration{7 * 24 * time.Hour}).Windows[0]
				require.Equal(t, w.Expected, w.Measured)
				require.GreaterOrEqual(t, w.Expected, 7*288)
			})
		})
	}
}

func TestAServiceThatComesBackIsAskedAboutTheTimeInBetween(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist", "search")
				f := spec{Rubrics: fixture.Availability, Services: services}
				less := spec{Rubrics: fixture.Availability, Services: services[:1]}
				prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
				e := start(t, f, Options{}, source("eu", prom))
				e.until(2 * time.Hour)
				gone := succeed(e, t, less, Options{}, source("eu", prom))
				e.until(5 * time.Hour)
				back := &fixture.Prometheus{Answer: wavyTraffic(services)}
				next := succeed(gone, t, f, Options{}, source("eu", back))
				defer next.stop()
				e.until(5*time.Hour + 20*time.Minute)
				for _, a := range longAgo(back) {
					require.Contains(t, a.Expr, `{service="search"}`)
					require.False(t, a.At.Before(e.at(2*time.Hour-15*time.Minute)), "%s is known", a.At)
				}
				w := next.series(0, 1).Facts(e.at(5*time.Hour+19*time.Minute).Unix(), 0, []time.Duration{7 * 24 * time.Hour}).Windows[0]
				require.Equal(t, w.Expected, w.Measured)
				require.Zero(t, next.agenda.LateServices())
			})
		})
	}
}

func TestANewSourceIsAskedAboutAllOfThePast(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				f := spec{Rubrics: fixture.Availability, Services: services}
				e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}))
				e.until(2 * time.Hour)
				next := succeed(e, t, f, Options{}, source("eu", &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}),
					source("us", &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}))
				defer next.stop()
				e.until(3 * time.Hour)
				w := next.window(2*time.Hour+55*time.Minute, 24*time.Hour)
				require.InDelta(t, 2*100*288, w.Counts.Total, 1)
			})
		})
	}
}

func TestWhatASourceOwesIsNotAskedAgainUntilItAnswersBetter(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				f := spec{Rubrics: fixture.Availability, Services: services}
				var mended bool
				good := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
				bad := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
					if !mended {
						return nil, fixture.ErrNoRoute
					}
					return fixture.SteadyTraffic(services, 0.1)(expr, at)
				}}
				e := start(t, f, Options{}, source("bad", bad), source("good", good))
				e.until(30 * time.Minute)
				e.peek(func() { require.Len(t, e.agenda.Owed(e.o.Plan), 15) })
				before := len(longAgo(good))
				next := succeed(e, t, f, Options{}, source("bad", bad), source("good", good))
				defer next.stop()
				e.until(time.Hour)
				next.peek(func() { require.Len(t, next.agenda.Owed(next.o.Plan), 15) })
				require.Len(t, longAgo(good), before)
				good.Change(func() { bad.Change(func() { mended = true }) })
				e.until(2 * time.Hour)
				next.peek(func() { require.Empty(t, next.agenda.Owed(next.o.Plan)) })
				w := next.window(time.Hour+55*time.Minute, 72*time.Hour)
				require.InDelta(t, 2*100*3*288, w.Counts.Total, 1)
			})
		})
	}
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
