package app_test

import (
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/app"
)

func (w *world) testEvaluate(t *testing.T) { w.evaluateAt(t, w.present, expectedHTTP()) }

func (w *world) testEvaluateBetweenSlots(t *testing.T) {
	expected := expectedHTTP()
	// Its twelfth slot ends only now.
	expected["default/newborn"] = expected["default/infant"]
	w.evaluateAt(t, w.present.Add(-2*time.Minute), expected)
}

func (w *world) evaluateAt(t *testing.T, at time.Time, expected expectations) {
	stdout, stderr, err := w.evaluate(t, app.EvaluateOptions{JSON: true, Time: at})
	require.NoError(t, err, stderr)
	got := decode[evaluation](t, []byte(stdout))
	require.True(t, got.Stateless)
	require.Equal(t, at, got.EvaluatedAt)
	require.Equal(t, at, got.DataTime)
	w.compare(t, httpPack(), expected, got.Items)
	w.compare(t, edgesRubric(), expectedEdges(), got.Items)
}

// compare holds the scorecards of one rubric against what is expected.
func (w *world) compare(t *testing.T, rubric rubricSpec, expected expectations, got []card) {
	found := cards(got)
	for id, checks := range expected {
		t.Run(rubric.name+" of "+id, func(t *testing.T) {
			c := found[rubric.name+" "+id]
			require.NotNil(t, c, "there is no such scorecard")
			outcomes := rubric.outcomes(t, checks)
			sameOutcomes(t, outcomes, c)
			sameSummary(t, rubric.sumUp(outcomes), c)
			sameNumbers(t, c.DataTime.Sub(w.present).Seconds(), c)
			for check, text := range expectedMessages()[id] {
				require.Contains(t, c.result(t, check).Message, text)
			}
		})
	}
	for key := range found {
		id, ok := strings.CutPrefix(key, rubric.name+" ")
		if _, wanted := expected[id]; ok && !wanted {
			t.Errorf("nobody expected a scorecard of %s", key)
		}
	}
}

// sameOutcomes compares verdicts, reasons and credits.
func sameOutcomes(t *testing.T, want []outcome, got *card) {
	t.Helper()
	require.Len(t, got.Results, len(want))
	require.Equal(t, got.Service.Name == "rare", got.result(t, want[0].check).LowTraffic, "only a rare error proves little")
	for _, o := range want {
		r := got.result(t, o.check)
		require.Equal(t, o.verdict+" "+o.reason, r.Verdict+" "+r.Reason, "%s: %s", o.check, r.Message)
		require.NotEmpty(t, r.Message, o.check)
		require.InDelta(t, o.coverage, r.Coverage, 1e-9, o.check)
		if math.IsNaN(o.credit) {
			require.Nil(t, r.Credit, o.check)
			continue
		}
		require.NotNil(t, r.Credit, o.check)
		require.InDelta(t, o.credit, *r.Credit, 1e-9, o.check)
	}
}

// sameSummary compares what the results add up to.
func sameSummary(t *testing.T, want summary, got *card) {
	t.Helper()
	require.Equal(t, want.status, got.Status)
	require.InDelta(t, want.coverage, got.Coverage, 1e-9)
	require.InDelta(t, want.coverage, got.FreshCoverage, 1e-9)
	sameNumber(t, "score", want.score, got.Score, 0.1)
	sameNumber(t, "raw score", want.raw, got.RawScore, 0.1)
	sameNumber(t, "lowest score", &want.low, got.ScoreLow, 0.1)
	sameNumber(t, "highest score", &want.high, got.ScoreHigh, 0.1)
	require.Equal(t, want.grade, got.Grade)
	require.Equal(t, want.cappedBy, got.CappedBy)
	require.Equal(t, want.level, got.Level)
	require.Equal(t, want.rank, got.LevelRank)
	require.Equal(t, want.pass, got.Pass)
	if want.score == nil {
		return
	}
	lost := *got.CapPoints
	for _, r := range got.Results {
		if r.PointsLost != nil {
			lost += *r.PointsLost
		}
	}
	require.InDelta(t, 100-*got.Score, lost, 0.1, "what was lost explains the score")
}

func sameNumber(t *testing.T, what string, want, got *float64, delta float64) {
	t.Helper()
	if want == nil {
		require.Nil(t, got, what)
		return
	}
	require.NotNil(t, got, what)
	require.InDelta(t, *want, *got, delta, what)
}

