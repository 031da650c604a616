package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/grader"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// engine is a collector that runs in a bubble of fake time, which starts at
// midnight.
type engine struct {
	*Collector
	store    *fakeStore
	midnight time.Time
	stop     func()
}

// start runs a collector until it is stopped.
func start(t *testing.T, f spec, o Options, sources ...gather.Source) *engine {
	t.Helper()
	e := newEngine(t, f, o, sources...)
	e.run(t)
	return e
}

func newEngine(t *testing.T, f spec, o Options, sources ...gather.Source) *engine {
	t.Helper()
	e := &engine{store: newFakeStore(), midnight: time.Now().UTC()}
	if o.Store != nil {
		e.store = o.Store.(*fakeStore)
	}
	o.Plan, o.Sources, o.Store, o.Environment = f.plan(t), sources, e.store, "production"
	if o.Owner == "" {
		o.Owner = "me"
	}
	e.Collector = New(o)
	return e
}

func (e *engine) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	e.stop = func() {
		cancel()
		require.NoError(t, <-ended)
		e.stop = func() {}
	}
}

// judging makes an engine that does not run yet judge in another way.
func (e *engine) judging(grade func(scorecard.Input) (*scorecard.Scorecard, *scorecard.State)) {
	o := e.graderOptions()
	o.Grade = grade
	e.grader = grader.New(o)
}

// series is what is kept of an SLI of a service, by their places in the plan.
func (e *engine) series(sli, service int) *slo.Series {
	p := e.o.Plan
	return e.ledger.Series(p.SLIs[sli].Hash, p.Services[service].ID.String())
}

// holes returns the slots that have a hole, of the day before midnight and the
// one after.
func (e *engine) holes() []time.Duration {
	var out []time.Duration
	for at := -24 * time.Hour; at <= 24*time.Hour; at += slo.SlotLength {
		if e.agenda.HasHole(e.at(at)) {
			out = append(out, at)
		}
	}
	return out
}

// until lets time pass, to a time after midnight.
func (e *engine) until(clock time.Duration) {
	<-time.After(time.Until(e.midnight.Add(clock)))
	synctest.Wait()
}

// peek looks at what belongs to the goroutine of Run, while nothing moves. It
// takes the locks that whoever moves next takes, too.
func (e *engine) peek(look func()) {
	look()
	for _, s := range e.o.Sources {
		s.Client.(*fixture.Prometheus).Askings()
	}
	e.store.ticks()
}

func (e *engine) at(clock time.Duration) time.Time { return e.midnight.Add(clock) }

// instants returns when a source was asked about an instant alone, counted
// from midnight, by the instant.
func (e *engine) instants(p *fixture.Prometheus, expr string) map[time.Duration][]time.Duration {
	out := map[time.Duration][]time.Duration{}
	for _, a := range p.Askings() {
		if a.Points == 1 && strings.Contains(a.Expr, expr) {
			at := a.At.Sub(e.midnight)
			out[at] = append(out[at], a.When.Sub(e.midnight))
		}
	}
	return out
}

// asksOf counts how often a source was asked about an instant from a time on.
func (e *engine) asksOf(p *fixture.Prometheus, at, from time.Duration) int {
	n := 0
	for _, a := range p.Askings() {
		first := a.At.Sub(e.midnight)
		if !strings.Contains(a.Expr, "http_requests_total") || a.When.Before(e.at(from)) {
			continue
		}
		last := first + time.Duration(a.Points-1)*slo.SlotLength
		if at >= first && at <= last && (at-first)%slo.SlotLength == 0 {
			n++
		}
	}
	return n
}

// window sums the counts of the first service up to a time.
func (e *engine) window(at, length time.Duration) slo.Window {
	f := e.series(0, 0).Facts(e.at(at).Unix(), 0, []time.Duration{length})
	w, _ := f.Window(length)
	return w
}

func source(name string, p gather.Prometheus) gather.Source {
	return gather.Source{Name: name, Environment: "production", Delay: 30 * time.Second, Client: p}
}

func TestTicksAreAskedForAtTheirTimesAndCommittedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		quick, late := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}, &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		slow := source("late", late)
		slow.Delay = 2 * time.Minute
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("quick", quick), slow)
		defer e.stop()
		e.until(20 * time.Minute)
		byTick, byTickLate := e.instants(quick, "http_requests_total"), e.instants(late, "http_requests_total")
		for minute := range 10 {
			tick := time.Duration(minute) * time.Minute
			require.Equal(t, []time.Duration{tick + 30*time.Second}, byTick[tick])
			require.Equal(t, []time.Duration{tick + 2*time.Minute}, byTickLate[tick])
		}
		ticks := e.store.ticks()
		require.Equal(t, e.at(-2*time.Minute), ticks[0], "the newest that can be asked about at the start")
		for i, tick := range ticks {
			require.Equal(t, ticks[0].Add(time.Duration(i)*time.Minute), tick)
		}
		require.Equal(t, e.at(18*time.Minute), ticks[len(ticks)-1])
		require.Equal(t, "pass", string(fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability").Verdict))
	})
}

