package collector

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// seldom are checks that are asked for every five minutes, of each kind: two whose
// questions are theirs alone, and two whose questions others have asked at every tick.
const seldom = `
rubrics:
  - name: seldom
    checks:
      - {name: fds, value: {query: 'max by ($identity) (process_open_fds)'}, pass: 1, fail: 2, interval: 5m}
      - {name: calls, events: {metric: http_requests_total, bad: '{code=~"5.."}'}, objective: 99%, period: 7d, interval: 5m}
      - {name: shared-fds, value: {query: 'max by ($identity) (process_open_fds * 2)'}, pass: 1, fail: 2, interval: 5m}
      - {name: shared-calls, events: {metric: http_requests_total, bad: '{code="500"}'}, pass: 99%, fail: 90%, window: 1h, interval: 5m}
  - name: often
    checks:
      - {name: often-fds, value: {query: 'max by ($identity) (process_open_fds * 2)'}, pass: 1, fail: 2}
      - {name: often-calls, events: {metric: http_requests_total, bad: '{code="500"}'}, pass: 99%, fail: 90%, window: 1h}
`

func seldomChecks() []string { return []string{"fds", "calls", "shared-fds", "shared-calls"} }

// risingValues are file descriptors that tell when they were asked for, beside steady
// traffic: a minute after the hour they are a hundredth.
func risingValues(expr string, at time.Time) ([]fixture.Row, error) {
	rows, err := fixture.SteadyTraffic(fixture.Named("playlist"), 0.1)(expr, at)
	for i := range rows {
		if strings.Contains(expr, "process_open_fds") {
			rows[i].Value = float64(at.Minute()) / 100
		}
	}
	return rows, err
}

func rising() *fixture.Prometheus { return &fixture.Prometheus{Answer: risingValues} }

// requireJudgedAt requires that all checks are judged from what was so at a tick.
func requireJudgedAt(t *testing.T, cards []*scorecard.Scorecard, at time.Time, checks ...string) {
	t.Helper()
	for _, check := range checks {
		r := fixture.Result(t, cards, "playlist", check)
		require.Equal(t, scorecard.Pass, r.Verdict, "%s: %s", check, r.Message)
		require.False(t, r.Carried, check)
		require.Equal(t, at.UTC(), r.DataTime.UTC(), check)
		if strings.Contains(check, "fds") {
			require.InDelta(t, float64(at.Minute())/100, *r.Value, 1e-9, check)
		}
	}
}

func TestEvaluatingBetweenTheTicksOfACheckJudgesItFromItsNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noon := time.Now().UTC().Add(-12 * time.Hour)
		for _, after := range []time.Duration{5 * time.Minute, 6 * time.Minute, 7*time.Minute + 30*time.Second, 9 * time.Minute, 10 * time.Minute} {
			prom := rising()
			o := Options{Plan: spec{Rubrics: seldom, Services: fixture.Named("playlist")}.plan(t), Sources: []gather.Source{source("eu", prom)}}
			e, err := Evaluate(t.Context(), o, noon.Add(after), noon)
			require.NoError(t, err)
			requireJudgedAt(t, e.Scorecards, noon.Add(after.Truncate(5*time.Minute)), seldomChecks()...)
			requireJudgedAt(t, e.Scorecards, noon.Add(after.Truncate(time.Minute)), "often-fds", "often-calls")
			asked := 0
			for _, a := range prom.Askings() {
				if a.Points == 1 && !a.At.Equal(noon.Add(after.Truncate(time.Minute))) {
					require.Equal(t, noon.Add(5*time.Minute), a.At)
					asked++
				}
			}
			if after%(5*time.Minute) == 0 {
				require.Zero(t, asked)
			} else {
				require.Equal(t, 4, asked, "both values, what is counted for others too, and the targets")
			}
		}
	})
}