// sameNumbers compares budgets, burn rates and values with the rates that the
// counters were made from.
func sameNumbers(t *testing.T, tick float64, got *card) {
	t.Helper()
	p := parts(got.Service.Name)
	for _, o := range []struct {
		check     string
		objective float64
		period    time.Duration
		windows   []string
	}{
		{"availability", 0.999, 30 * 24 * time.Hour, []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"}},
		{"weekly", 0.99, 7 * 24 * time.Hour, []string{"5m", "30m", "1h", "1h25m", "6h", "16h50m"}},
	} {
		for i := range got.Results {
			if r := &got.Results[i]; r.Check == o.check && r.Budget != nil {
				sameBudget(t, p, tick, r, o.objective, o.period, o.windows)
			}
		}
	}
	for i := range got.Results {
		switch r := &got.Results[i]; {
		case r.Check == "traffic" && r.Value != nil:
			_, total := counted(p, span{tick - 300, tick}, life.bad)
			require.InEpsilon(t, 1+total, 1+300**r.Value, 1e-2, "events of five minutes")
		case r.Check == "client-errors" && r.Value != nil:
			missing, total := counted(p, span{tick - 3600, tick}, func(l life) float64 { return l.missing })
			require.InDelta(t, 1-missing/total, *r.Value, 1e-9)
		}
	}
}

func sameBudget(t *testing.T, p []being, tick float64, got *result, objective float64, period time.Duration, windows []string) {
	t.Helper()
	first := p[0].born()
	all := windowAt(tick, period)
	all.from = max(all.from, first)
	require.InDelta(t, (all.to-all.from)/period.Seconds(), got.Budget.Covered, 1e-9, "covered")
	require.Equal(t, time.Duration((all.to-all.from)*float64(time.Second)), got.Budget.To.Sub(got.Budget.From))
	bad, total := counted(p, all, life.bad)
	if total == 0 {
		require.Nil(t, got.Value)
		require.Nil(t, got.Budget.Remaining)
	} else {
		require.InDelta(t, 1-bad/total, *got.Value, 1e-9, "value")
		require.InDelta(t, 1-bad/total/(1-objective), *got.Budget.Remaining, 1e-6, "remaining")
	}
	require.Len(t, got.Budget.Burn, len(windows))
	for _, window := range windows {
		length, err := model.ParseDuration(window)
		require.NoError(t, err)
		rate, ok := got.Budget.Burn[window]
		require.True(t, ok, "the burn over %s is missing in %v", window, got.Budget.Burn)
		if bad, total := counted(p, windowAt(tick, time.Duration(length)), life.bad); total > 0 {
			require.NotNil(t, rate, "burn over %s", window)
			require.InDelta(t, bad/total/(1-objective), *rate, 1e-6, "burn over %s", window)
		} else {
			require.Nil(t, rate, "burn over %s", window)
		}
	}
}

func (w *world) testEvaluateRepeats(t *testing.T) {
	o := app.EvaluateOptions{JSON: true, Time: w.present.Add(-time.Hour), Services: []string{"burning", "default/spread", "two/twin"}}
	first, _, err := w.evaluate(t, o)
	require.NoError(t, err)
	second, _, err := w.evaluate(t, o)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Len(t, decode[evaluation](t, []byte(first)).Items, 3, "only the services that were named")
}

func (w *world) testEvaluateTable(t *testing.T) {
	stdout, stderr, err := w.evaluate(t, app.EvaluateOptions{Time: w.present, Services: []string{"burning"}})
	require.NoError(t, err)
	require.Regexp(t, `(?m)^default/burning +http +59\.0 F +no level +coverage 100 %$`, stdout)
	require.Regexp(t, `(?m)^  availability +fail +burning_fast +-40\.0 +10 % of 6,000 requests failed`, stdout)
	require.Contains(t, stderr, "asked about the past")
}

func (w *world) testEvaluateWithoutASource(t *testing.T) {
	dead := "http://" + freeAddress(t)
	o := app.EvaluateOptions{JSON: true, Time: w.present, ConfigFile: w.writeConfig(t, w.west.url(), dead)}
	stdout, stderr, err := w.evaluate(t, o)
	var partial *app.SourcesFailedError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []string{"east"}, partial.Sources)
	require.Contains(t, stderr, "source east: ")
	require.NotContains(t, stderr, "source west: ")
	found := cards(decode[evaluation](t, []byte(stdout)).Items)
	require.InDelta(t, 100, *found["http default/steady"].Score, 0.1)
	require.Equal(t, "unknown", found["http default/remote"].Status)
	remote := found["http default/remote"].result(t, "availability")
	require.Equal(t, "unknown source_error", remote.Verdict+" "+remote.Reason)
	// Nothing is known of its past in the east, so the west is all of it.
	require.Equal(t, "ok", found["http default/spread"].result(t, "availability").Reason)
}

func (w *world) testCheckOnline(t *testing.T) {
	var out lockedBuffer
	err := app.CheckConfig(t.Context(), app.CheckOptions{
		Files: []string{w.config}, Online: true, Logger: slog.New(slog.DiscardHandler), Out: &out,
	})
	require.ErrorIs(t, err, app.ErrMistakes)
	require.Regexp(t, `(?m)^east +http/availability +2 +0 `, out.String())
	require.Regexp(t, `(?m)^east +http/availability \(births\) +\d+ +0 +[1-9]\d* +[0-9.]+`, out.String())
	require.Contains(t, out.String(), "Births are asked for once in five minutes, scrapes once an hour, the rest at every tick")
	require.NotContains(t, out.String(), "(births): no source has a row", "that nothing is born is well")
	require.Contains(t, out.String(), "west: http/latency: http_request_duration_seconds has no bucket with the bound 0.5; the nearest are 0.25 and 1\n")
	require.Contains(t, out.String(), "west: http/saturation: the answer holds NaN\n")
}