func TestTheCostOfATickDoesNotGrowWithServices(t *testing.T) {
	for _, n := range []int{60, 600} {
		synctest.Test(t, func(t *testing.T) {
			services := fixture.Numbered(n)
			midnight, steady := time.Now(), fixture.SteadyTraffic(services, 0.1)
			prom := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
				if at.Before(midnight) {
					return nil, nil
				}
				return steady(expr, at)
			}}
			e := start(t, spec{Rubrics: fixture.FourKinds, Services: services}, Options{}, source("eu", prom))
			defer e.stop()
			e.until(7*time.Minute + 40*time.Second)
			asked := 0
			for _, a := range prom.Askings() {
				if a.Points == 1 && a.At.Equal(e.at(7*time.Minute)) {
					asked++
				}
			}
			require.Equal(t, 4, asked, "three SLIs and the targets, for %d services", n)
			require.Len(t, e.store.newest().Scorecards, 2*n, "one by the rubric and one overall")
			require.Equal(t, 4, e.store.newest().Sources[0].Queries)
		})
	}
}

func TestTicksThatAreSleptThroughAreCountedNotQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(3 * time.Minute)
		e.store.set(func() { e.store.paused = e.at(11*time.Minute + 30*time.Second) })
		e.until(40 * time.Minute)
		missed := testutil.ToFloat64(e.metrics.ticksMissed)
		require.InDelta(t, 7, missed, 1)
		ticks := e.store.ticks()
		require.Len(t, ticks, 41-1-int(missed), "one was graded when the process woke up, too late to be committed")
		require.True(t, slices.IsSortedFunc(ticks, time.Time.Compare))
		require.NotZero(t, e.asksOf(prom, 5*time.Minute, 11*time.Minute), "a slot whose tick was missed is asked about later")
		w := e.window(39*time.Minute, 7*24*time.Hour)
		require.Equal(t, w.Expected, w.Measured)
	})
}

func TestASlowSourceIsAFaultAndTheOthersAreGraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		west, east := fixture.Named("playlist"), fixture.Named("search")
		slow := &fixture.Prometheus{Answer: fixture.SteadyTraffic(east, 0.1)}
		quick := &fixture.Prometheus{Answer: fixture.SteadyTraffic(west, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: slices.Concat(west, east)}, Options{}, source("quick", quick), source("slow", slow))
		defer e.stop()
		e.until(10*time.Minute - time.Second)
		slow.HoldBack(fixture.After(25 * time.Second))
		e.until(10*time.Minute + 49*time.Second)
		require.Equal(t, e.at(9*time.Minute), e.store.newest().Tick)
		e.until(10*time.Minute + 51*time.Second)
		require.Equal(t, e.at(10*time.Minute), e.store.newest().Tick, "graded 20s after the delay")
		require.Equal(t, "ok", fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability").Reason)
		require.False(t, fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability").Carried)
		e.peek(func() {
			f := e.series(0, 1).Facts(e.at(10*time.Minute).Unix(), 15*time.Minute, nil)
			require.Len(t, f.Cells, 1)
			require.Equal(t, slo.SourceError, f.Cells[0].Fault.Reason)
			require.Contains(t, f.Cells[0].Fault.Detail, "slow had not answered when the tick was graded")
			require.True(t, e.agenda.HasHole(e.at(10*time.Minute)))
		})
		e.until(11 * time.Minute)
		e.peek(func() {
			require.False(t, e.agenda.HasHole(e.at(10*time.Minute)), "what came late counts in the ledger")
		})
		e.until(28 * time.Minute)
		r := fixture.Result(t, e.store.newest().Scorecards, "search", "availability")
		require.Equal(t, "source_error", r.Reason+r.Missing)
	})
}

func TestTheFirstScorecardsDoNotWaitForASourceThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		west, east := fixture.Named("playlist"), fixture.Named("search")
		quick := &fixture.Prometheus{Answer: fixture.SteadyTraffic(west, 0.1)}
		stalled := &fixture.Prometheus{Answer: fixture.SteadyTraffic(east, 0.1)}
		stalled.HoldBack(fixture.After(24 * time.Hour))
		f := spec{Rubrics: fixture.Availability, Services: slices.Concat(west, east), Interval: 15 * time.Second}
		e := start(t, f, Options{}, source("quick", quick), source("stalled", stalled))
		defer e.stop()
		e.until(primePatience + gatherGrace + time.Second)
		require.NotEmpty(t, e.store.ticks(), "a source that stalls must not keep the others from being shown")
		cards := e.store.newest().Scorecards
		require.Equal(t, "ok", fixture.Result(t, cards, "playlist", "availability").Reason)
		require.Equal(t, "source_error", fixture.Result(t, cards, "search", "availability").Reason)
		e.peek(func() {
			f := e.series(0, 0).Facts(e.store.newest().Tick.Unix(), 15*time.Minute, []time.Duration{slo.SlotLength, 30 * time.Minute, time.Hour})
			for _, w := range f.Windows {
				require.Equal(t, w.Expected, w.Measured, "the ring of the others is full: %s", w.Length)
			}
		})
		past := 0
		for _, a := range stalled.Askings() {
			if a.Points > 1 && a.When.Before(e.at(primePatience+time.Second)) {
				past++
			}
		}
		require.LessOrEqual(t, past, 2, "it is not asked about what follows")
	})
}