// TestAReplayBeginsBetweenTheTicksOfACheck starts at each minute, with one set of
// rubrics and with two.
func TestAReplayBeginsBetweenTheTicksOfACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noon := time.Now().UTC().Add(-12 * time.Hour)
		plan := spec{Rubrics: seldom, Services: fixture.Named("playlist")}.plan(t)
		for minute := range time.Duration(6) {
			for _, sets := range [][][]*rubric.Rubric{nil, {plan.Rubrics[:1], plan.Rubrics}} {
				from := noon.Add(minute * time.Minute)
				r := ReplayOptions{From: from, To: from.Add(7 * time.Minute), Step: time.Minute, Sets: sets}
				ticks, _ := replayed(t, Options{Plan: plan, Sources: []gather.Source{source("eu", rising())}}, r)
				for tick, graded := range ticks {
					for _, cards := range graded {
						requireJudgedAt(t, cards, tick.Truncate(5*time.Minute), seldomChecks()...)
					}
				}
			}
		}
	})
}

// TestAStartBetweenTheTicksOfACheck starts, and starts again, at times that are no
// multiples of five minutes, and counts what is asked.
func TestAStartBetweenTheTicksOfACheck(t *testing.T) {
	for _, o := range []Options{{}, {Replay: 12 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			f := spec{Rubrics: seldom, Services: fixture.Named("playlist")}
			e := newEngine(t, f, o, source("eu", rising()))
			e.until(2*time.Minute + 40*time.Second)
			e.run(t)
			e.until(3*time.Minute + 20*time.Second)
			require.Equal(t, e.at(2*time.Minute), e.store.newest().Tick)
			for _, c := range e.store.all() {
				requireJudgedAt(t, c.Snapshot.Scorecards, c.Snapshot.Tick.Truncate(5*time.Minute), seldomChecks()...)
			}
			e.until(6*time.Minute + 40*time.Second)
			e.stop()
			e.until(8*time.Minute + 40*time.Second)
			prom := rising()
			two := e.again(t, f, Options{}, source("eu", prom))
			defer two.stop()
			for minute := 9; minute < 17; minute++ {
				e.until(time.Duration(minute)*time.Minute + 40*time.Second)
				tick := e.at(time.Duration(minute) * time.Minute)
				require.Equal(t, tick, e.store.newest().Tick)
				requireJudgedAt(t, e.store.newest().Scorecards, tick.Truncate(5*time.Minute), seldomChecks()...)
			}
			asked := 0
			for at, when := range e.instants(prom, "process_open_fds)") {
				require.Zero(t, at%(5*time.Minute))
				require.Len(t, when, 1)
				asked += len(when)
			}
			require.Equal(t, 2, asked, "of 10m and 15m; 5m is remembered")
			for at, when := range e.instants(prom, "process_open_fds *") {
				require.Len(t, when, 1, "%s", at)
			}
		})
	}
}

// TestNothingIsRecalledForChecksThatAreDueAtEveryTick counts the askings of a start.
func TestNothingIsRecalledForChecksThatAreDueAtEveryTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prom := rising()
		e := newEngine(t, spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist")}, Options{}, source("eu", prom))
		e.until(2*time.Minute + 40*time.Second)
		e.run(t)
		defer e.stop()
		e.until(2*time.Minute + 50*time.Second)
		for _, a := range prom.Askings() {
			require.True(t, a.Points > 1 || a.At.Equal(e.at(2*time.Minute)), "%s at %s", a.Expr, a.At)
		}
	})
}

