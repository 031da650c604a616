package collector

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// troubledTraffic is steady, but for a third of the requests of the first
// service that fail between two times, and file descriptors that come and go.
func troubledTraffic(services []*catalog.Service, from, to time.Time) func(string, time.Time) ([]fixture.Row, error) {
	return func(expr string, at time.Time) ([]fixture.Row, error) {
		rows, err := fixture.SteadyTraffic(services, 0)(expr, at)
		for i := range rows {
			r := &rows[i]
			switch {
			case strings.Contains(expr, "process_open_fds"):
				r.Value = 0.8 + 0.15*math.Sin(float64(at.Unix())/400)
			case r.Labels["service"] != services[0].ID.Name || !at.After(from) || at.After(to):
			case r.Labels["code"] == "500":
				r.Value = 30
			case r.Labels["code"] == "200":
				r.Value = 70
			}
		}
		return rows, err
	}
}

// replayed runs a replay and keeps the scorecards by tick.
func replayed(t *testing.T, o Options, r ReplayOptions) (map[time.Time][][]*scorecard.Scorecard, ReplayReport) {
	t.Helper()
	out := map[time.Time][][]*scorecard.Scorecard{}
	r.Visit = func(tick time.Time, sets [][]*scorecard.Scorecard) error {
		out[tick] = sets
		return nil
	}
	report, err := Replay(t.Context(), o, r)
	require.NoError(t, err)
	require.Len(t, out, report.Ticks)
	return out, report
}

// judged is what must not depend on whether a tick was graded live or replayed.
func judged(cards []*scorecard.Scorecard) []any {
	var out []any
	for _, c := range cards {
		out = append(out, c.Key(), c.Status, c.Score, c.Level, c.Grade, c.CappedBy, c.Coverage, c.DataTime)
		for _, r := range c.Results {
			out = append(out, r.Check, r.Verdict, r.Reason, r.Credit, r.Pending, r.Flapping, r.Carried)
		}
	}
	return out
}

func TestAReplayGradesAsTheServiceDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		midnight := time.Now().UTC()
		prom := &fixture.Prometheus{Answer: troubledTraffic(services, midnight.Add(95*time.Minute), midnight.Add(110*time.Minute))}
		f := spec{Rubrics: fixture.FourKinds, Services: services}
		e := start(t, f, Options{}, source("eu", prom))
		live := map[time.Time][]*scorecard.Scorecard{}
		for minute := range 180 {
			e.until(time.Duration(minute)*time.Minute + 40*time.Second)
			snapshot := e.store.newest()
			live[snapshot.Tick] = snapshot.Scorecards
		}
		e.stop()
		first := midnight
		past, report := replayed(t, Options{Plan: f.plan(t), Sources: []gather.Source{source("eu", prom)}, Environment: "production"},
			ReplayOptions{From: first, To: midnight.Add(179 * time.Minute), Step: time.Minute})
		require.Equal(t, 180, report.Ticks)
		require.Empty(t, report.Faults)
		verdicts := map[scorecard.Verdict]int{}
		for minute := range 180 {
			tick := midnight.Add(time.Duration(minute) * time.Minute)
			require.NotEmpty(t, live[tick], tick)
			require.Equal(t, judged(live[tick]), judged(past[tick][0]), tick)
			for _, check := range []string{"availability", "file-descriptors"} {
				verdicts[fixture.Result(t, past[tick][0], "playlist", check).Verdict]++
			}
		}
		require.Positive(t, min(verdicts[scorecard.Pass], verdicts[scorecard.Warn], verdicts[scorecard.Fail]), verdicts)
	})
}

func TestALongerStepSeesTheSameWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		from := time.Now().UTC().Add(-3 * time.Hour)
		o := Options{Plan: spec{Rubrics: fixture.FourKinds, Services: services}.plan(t), Sources: []gather.Source{
			source("eu", &fixture.Prometheus{Answer: troubledTraffic(services, from.Add(65*time.Minute), from.Add(80*time.Minute))}),
		}}
		fine, _ := replayed(t, o, ReplayOptions{From: from, To: from.Add(3 * time.Hour), Step: time.Minute})
		coarse, report := replayed(t, o, ReplayOptions{From: from, To: from.Add(3 * time.Hour), Step: 5 * time.Minute})
		require.Equal(t, 37, report.Ticks)
		for tick, sets := range coarse {
			for _, check := range []string{"availability", "latency"} {
				for _, service := range []string{"playlist", "search"} {
					want, got := fixture.Result(t, fine[tick][0], service, check), fixture.Result(t, sets[0], service, check)
					require.Equal(t, want.Budget, got.Budget, tick)
					require.Equal(t, want.Verdict, got.Verdict, tick)
				}
			}
		}
	})
}

