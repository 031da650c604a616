package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// burning gives n events of which factor times the budget of 99.9 % are bad.
func burning(factor, n float64) slo.Counts { return slo.Counts{Bad: factor * 0.001 * n, Total: n} }

const many = 1e9 // events, so that the Wilson bound is the plain share to 1e-4

func TestRowsOfTheObjectiveTable(t *testing.T) {
	quiet := slo.Counts{Total: many}
	hour, short := burning(14.5, many), burning(14.5, many)
	for _, test := range []struct {
		name    string
		counts  counts
		verdict scorecard.Verdict
		reason  string
		credit  float64
	}{
		{"no errors at all", counts{0: quiet}, "pass", "ok", 1},
		{"the first page pair fires", counts{0: quiet, time.Hour: hour, slot: short}, "fail", "burning_fast", 0},
		{"a long window alone does not page", counts{0: quiet, time.Hour: hour}, "pass", "ok", 1},
		{"a short window alone does not page", counts{0: quiet, slot: short}, "pass", "ok", 1},
		{"the second page pair fires", counts{0: quiet, 6 * time.Hour: burning(6.01, many), 30 * time.Minute: burning(6.01, many)}, "fail", "burning_fast", 0},
		{"a hair below its factor it does not", counts{0: quiet, 6 * time.Hour: burning(5.99, many), 30 * time.Minute: burning(6.01, many)}, "pass", "ok", 1},
		{"a ticket pair warns, for half the credit", counts{0: quiet, day: burning(3.01, many), 2 * time.Hour: burning(3.01, many)}, "warn", "burning_slow", 0.5},
		{"a ticket pair with little budget left gives less", counts{0: quiet, 30 * day: burning(0.9, many), day: burning(3.01, many), 2 * time.Hour: burning(3.01, many), 6 * time.Hour: burning(3, many)}, "warn", "burning_slow", 0.4},
		{"the slow ticket pair", counts{0: quiet, 3 * day: burning(1.01, many), 6 * time.Hour: burning(1.01, many)}, "warn", "burning_slow", 0.5},
		{"the budget spent and still burning in 6h", counts{0: quiet, 30 * day: burning(1, many), 6 * time.Hour: burning(1.01, many)}, "fail", "budget_spent", 0},
		{"the budget spent and still burning in a tenth", counts{0: quiet, 30 * day: burning(1.5, many), 3 * day: burning(1.01, many)}, "fail", "budget_spent", 0},
		{"the budget spent and the burning over", counts{0: quiet, 30 * day: burning(1.5, many)}, "warn", "budget_spent", 0.5},
		{"exactly the budget within the tolerance", counts{0: quiet, 30 * day: burning(1-1e-10, many)}, "warn", "budget_spent", 0.5},
		{"almost the budget", counts{0: quiet, 30 * day: burning(0.99, many)}, "warn", "budget_low", 0.5},
		{"almost the budget while burning", counts{0: quiet, 30 * day: burning(0.99, many), 6 * time.Hour: burning(1.1, many)}, "warn", "budget_low", 0.04},
		{"three quarters of the budget are enough", counts{0: quiet, 30 * day: burning(0.75, many)}, "pass", "ok", 1},
		{"three quarters within the tolerance", counts{0: quiet, 30 * day: burning(0.75+1e-10, many)}, "pass", "ok", 1},
		{"a hair more is low", counts{0: quiet, 30 * day: burning(0.7500001, many)}, "warn", "budget_low", 0.9999996},
		{"everything fails", counts{0: {Bad: many, Total: many}}, "fail", "burning_fast", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := availability()
			result := grade(rubricOf(check), counted(check, test.counts)).Results[0]
			assert.Equal(t, test.verdict, result.Verdict)
			assert.Equal(t, test.reason, result.Reason)
			require.NotNil(t, result.Credit)
			assert.InDelta(t, test.credit, *result.Credit, 1e-9)
			assert.False(t, result.LowTraffic)
			assert.NotEmpty(t, result.Message)
		})
	}
}

