package collector

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/slo"
)

// wavyTraffic is a function of the service and the instant alone.
func wavyTraffic(services []*catalog.Service) func(string, time.Time) ([]fixture.Row, error) {
	return func(expr string, at time.Time) ([]fixture.Row, error) {
		wave := 1 + math.Sin(float64(at.Unix())/7000)
		rows, _ := fixture.SteadyTraffic(services, 0)(expr, at)
		for i := range rows {
			switch rows[i].Labels["code"] {
			case "500":
				rows[i].Value = wave * float64(i) / 10
			case "200":
				rows[i].Value *= 3 + wave
			}
		}
		return rows, nil
	}
}

func TestEvaluatingTwiceGivesTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		o := Options{
			Plan: spec{Rubrics: fixture.FourKinds, Services: services}.plan(t), Environment: "production",
			Sources: []gather.Source{source("west", &fixture.Prometheus{Answer: wavyTraffic(services)}), source("east", &fixture.Prometheus{Answer: wavyTraffic(services)})},
		}
		tick := time.Now().Add(-time.Hour - 17*time.Second)
		first, err := Evaluate(t.Context(), o, tick, tick)
		require.NoError(t, err)
		second, err := Evaluate(t.Context(), o, tick, tick)
		require.NoError(t, err)
		require.Equal(t, first, second)
		require.Len(t, first.Scorecards, 4)
		require.Equal(t, "west", o.Sources[0].Name, "what the caller gave is left as it was")
		for _, card := range first.Scorecards {
			require.True(t, card.Stateless)
			require.Equal(t, tick.Truncate(time.Minute).UTC(), card.DataTime)
		}
		require.Empty(t, first.Faults)
	})
}

func TestEvaluatingKnowsWhatLiveTicksKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		f := spec{Rubrics: fixture.FourKinds, Services: services}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		defer e.stop()
		e.until(2*time.Hour + 33*time.Minute + 31*time.Second)
		tick := e.at(2*time.Hour + 33*time.Minute)
		require.Equal(t, tick, e.store.newest().Tick)

		alone := New(Options{Plan: f.plan(t), Sources: []gather.Source{source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)})}})
		_, err := alone.evaluate(t.Context(), tick)
		require.NoError(t, err)
		windows := []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour}
		for i := range e.o.Plan.SLIs {
			if !e.o.Plan.SLIs[i].Check.Kind.Counted() {
				windows = nil
			}
			for service := range services {
				live := e.series(i, service).Facts(tick.Unix(), 15*time.Minute, windows)
				once := (&engine{Collector: alone}).series(i, service).Facts(tick.Unix(), 15*time.Minute, windows)
				require.Equal(t, len(live.Windows), len(once.Windows))
				for j := range live.Windows {
					requireSameWindow(t, once.Windows[j], live.Windows[j])
				}
				require.Equal(t, once.Cells[0].Value, live.Cells[0].Value)
				require.Equal(t, []int{once.Up, once.Down, len(once.Cells)}, []int{live.Up, live.Down, len(live.Cells)})
			}
		}
	})
}

// requireSameWindow allows for sums in another order.
func requireSameWindow(t *testing.T, want, got slo.Window) {
	t.Helper()
	require.InDelta(t, want.Counts.Total, got.Counts.Total, 1e-6, "%s", want.Length)
	require.InDelta(t, want.Counts.Bad, got.Counts.Bad, 1e-6, "%s", want.Length)
	want.Counts, got.Counts = slo.Counts{}, slo.Counts{}
	require.Equal(t, want, got)
}

func TestEvaluatingASourceThatIsDeadSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		broken := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
			return nil, fixture.ErrNoRoute
		}}
		e, err := Evaluate(t.Context(), Options{
			Plan:    spec{Rubrics: fixture.FourKinds, Services: services}.plan(t),
			Sources: []gather.Source{source("eu", broken)},
		}, time.Now(), time.Now())
		require.NoError(t, err)
		require.Equal(t, map[string][]string{"eu": {"no route to host"}}, e.Faults)
		r := fixture.Result(t, e.Scorecards, "playlist", "availability")
		require.Equal(t, "source_error", r.Reason)
		require.Nil(t, e.Scorecards[0].Score)
	})
}

func TestEvaluatingWithoutThePastSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := instantsOnly{&fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0.1)}}
		e, err := Evaluate(t.Context(), Options{
			Plan:    spec{Rubrics: fixture.FourKinds, Services: services}.plan(t),
			Sources: []gather.Source{source("eu", prom)},
		}, time.Now(), time.Now())
		require.NoError(t, err)
		require.Equal(t, map[string][]string{"eu": {"no range queries here"}}, e.Faults)
		require.Equal(t, "warming_up", fixture.Result(t, e.Scorecards, "playlist", "availability").Reason)
	})
}

// instantsOnly refuses range queries.
type instantsOnly struct{ *fixture.Prometheus }

func (instantsOnly) QueryRange(context.Context, promapi.RangeQuery, promapi.Sink) (promapi.Report, error) {
	return promapi.Report{}, errors.New("no range queries here")
}

func TestEvaluatingTheBeginningOfTimeIsRefused(t *testing.T) {
	o := Options{Plan: spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}.plan(t)}
	for _, tick := range []time.Time{{}, time.Unix(600, 0), time.Unix(-1<<40, 0)} {
		_, err := Evaluate(t.Context(), o, tick, time.Now())
		require.ErrorContains(t, err, "choose a later time")
	}
}