// TestSetsGradeBesideEachOther has a rubric and a stricter one of the same name.
func TestSetsGradeBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist", "search")
		services[1].Annotations = map[string]string{"apgar.dev/http.availability.objective": "90%"}
		prom := &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 2)}
		loose, strict := spec{Rubrics: strings.ReplaceAll(fixture.FourKinds, "99%", "95%"), Services: services}, spec{Rubrics: strings.ReplaceAll(fixture.FourKinds, "99%", "97%") + `
      - name: queue
        value: {query: 'max by ($identity) (process_open_fds)', unit: ratio}
        pass: 0.7
        fail: 0.95
`, Services: services}
		before, after := loose.plan(t).Rubrics, strict.plan(t).Rubrics
		plan, err := question.NewPlan(question.PlanOptions{Catalog: loose.plan(t).Catalog, Rubrics: append(before, after...), Interval: time.Minute})
		require.NoError(t, err)
		from := time.Now().UTC().Add(-time.Hour)
		var told [][2]int
		past, report := replayed(t, Options{Plan: plan, Sources: []gather.Source{source("eu", prom)}, Progress: func(done, all int) { told = append(told, [2]int{done, all}) }},
			ReplayOptions{From: from, To: from.Add(time.Hour), Step: 5 * time.Minute, Sets: [][]*rubric.Rubric{before, after}})
		for _, sets := range past {
			require.Len(t, sets, 2)
			require.Len(t, sets[0], 4)
			require.Len(t, sets[1], 4)
			require.Len(t, sets[0][0].Results, 4)
			require.Len(t, sets[1][0].Results, 5)
			for service, targets := range map[string][2]float64{"playlist": {0.95, 0.97}, "search": {0.9, 0.9}} {
				require.InDelta(t, targets[0], fixture.Result(t, sets[0], service, "availability").Budget.Objective, 1e-9)
				require.InDelta(t, targets[1], fixture.Result(t, sets[1], service, "availability").Budget.Objective, 1e-9, "an override holds under the candidate too")
			}
		}
		asked := map[string]int{}
		for _, a := range prom.Askings() {
			asked[a.Expr]++
		}
		days := 7 + 7 + 1 // of backfill, and the ring, and the ticks that are graded
		for expr, times := range asked {
			switch {
			case strings.Contains(expr, "http_request"):
				require.Equal(t, days+2, times, expr)
			case strings.Contains(expr, "process_open_fds"):
				require.Equal(t, 1, times, expr)
			}
		}
		require.Equal(t, len(prom.Askings())+2*(days+2), report.Cost.Queries, "what the source keeps, and a question about births and one about scrapes with each range of events")
		require.Equal(t, []int{4, 5}, report.Questions, "events, buckets, descriptors and targets; and the queue")
		require.Equal(t, []int{6, 7}, []int{report.Sets[0].Queries, report.Sets[1].Queries}, "and births, and scrapes")
		last := told[len(told)-1]
		require.Equal(t, last[1], last[0])
		for i := range told[1:] {
			require.GreaterOrEqual(t, told[i+1][0], told[i][0])
			require.Equal(t, last[1], told[i][1])
		}
	})
}

func TestAReplayEndsWithItsVisitorItsContextOrItsMistakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		from := time.Now().UTC().Add(-time.Hour)
		o := Options{Plan: spec{Rubrics: fixture.FourKinds, Services: services}.plan(t), Sources: []gather.Source{source("eu", &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 2)})}}
		r := ReplayOptions{From: from, To: from.Add(time.Hour), Step: 5 * time.Minute}

		enough, visits := errors.New("enough"), 0
		r.Visit = func(time.Time, [][]*scorecard.Scorecard) error { visits++; return enough }
		_, err := Replay(t.Context(), o, r)
		require.ErrorIs(t, err, enough)
		require.Equal(t, 1, visits)

		ctx, cancel := context.WithCancel(t.Context())
		r.Visit = func(time.Time, [][]*scorecard.Scorecard) error { visits++; cancel(); return nil }
		_, err = Replay(ctx, o, r)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 2, visits)

		for want, change := range map[string]func(*ReplayOptions){
			"the step is 2m0s, but must be the evaluation interval 1m0s or 5m": func(r *ReplayOptions) { r.Step = 2 * time.Minute },
			"there is no tick between them":                                    func(r *ReplayOptions) { r.To = r.From.Add(-time.Hour) },
			"both must be multiples of the step 5m0s":                          func(r *ReplayOptions) { r.From = r.From.Add(time.Minute) },
			"the ledger begins later":                                          func(r *ReplayOptions) { r.From = time.Unix(600, 0) },
		} {
			changed := r
			change(&changed)
			_, err := Replay(t.Context(), o, changed)
			require.ErrorContains(t, err, want)
		}
	})
}

func TestAReplayTellsWhatItsSourcesDidNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		from := time.Now().UTC().Add(-time.Hour)
		broken := &fixture.Prometheus{Answer: func(string, time.Time) ([]fixture.Row, error) { return nil, fixture.ErrNoRoute }}
		o := Options{Plan: spec{Rubrics: fixture.FourKinds, Services: services}.plan(t), Sources: []gather.Source{source("eu", broken)}}
		past, report := replayed(t, o, ReplayOptions{From: from, To: from.Add(time.Hour), Step: 5 * time.Minute})
		require.Equal(t, map[string][]string{"eu": {"no route to host"}}, report.Faults)
		require.Equal(t, "source_error", fixture.Result(t, past[from][0], "playlist", "availability").Reason)
	})
}
