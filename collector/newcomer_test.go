package collector

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
)

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
