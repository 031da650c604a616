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

func cells(c ...slo.CellFact) scorecard.CheckFacts {
	return scorecard.CheckFacts{Facts: slo.Facts{Time: noon.Unix(), Cells: c, Up: 1, Witnessed: true}}
}

func targets(f scorecard.CheckFacts, up, down int) scorecard.CheckFacts {
	f.Up, f.Down = up, down
	return f
}

type verdictCase struct {
	name    string
	change  func(c *rubric.Check) // of a gauge with pass 0.7 and fail 0.95
	before  *scorecard.CheckFacts // facts of the tick before
	facts   scorecard.CheckFacts
	verdict scorecard.Verdict
	reason  string
	q       float64
	message string
}

func onMissing(m rubric.OnMissing) func(*rubric.Check) {
	return func(c *rubric.Check) { c.OnMissing = m }
}

func verdictCases(t *testing.T) []verdictCase {
	absent := cells()
	down := targets(cells(), 0, 3)
	unwitnessed := down
	unwitnessed.Witnessed = false
	conflict := known(0.5)
	conflict.Conflict = `{service="x"} is claimed by default/a, default/b`
	unidentified := targets(cells(), 0, 0)
	unidentified.Unidentified = true
	return []verdictCase{
		{"a condition that does not select the service is not applicable", func(c *rubric.Check) { c.AppliesTo = condition(t, `"grpc" in service.tags`) }, nil, conflict, "not_applicable", "not_applicable", 0, "the check's applies_to does not select this service"},
		{"a condition that fails to evaluate is not applicable", func(c *rubric.Check) { c.AppliesTo = condition(t, `1 / service.tier > 0 && [1][service.tier] > 0`) }, nil, known(0.5), "not_applicable", "cel_error", 0, "the check's condition cannot be evaluated for this service"},
		{"an identity claimed twice is unknown before anything else", nil, nil, conflict, "unknown", "identity_conflict", 0, `another service claims the same series: {service="x"} is claimed by default/a, default/b`},
		{"the gravest fault names the result: invalid data", nil, nil, cells(broken("a", 0.3, slo.SourceError, "x"), broken("b", 0.3, slo.Ambiguous, "y"), broken("c", 0.4, slo.InvalidData, "NaN in a row")), "unknown", "invalid_data", 0, "the data of c cannot be used: NaN in a row (3 of 3 cells have faults)"},
		{"ambiguous comes before partial", nil, nil, cells(broken("a", 0.5, slo.Partial, ""), broken("b", 0.5, slo.Ambiguous, "2 rows for one identity")), "unknown", "ambiguous", 0, "the data of b cannot be used: 2 rows for one identity (2 of 2 cells have faults)"},
		{"partial comes before a missing bucket", nil, nil, cells(broken("a", 0.5, slo.NoSuchBucket, ""), broken("b", 0.5, slo.Partial, "the answer was cut")), "unknown", "partial", 0, "the data of b cannot be used: the answer was cut (2 of 2 cells have faults)"},
		{"a missing bucket comes before a source error", nil, nil, cells(broken("a", 0.5, slo.SourceError, ""), broken("b", 0.5, slo.NoSuchBucket, "no bucket 0.5: the nearest are 0.25 and 1")), "unknown", "no_such_bucket", 0, "the data of b cannot be used: no bucket 0.5: the nearest are 0.25 and 1 (2 of 2 cells have faults)"},
		{"a source that did not answer is unknown", nil, nil, cells(broken("eu", 1, slo.SourceError, "timeout after 30s")), "unknown", "source_error", 0, "eu did not answer: timeout after 30s"},
		{"a fault is no matter while half of the cells answer", nil, nil, cells(good("a", 0.5, 0.1), broken("b", 0.5, slo.SourceError, "x")), "pass", "ok", 0.5, "10 %: pass is at most 70 %, fail is at least 95 %"},
		{"a fault matters when a hair less than half answers", nil, nil, cells(good("a", 0.4999, 0.1), broken("b", 0.5001, slo.SourceError, "x")), "unknown", "source_error", 0, "b did not answer: x"},
		{"half of the cells within the tolerance is half", nil, nil, cells(good("a", 0.5-1e-11, 0.1), broken("b", 0.5+1e-11, slo.SourceError, "x")), "pass", "ok", 0.5, ""},
		{"all targets down at one tick is not yet a fail", nil, nil, down, "unknown", "no_data", 0, "all 3 scrape targets of the service are down and there are no series"},
		{"all targets down at two ticks is a fail", nil, &down, down, "fail", "target_down", 1, "all 3 scrape targets of the service are down"},
		{"targets down fail though a recording still gives rows", nil, &down, targets(known(0.1), 0, 3), "fail", "target_down", 1, ""},
		{"presence that was not answered everywhere is no evidence", nil, &down, unwitnessed, "unknown", "no_data", 0, ""},
		{"a fault comes before targets that are down", nil, &down, targets(cells(broken("eu", 1, slo.SourceError, "x")), 0, 3), "unknown", "source_error", 0, "eu did not answer: x"},
		{"one target up is not down", nil, &down, targets(cells(), 1, 2), "unknown", "no_data", 0, "one scrape target is up and does not have the metric"},
		{"no targets and no rows is no data", onMissing(rubric.MissingFail), nil, targets(absent, 0, 0), "unknown", "no_data", 0, "no source has a scrape target or a series of this service"},
		{"a service without identity is no data", nil, nil, unidentified, "unknown", "no_data", 0, "no identity of the check names this service: its expression gives an empty value"},
		{"a metric missing everywhere is unknown by default", nil, nil, targets(cells(silent("eu", 1)), 4, 0), "unknown", "no_data", 0, "4 scrape targets are up and none has the metric"},
		{"a metric missing everywhere fails if the check says so", onMissing(rubric.MissingFail), nil, targets(absent, 4, 0), "fail", "no_data", 1, "4 scrape targets are up and none has the metric, which on_missing counts as fail"},
		{"a metric missing everywhere passes if the check says so", onMissing(rubric.MissingPass), nil, targets(absent, 1, 1), "pass", "no_data", 1, "one scrape target is up and does not have the metric, which on_missing counts as pass"},
		{"a metric missing everywhere is not applicable if the check says so", onMissing(rubric.MissingNotApplicable), nil, absent, "not_applicable", "no_data", 0, "one scrape target is up and does not have the metric, so the check does not apply"},
		{"rows in less than half of the cells without a fault are no data", onMissing(rubric.MissingPass), nil, cells(good("a", 0.2, 0.1), silent("b", 0.8)), "unknown", "no_data", 0, "only cells worth 20 % of the service answered"},
		{"a sum needs every cell", func(c *rubric.Check) { c.Value.Across = rubric.Sum }, nil, cells(good("a", 0.6, 0.1), silent("b", 0.4)), "unknown", "partial", 0, "only cells worth 60 % of the service answered, and a sum needs all"},
		{"a sum that overflows is invalid", func(c *rubric.Check) { c.Value.Across = rubric.Sum }, nil, cells(good("a", 0.5, -1.5e308), good("b", 0.5, -1.5e308)), "unknown", "invalid_data", 0, "the values of the cells add up to no finite number"},
	}
}