func TestTheEndFitsIntoItsFiveSeconds(t *testing.T) {
	require.LessOrEqual(t, stopTimeout+releaseTimeout, 4*time.Second)
}

func TestTicksStayInOrderWhenTheIntervalIsShorterThanTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		slow := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services, Interval: 10 * time.Second}, Options{}, source("slow", slow))
		defer e.stop()
		e.until(5 * time.Minute)
		slow.HoldBack(fixture.After(time.Hour))
		e.until(10 * time.Minute)
		ticks := e.store.ticks()
		for i, tick := range ticks {
			require.Equal(t, ticks[0].Add(time.Duration(i)*10*time.Second), tick)
		}
		require.Zero(t, testutil.ToFloat64(e.metrics.ticksMissed))
		require.GreaterOrEqual(t, testutil.ToFloat64(e.metrics.sourceMissed.WithLabelValues("slow")), 25.0)
	})
}

func TestADelayLongerThanTheIntervalMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services, Interval: 15 * time.Second}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(10 * time.Minute)
		require.Zero(t, testutil.ToFloat64(e.metrics.sourceMissed.WithLabelValues("eu")))
		for _, asked := range e.instants(prom, "http_requests_total") {
			require.Len(t, asked, 1)
		}
	})
}

func TestAPanicCostsOneServiceOneTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
		e := newEngine(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		e.judging(func(in scorecard.Input) (*scorecard.Scorecard, *scorecard.State) {
			if in.Service.ID.Name == "search" && in.Tick.Equal(e.at(4*time.Minute)) {
				panic("a defect")
			}
			return scorecard.Grade(in)
		})
		e.run(t)
		defer e.stop()
		e.until(5 * time.Minute)
		require.Equal(t, e.at(4*time.Minute), e.store.newest().Tick)
		require.Equal(t, []scorecard.Key{{Rubric: "http", Service: services[0].ID}, {Rubric: "overall", Service: services[0].ID}}, cardKeys(e.store.newest().Scorecards))
		require.InDelta(t, 1, testutil.ToFloat64(e.metrics.panics), 0)
		e.until(6 * time.Minute)
		require.Len(t, e.store.newest().Scorecards, 4)
		require.Equal(t, e.store.states[scorecard.Key{Rubric: "http", Service: services[0].ID}].Checks["availability"].Since,
			e.store.states[scorecard.Key{Rubric: "http", Service: services[1].ID}].Checks["availability"].Since, "its state is kept")
	})
}

func TestTheEndOfTheContextEndsEverything(t *testing.T) {
	stuck := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name  string
		after time.Duration
		hold  func(context.Context) error
	}{
		{"while the ring is filled", time.Second, stuck},
		{"while a tick is asked", 65 * time.Second, nil},
		{"while nothing happens", 95 * time.Second, nil},
		{"while slots are asked again", 5*time.Minute + 30*time.Second, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				services := fixture.Named("playlist")
				prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}
				prom.HoldBack(tt.hold)
				e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
				<-time.After(tt.after - time.Millisecond)
				prom.HoldBack(stuck)
				<-time.After(2 * time.Millisecond)
				stopped := time.Now()
				e.stop()
				require.Less(t, time.Since(stopped), 5*time.Second)
				holder, _ := e.store.lease()
				require.Empty(t, holder, "the lease is given back")
			})
		})
	}
}

func TestMetricsAreWellNamedAndSurviveAReload(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}.plan(t)
	first := New(Options{Plan: p, Registerer: registry})
	first.metrics.ticks.Inc()
	second := New(Options{Plan: p, Registerer: registry})
	second.metrics.ticks.Inc()
	require.InDelta(t, 2, testutil.ToFloat64(first.metrics.ticks), 0)
	for _, m := range []*prometheus.GaugeVec{first.metrics.queries, first.metrics.unmatched} {
		m.WithLabelValues("eu").Set(1)
	}
	first.metrics.slots.add(map[slo.Outcome]int{slo.Shrunk: 1})
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems, fmt.Sprint(problems))
}