func TestAFactorIsReachedWithinTheTolerance(t *testing.T) {
	// Half of all events are bad where half may be: the burn is 1, and the
	// bound of so many events is the share itself to the last digit.
	check := availability()
	check.Objective = 0.5
	half := slo.Counts{Bad: 0.5e30, Total: 1e30}
	result := grade(rubricOf(check), counted(check, counts{0: {Total: 1e30}, 3 * day: half, 6 * time.Hour: half})).Results[0]
	assert.Equal(t, scorecard.ReasonBurningSlow, result.Reason)
}

func TestFewEventsFailNobody(t *testing.T) {
	for _, test := range []struct {
		name       string
		counts     counts
		reason     string
		lowTraffic bool
	}{
		{"one error of one is no page", counts{0: {Bad: 1, Total: 1}}, "burning_slow", false},
		{"two errors of two are no page: the hour needs three", counts{0: {Bad: 2, Total: 2}}, "burning_slow", false},
		{"extrapolated errors count as whole ones", counts{0: {Bad: 2.5, Total: 3}, slot: {Bad: 1.5, Total: 2}}, "burning_fast", false},
		{"a hair fewer do not", counts{0: {Bad: 2.49, Total: 3}, slot: {Bad: 1.5, Total: 2}}, "burning_slow", false},
		{"two errors of a hundred prove too little for a page", counts{0: {Total: 1e6}, time.Hour: {Bad: 3, Total: 100}, slot: {Bad: 2, Total: 100}}, "ok", true},
		{"the same share of more events pages", counts{0: {Total: 1e6}, time.Hour: {Bad: 300, Total: 1e4}, slot: {Bad: 200, Total: 1e4}}, "burning_fast", false},
		{"fewer than three bad events leave the budget out", counts{0: {Total: 100}, 30 * day: {Bad: 2.4, Total: 1000}}, "ok", false},
		{"three of them spend it", counts{0: {Total: 100}, 30 * day: {Bad: 2.5, Total: 1000}}, "budget_spent", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := availability()
			result := grade(rubricOf(check), counted(check, test.counts)).Results[0]
			assert.Equal(t, test.reason, result.Reason)
			assert.Equal(t, test.lowTraffic, result.LowTraffic)
		})
	}
}

func TestTheBudgetCountsOnlyWhereThePeriodIsKnown(t *testing.T) {
	spent := counts{0: {Total: many}, 30 * day: burning(2, many)}
	for _, test := range []struct {
		name               string
		expected, measured int
		reason             string
		covered            float64
	}{
		{"nine tenths measured", 8640, 7776, "budget_spent", 0.9},
		{"a slot less", 8640, 7775, "ok", 7775.0 / 8640},
		{"a young service with a tenth of the period", 864, 864, "budget_spent", 0.1},
		{"a slot younger", 863, 863, "ok", 863.0 / 8640},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := availability()
			f := counted(check, spent)
			w := &f.Windows[len(f.Windows)-1]
			w.Expected, w.Measured = test.expected, test.measured
			result := grade(rubricOf(check), f).Results[0]
			assert.Equal(t, test.reason, result.Reason)
			assert.InDelta(t, test.covered, result.Budget.Covered, 1e-12)
			assert.InDelta(t, -1, *result.Budget.Remaining, 1e-9, "the plain value is published all the same")
		})
	}
}