// TestAReloadChangesAChecksMeaningBetweenItsTicks has the newest tick of the checks
// graded, and then changes what the checks ask, be called, and how often they do.
func TestAReloadChangesAChecksMeaningBetweenItsTicks(t *testing.T) {
	changes := map[string]func(string) string{
		"threshold": func(s string) string { return strings.ReplaceAll(s, "pass: 1,", "pass: 0.95,") },
		"name":      func(s string) string { return strings.ReplaceAll(s, "name: ", "name: new-") },
		"window":    func(s string) string { return strings.ReplaceAll(s, "window: 1h, interval", "window: 2h, interval") },
		"query":     func(s string) string { return strings.ReplaceAll(s, "process_open_fds", "(process_open_fds)") },
		"interval":  func(s string) string { return s },
	}
	for what, change := range changes {
		for _, after := range []time.Duration{45 * time.Second, 61*time.Second + 20*time.Second, 85 * time.Second} {
			t.Run(what+" "+after.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					before := seldom
					if what == "interval" {
						before = strings.ReplaceAll(seldom, ", interval: 5m", "")
					}
					f := spec{Rubrics: before, Services: fixture.Named("playlist")}
					e := start(t, f, Options{}, source("eu", rising()))
					e.until(20*time.Minute + after)
					next := e.reload(t, spec{Rubrics: change(seldom), Services: f.Services}, Options{}, source("eu", rising()))
					defer next.stop()
					for minute := 22; minute < 27; minute++ {
						e.until(time.Duration(minute)*time.Minute + 50*time.Second)
						tick := e.at(time.Duration(minute) * time.Minute)
						require.Equal(t, tick, e.store.newest().Tick)
						for _, check := range seldomChecks() {
							if what == "name" {
								check = "new-" + check
							}
							requireJudgedAt(t, e.store.newest().Scorecards, tick.Truncate(5*time.Minute), check)
						}
					}
				})
			})
		}
	}
}

// TestASourceThatFailsTheRecallIsAFault has a source that answers nothing about the
// newest tick of a check: it says so.
func TestASourceThatFailsTheRecallIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noon := time.Now().UTC().Add(-12 * time.Hour)
		prom := &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
			if strings.Contains(expr, "process_open_fds") && at.Equal(noon) {
				return nil, fixture.ErrNoRoute
			}
			return risingValues(expr, at)
		}}
		o := Options{Plan: spec{Rubrics: seldom, Services: fixture.Named("playlist")}.plan(t), Sources: []gather.Source{source("eu", prom)}}
		e, err := Evaluate(t.Context(), o, noon.Add(2*time.Minute), noon)
		require.NoError(t, err)
		for _, check := range []string{"fds", "shared-fds"} {
			require.Equal(t, "source_error", fixture.Result(t, e.Scorecards, "playlist", check).Reason)
		}
		requireJudgedAt(t, e.Scorecards, noon, "calls", "shared-calls")
		requireJudgedAt(t, e.Scorecards, noon.Add(2*time.Minute), "often-fds")
		require.Equal(t, map[string][]string{"eu": {"no route to host"}}, e.Faults)
	})
}

// TestWhatIsRecalledHasTheTargetsOfEveryIdentity has a check of another identity that
// is remembered: who scrapes its targets is a witness all the same.
func TestWhatIsRecalledHasTheTargetsOfEveryIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noon, prom := time.Now().UTC().Add(-12*time.Hour), rising()
		f := spec{Services: fixture.Named("playlist"), Identities: map[string]map[string]string{"app": {"app": "service.name"}}, Rubrics: `
rubrics:
  - name: two
    checks:
      - {name: fds, value: {query: 'max by ($identity) (process_open_fds)'}, pass: 1, fail: 2, interval: 5m}
      - {name: others, identity: app, value: {query: 'max by ($identity) (process_open_fds)'}, pass: 1, fail: 2}
`}
		_, err := Evaluate(t.Context(), Options{Plan: f.plan(t), Sources: []gather.Source{source("eu", prom)}}, noon.Add(2*time.Minute), noon)
		require.NoError(t, err)
		var values, targets int
		for _, a := range prom.Askings() {
			switch {
			case !a.At.Equal(noon) || a.Points > 1:
			case strings.Contains(a.Expr, "process_open_fds"):
				values++
			default:
				targets++
			}
		}
		require.Equal(t, []int{1, 2}, []int{values, targets})
	})
}