func TestRowsOfTheVerdictTable(t *testing.T) {
	for _, test := range verdictCases(t) {
		t.Run(test.name, func(t *testing.T) {
			check := gauge("fds", 5, 0.7, 0.95)
			if test.change != nil {
				test.change(check)
			}
			r := rubricOf(check)
			card := grade(r, test.facts)
			if test.before != nil {
				card = after(r, []scorecard.CheckFacts{*test.before}, []scorecard.CheckFacts{test.facts})
			}
			result := card.Results[0]
			assert.Equal(t, test.verdict, result.Verdict)
			assert.Equal(t, test.reason, result.Reason)
			assert.InDelta(t, test.q, result.Coverage, 1e-9)
			assert.Equal(t, test.verdict.Judged(), result.Credit != nil)
			assert.NotEmpty(t, result.Message)
			if test.message != "" {
				assert.Equal(t, test.message, result.Message)
			}
		})
	}
}

func TestAnAnswerJudgedTwiceIsOneTickOfTargetsDown(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0.7, 0.95))
	in := input(r, targets(cells(), 0, 3))
	var card *scorecard.Scorecard
	for range 4 { // a check asked every 5m is judged at every tick
		card, in.Previous = scorecard.Grade(in)
		in.Tick = in.Tick.Add(time.Minute)
	}
	assert.Equal(t, scorecard.ReasonNoData, card.Results[0].Reason)
	in.Facts[0].Time += 300
	card, in.Previous = scorecard.Grade(in)
	assert.Equal(t, scorecard.ReasonTargetDown, card.Results[0].Reason)
	in.Facts[0].Time += 1200
	in.Facts[0].Up = 1
	card, in.Previous = scorecard.Grade(in)
	assert.Equal(t, scorecard.ReasonNoData, card.Results[0].Reason, "beyond the grace")
	in.Facts[0].Time += 1200
	in.Facts[0].Up = 0
	card, _ = scorecard.Grade(in)
	assert.Equal(t, scorecard.ReasonNoData, card.Results[0].Reason, "the ticks must be in a row")
}