func TestUnknownObjectives(t *testing.T) {
	check := availability()
	fast := counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)}
	quiet := counted(check, counts{0: {Total: many}})
	warming := quiet
	warming.Measured = 11
	warm := quiet
	warm.Measured = 12
	blind := thin(thin(quiet, slot, 0), 30*time.Minute, 0.5)
	bothPage := counted(check, counts{0: {Total: many}, 6 * time.Hour: burning(20, many), 30 * time.Minute: burning(20, many)})
	for _, test := range []struct {
		name   string
		before scorecard.CheckFacts
		facts  scorecard.CheckFacts
		reason string
	}{
		{"no events in any window", quiet, counted(check, nil), "idle"},
		{"no events for now", quiet, counted(check, counts{30 * day: {Total: 5}}), "ok"},
		{"idle comes before warming up", quiet, func() scorecard.CheckFacts { f := counted(check, nil); f.Measured = 1; return f }(), "idle"},
		{"eleven slots", quiet, warming, "warming_up"},
		{"twelve slots", quiet, warm, "ok"},
		{"no page pair can be judged and nothing else is wrong", quiet, blind, "partial"},
		{"one page pair can be judged", quiet, thin(quiet, slot, 0), "ok"},
		{"no page pair can be judged but the budget is spent", quiet, thin(thin(counted(check, counts{0: {Total: many}, 30 * day: burning(2, many)}), slot, 0), 30*time.Minute, 0.5), "budget_spent"},
		{"a pair that fired cannot be judged", counted(check, fast), thin(quiet, slot, 0), "partial"},
		{"a pair that fired cannot be judged while another pages", counted(check, fast), thin(bothPage, slot, 0), "burning_fast"},
		{"a pair that fired can be judged and is quiet", counted(check, fast), quiet, "ok"},
		{"a long window with exactly 0.8 of its slots is judged", counted(check, fast), thin(counted(check, fast), time.Hour, 0.84), "burning_fast"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rubricOf(check)
			result := after(r, []scorecard.CheckFacts{test.before}, []scorecard.CheckFacts{test.facts}).Results[0]
			assert.Equal(t, test.reason, result.Reason, result.Message)
			assert.NotEmpty(t, result.Message)
		})
	}
}

// TestAPairThatWasFiringIsRememberedWhileUnknown goes through a gap that is
// longer than the grace: firing, then not judged, then judged again and quiet.
func TestAPairThatWasFiringIsRememberedWhileUnknown(t *testing.T) {
	check := availability()
	fast := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)})
	quiet := counted(check, counts{0: {Total: many}})
	in := input(rubricOf(check))
	for i, step := range []struct {
		facts  scorecard.CheckFacts
		reason string
	}{{fast, "burning_fast"}, {thin(quiet, slot, 0), "partial"}, {thin(quiet, slot, 0), "partial"}, {quiet, "ok"}, {thin(quiet, slot, 0), "ok"}} {
		in.Facts = []scorecard.CheckFacts{at(step.facts, in.Tick)}
		card, next := scorecard.Grade(in)
		assert.Equal(t, step.reason, card.Results[0].Reason, "step %d", i)
		in.Previous, in.Tick = next, in.Tick.Add(16*time.Minute)
	}
}

func TestAFiringPairWhoseShortWindowFallsIdle(t *testing.T) {
	check := availability()
	fast := counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)}
	then := func(c slo.Counts) scorecard.CheckFacts {
		return counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: c})
	}
	type step struct {
		minutes int
		facts   scorecard.CheckFacts
		reason  string
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"stays firing for less than an hour", []step{{1, then(slo.Counts{}), "burning_fast"}, {59, then(slo.Counts{}), "burning_fast"}, {1, then(slo.Counts{}), "ok"}}},
		{"stays firing until ten good events", []step{{1, then(slo.Counts{}), "burning_fast"}, {1, then(slo.Counts{Total: 9}), "burning_fast"}, {1, then(slo.Counts{Total: 10}), "ok"}}},
		{"bad events are no good ones", []step{{1, then(slo.Counts{}), "burning_fast"}, {1, then(slo.Counts{Bad: 1, Total: 10}), "burning_fast"}}},
		{"ends at once when the window is not idle", []step{{1, then(slo.Counts{Total: 1}), "ok"}}},
		{"does not start idle", []step{{1, then(slo.Counts{Total: 100}), "ok"}, {1, then(slo.Counts{}), "ok"}}},
		{"starts its hour anew after firing again", []step{{1, then(slo.Counts{}), "burning_fast"}, {50, counted(check, fast), "burning_fast"}, {20, then(slo.Counts{}), "burning_fast"}, {59, then(slo.Counts{}), "burning_fast"}, {1, then(slo.Counts{}), "ok"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := input(rubricOf(check), counted(check, fast))
			_, in.Previous = scorecard.Grade(in)
			for i, step := range test.steps {
				in.Tick = in.Tick.Add(time.Duration(step.minutes) * time.Minute)
				in.Facts = []scorecard.CheckFacts{step.facts}
				var card *scorecard.Scorecard
				card, in.Previous = scorecard.Grade(in)
				assert.Equal(t, step.reason, card.Results[0].Reason, "step %d", i)
			}
		})
	}
}