func TestCatalogChecksNeedNoFactsAndAreWhole(t *testing.T) {
	for _, test := range []struct {
		name, src, applies string
		verdict            scorecard.Verdict
		reason, message    string
	}{
		{"a condition that holds passes", `"runbook" in service.links`, "", "pass", "ok", `the catalog entry meets "runbook" in service.links`},
		{"one that does not hold fails", `service.tier == 4`, "", "fail", "below_target", "the catalog entry does not meet service.tier == 4"},
		{"one that cannot be evaluated does not apply", `[1][service.tier] > 0`, "", "not_applicable", "cel_error", ""},
		{"one for other services does not apply", `false`, `service.tier == 4`, "not_applicable", "not_applicable", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := &rubric.Check{Name: "c", Severity: rubric.Low, Weight: 2.5, Kind: rubric.KindCatalog, Catalog: condition(t, test.src)}
			if test.applies != "" {
				check.AppliesTo = condition(t, test.applies)
			}
			result := grade(rubricOf(check)).Results[0]
			assert.Equal(t, test.verdict, result.Verdict)
			assert.Equal(t, test.reason, result.Reason)
			if result.Verdict.Judged() {
				assert.InDelta(t, 1, result.Coverage, 0)
			}
			if test.message != "" {
				assert.Equal(t, test.message, result.Message)
			}
		})
	}
}

func TestCreditOfValues(t *testing.T) {
	alone := func(c *rubric.Check) { c.Fail = nil }
	for _, test := range []struct {
		name       string
		pass, fail float64
		change     func(*rubric.Check)
		value      float64
		verdict    scorecard.Verdict
		credit     float64
	}{
		{"better than pass", 0.7, 0.95, nil, 0.1, "pass", 1},
		{"at pass", 0.7, 0.95, nil, 0.7, "pass", 1},
		{"at pass within the tolerance", 0.7, 0.95, nil, 0.7 + 1e-10, "pass", 1},
		{"a little worse than pass", 0.7, 0.95, nil, 0.7 + 1e-6, "warn", 0.999996},
		{"half way", 0.7, 0.95, nil, 0.825, "warn", 0.5},
		{"a little better than fail", 0.7, 0.95, nil, 0.95 - 1e-6, "warn", 0.000004},
		{"at fail within the tolerance", 0.7, 0.95, nil, 0.95 - 1e-10, "fail", 0},
		{"worse than fail", 0.7, 0.95, nil, 2, "fail", 0},
		{"more is better: at pass", 10, 2, nil, 10, "pass", 1},
		{"more is better: between", 10, 2, nil, 4, "warn", 0.25},
		{"more is better: at fail", 10, 2, nil, 2, "fail", 0},
		{"pass alone: met", 0.7, 0.95, alone, 0.7, "pass", 1},
		{"pass alone: not met", 0.7, 0.95, alone, 0.71, "fail", 0},
		{"bounds so far apart that their difference overflows", -1.5e308, 1.5e308, nil, 0, "warn", 0.5},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := gauge("fds", 5, test.pass, test.fail)
			if test.change != nil {
				test.change(check)
			}
			result := grade(rubricOf(check), known(test.value)).Results[0]
			assert.Equal(t, test.verdict, result.Verdict)
			require.NotNil(t, result.Credit)
			assert.InDelta(t, test.credit, *result.Credit, 1e-9)
		})
	}
}

func TestGaugesMergeOverCells(t *testing.T) {
	facts := cells(good("a", 0.25, 0.2), good("b", 0.25, 0.6), good("c", 0.25, 0.4), silent("d", 0.25))
	for _, test := range []struct {
		across     rubric.Across
		pass, fail float64
		want       float64
	}{
		{rubric.Worst, 0.1, 1, 0.6},
		{rubric.Best, 0.1, 1, 0.2},
		{rubric.Mean, 0.1, 1, 0.4},
		{rubric.Worst, 1, 0.1, 0.2},
		{rubric.Best, 1, 0.1, 0.6},
		{rubric.Mean, 1, 0.1, 0.4},
	} {
		check := gauge("fds", 5, test.pass, test.fail)
		check.Value.Across = test.across
		result := grade(rubricOf(check), facts).Results[0]
		assert.InDelta(t, test.want, *result.Value, 1e-12, "%s from %g to %g", test.across, test.pass, test.fail)
		assert.InDelta(t, 0.75, result.Coverage, 1e-12)
	}
	check := gauge("fds", 5, 5, 10)
	check.Value.Across = rubric.Sum
	whole := cells(good("a", 0.5, 3), good("b", 0.5, 4))
	assert.InDelta(t, 7, *grade(rubricOf(check), whole).Results[0].Value, 1e-12)
}