func TestUnObjectivedRatios(t *testing.T) {
	for _, test := range []struct {
		name       string
		counts     slo.Counts
		measured   int
		thin       float64
		verdict    scorecard.Verdict
		reason     string
		lowTraffic bool
	}{
		{"no events is idle", slo.Counts{}, 100, 1, "unknown", "idle", false},
		{"too young is warming up", slo.Counts{Total: 10}, 11, 1, "unknown", "warming_up", false},
		{"a gappy window is partial", slo.Counts{Total: 10}, 100, 0.75, "unknown", "partial", false},
		{"good events pass", slo.Counts{Bad: 1000, Total: 1e6}, 100, 1, "pass", "ok", false},
		{"in between warns", slo.Counts{Bad: 30000, Total: 1e6}, 100, 1, "warn", "below_target", false},
		{"bad events fail", slo.Counts{Bad: 100000, Total: 1e6}, 100, 1, "fail", "below_target", false},
		{"one error of five proves too little to fail", slo.Counts{Bad: 1, Total: 5}, 100, 1, "warn", "below_target", true},
		{"one error of fifty passes", slo.Counts{Bad: 1, Total: 50}, 100, 1, "pass", "ok", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := ratio(0.99, 0.95)
			f := thin(counted(check, counts{0: test.counts}), time.Hour, test.thin)
			f.Measured = test.measured
			result := grade(rubricOf(check), f).Results[0]
			assert.Equal(t, test.verdict, result.Verdict)
			assert.Equal(t, test.reason, result.Reason)
			assert.Equal(t, test.lowTraffic, result.LowTraffic)
			assert.NotEmpty(t, result.Message)
			if result.Value != nil {
				assert.InDelta(t, 1-test.counts.Bad/test.counts.Total, *result.Value, 1e-12, "the published value is the plain one")
			}
		})
	}
}

func TestPublishedBurnsAreThePlainOnes(t *testing.T) {
	check := availability()
	f := thin(counted(check, counts{0: burning(2, 1000), 2 * time.Hour: {}}), 6*time.Hour, 0.5)
	budget := grade(rubricOf(check), f).Results[0].Budget
	require.Len(t, budget.Burn, 7)
	assert.Equal(t, slot, budget.Burn[0].Window)
	assert.InDelta(t, 2, *budget.Burn[0].Rate, 1e-9)
	assert.Nil(t, budget.Burn[3].Rate, "no events have no burn")
	assert.Nil(t, budget.Burn[4].Rate, "a window that is not judged has none")
	assert.Equal(t, noon.Add(-30*day), budget.From)
	assert.Equal(t, noon, budget.To)
}

func TestWindowsOfChecks(t *testing.T) {
	assert.Equal(t, []time.Duration{time.Hour}, scorecard.WindowsOf(ratio(1, 0)))
	assert.Nil(t, scorecard.WindowsOf(gauge("g", 1, 0, 1)))
	assert.Len(t, scorecard.WindowsOf(availability()), 8)
	assert.Equal(t, 15*time.Minute, scorecard.Grace(&rubric.Check{}, time.Minute))
	assert.Equal(t, 15*time.Minute, scorecard.Grace(&rubric.Check{Interval: slot}, time.Minute))
}
