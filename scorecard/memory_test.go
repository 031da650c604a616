package scorecard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// dark are the facts of a check whose source does not answer.
func dark() scorecard.CheckFacts { return cells(broken("eu", 1, slo.SourceError, "timeout")) }

// later grades a rubric with the state of one tick, that much later.
func later(r *rubric.Rubric, wait time.Duration, before, now []scorecard.CheckFacts) *scorecard.Scorecard {
	in := input(r, before...)
	_, in.Previous = scorecard.Grade(in)
	in.Tick, in.Facts = noon.Add(wait), nil
	for _, f := range now {
		in.Facts = append(in.Facts, at(f, in.Tick))
	}
	card, _ := scorecard.Grade(in)
	return card
}

func TestTheLastFreshResultIsCarriedWithinTheGrace(t *testing.T) {
	check := gauge("fds", 5, 0.7, 0.95)
	half := cells(good("a", 0.6, 0.825), silent("b", 0.4))
	for _, test := range []struct {
		name    string
		before  scorecard.CheckFacts
		now     scorecard.CheckFacts
		wait    time.Duration
		want    string
		missing string
		q       float64
	}{
		{"a source that does not answer", known(0.825), dark(), time.Minute, "w", "source_error", 1},
		{"the grace includes its end", known(0.825), dark(), 15 * time.Minute, "w", "source_error", 1},
		{"beyond it the check is unknown", known(0.825), dark(), 15*time.Minute + time.Second, "?", "", 0},
		{"a carried result keeps its share of cells", half, dark(), time.Minute, "w", "source_error", 0.6},
		{"a missing metric", known(0.825), step(t, 'M'), time.Minute, "w", "no_data", 1},
		{"an identity that two claim", known(0.825), func() scorecard.CheckFacts { f := known(0.1); f.Conflict = "x"; return f }(), time.Minute, "w", "identity_conflict", 1},
		{"nothing is carried where nothing was known", dark(), dark(), time.Minute, "?", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rubricOf(check)
			card := later(r, test.wait, []scorecard.CheckFacts{test.before}, []scorecard.CheckFacts{test.now})
			result := card.Results[0]
			assert.Equal(t, test.want, letters([]*scorecard.Scorecard{card}))
			assert.Equal(t, test.missing, result.Missing)
			assert.InDelta(t, test.q, card.Coverage, 1e-9)
			assert.Zero(t, card.FreshCoverage)
			if test.want == "w" {
				assert.Equal(t, scorecard.ReasonBelowTarget, result.Reason)
				assert.InDelta(t, 0.825, *result.Value, 1e-9)
				assert.InDelta(t, 0.5, *result.Credit, 1e-9)
				assert.Equal(t, noon, result.DataTime, "the data is as old as it is")
				assert.Contains(t, result.Message, " ago stands")
			}
		})
	}
}

func TestTheGraceOfASlowCheckIsThreeOfItsIntervals(t *testing.T) {
	check := gauge("fds", 5, 0.7, 0.95)
	in := input(rubricOf(check), known(0.1))
	in.Interval = 6 * time.Minute
	_, in.Previous = scorecard.Grade(in)
	for wait, want := range map[time.Duration]string{18 * time.Minute: "p", 19 * time.Minute: "?"} {
		in.Tick = noon.Add(wait)
		in.Facts = []scorecard.CheckFacts{at(dark(), in.Tick)}
		card, _ := scorecard.Grade(in)
		assert.Equal(t, want, letters([]*scorecard.Scorecard{card}), wait)
	}
}

func TestAnObjectiveThatFallsIdleIsCarriedThenRemembered(t *testing.T) {
	check := availability()
	r := rubricOf(check)
	busy, idle := counted(check, counts{0: {Bad: many, Total: many}}), counted(check, nil)
	card := later(r, 5*time.Minute, []scorecard.CheckFacts{busy}, []scorecard.CheckFacts{idle})
	assert.Equal(t, "burning_fast", card.Results[0].Reason)
	assert.Equal(t, "idle", card.Results[0].Missing)
	lost := busy
	lost.Cells = dark().Cells
	card = later(r, 5*time.Minute, []scorecard.CheckFacts{busy}, []scorecard.CheckFacts{lost})
	assert.Equal(t, "source_error", card.Results[0].Missing)
	require.NotNil(t, card.Results[0].Budget, "the ledger goes on")
	assert.InDelta(t, many, card.Results[0].Budget.Bad, 0)
	assert.Zero(t, *card.Results[0].Value)
	card = later(r, 20*time.Minute, []scorecard.CheckFacts{busy}, []scorecard.CheckFacts{idle})
	assert.Equal(t, "idle", card.Results[0].Reason)
	assert.Equal(t, "there were no requests to judge in the last 30d; it counts as the fail that it last was", card.Results[0].Message)
	assert.False(t, *card.Pass)
}

// lost grades checks that are all known, and again after a while, when those
// with the credit −1 in now are not.
func lost(floor float64, wait time.Duration, before, now []scored) *scorecard.Scorecard {
	r, facts := checksOf(before)
	r.CoverageFloor = floor
	_, after := checksOf(now)
	return later(r, wait, facts, after)
}

func TestALostCheckCountsAsItWasLastSeen(t *testing.T) {
	const grace, month = 16 * time.Minute, 30 * day
	for _, test := range []struct {
		name             string
		wait             time.Duration
		before, now      []scored
		score, low, high float64
		cappedBy, pass   string
	}{
		{"the loss moves nothing", grace, []scored{{"a", 5, 0.5, false, 0}, {"b", 5, 1, false, 0}}, []scored{{"a", 5, -1, false, 0}, {"b", 5, 1, false, 0}}, 75, 50, 100, "", "true"},
		{"the rest may fail", grace, []scored{{"a", 5, 0.5, false, 0}, {"b", 5, 0.6, false, 0}}, []scored{{"a", 5, -1, false, 0}, {"b", 5, 0.2, false, 0}}, 35, 10, 60, "", "true"},
		{"and recover", grace, []scored{{"a", 5, 0.5, false, 0}, {"b", 5, 0.2, false, 0}}, []scored{{"a", 5, -1, false, 0}, {"b", 5, 0.6, false, 0}}, 55, 30, 80, "", "true"},
		{"a credit is remembered for thirty days", month, []scored{{"a", 5, 0.5, false, 0}, {"b", 5, 1, false, 0}}, []scored{{"a", 5, -1, false, 0}, {"b", 5, 1, false, 0}}, 75, 50, 100, "", "true"},
		{"and no longer", month + time.Second, []scored{{"a", 5, 0.5, false, 0}, {"b", 5, 1, false, 0}}, []scored{{"a", 5, -1, false, 0}, {"b", 5, 1, false, 0}}, 100, 50, 100, "", "nil"},
		{"a critical fail keeps its cap", grace, []scored{{"a", 2, 0, true, 0}, {"b", 8, 1, false, 0}}, []scored{{"a", 2, -1, true, 0}, {"b", 8, 1, false, 0}}, 59, 59, 100, "a", "false"},
		{"a known fail caps the high bound as well", grace, []scored{{"a", 2, 0, true, 0}, {"b", 7, 1, false, 0}, {"c", 1, 0, true, 0}}, []scored{{"a", 2, -1, true, 0}, {"b", 7, 1, false, 0}, {"c", 1, 0, true, 0}}, 59, 59, 59, "a", "false"},
		{"a critical pass caps the low bound while unknown", grace, []scored{{"a", 2, 1, true, 0}, {"b", 8, 1, false, 0}}, []scored{{"a", 2, -1, true, 0}, {"b", 8, 1, false, 0}}, 100, 59, 100, "", "true"},
		{"a fail that is remembered does not pass", grace, []scored{{"a", 5, 0, false, 0}, {"b", 5, 1, false, 0}}, []scored{{"a", 5, -1, false, 0}, {"b", 5, 1, false, 0}}, 50, 50, 100, "", "false"},
		{"everything is lost", grace, []scored{{"a", 5, 0.5, false, 0}}, []scored{{"a", 5, -1, false, 0}}, 50, 0, 100, "", "true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := lost(0, test.wait, test.before, test.now)
			require.NotNil(t, card.Score)
			assert.InDelta(t, test.score, *card.Score, 1e-9)
			assert.InDelta(t, test.low, *card.ScoreLow, 1e-9)
			assert.InDelta(t, test.high, *card.ScoreHigh, 1e-9)
			assert.Equal(t, test.cappedBy, card.CappedBy)
			assert.Equal(t, test.pass, passText(card))
			assert.Empty(t, sound(card))
		})
	}
}

func passText(c *scorecard.Scorecard) string {
	if c.Pass == nil {
		return "nil"
	}
	return fmt.Sprint(*c.Pass)
}

func TestPointsAreLostByWhatIsRememberedToo(t *testing.T) {
	before := []scored{{"a", 5, 0.5, false, 0}, {"b", 5, 0.9, false, 0}}
	now := []scored{{"a", 5, -1, false, 0}, {"b", 5, 0.9, false, 0}}
	card := lost(0.5, 16*time.Minute, before, now)
	assert.InDelta(t, 25, *card.Results[0].PointsLost, 1e-9)
	assert.InDelta(t, 5, *card.Results[1].PointsLost, 1e-9)
	card = lost(0.8, 16*time.Minute, before, now)
	assert.Nil(t, card.Score)
	assert.Nil(t, card.Results[0].PointsLost, "while the score is null")
	assert.InDelta(t, 70, *card.LastScore, 1e-9)
	card = cardOf(0.5, now...)
	assert.Nil(t, card.Results[0].PointsLost, "of what was never known")
}

func TestABudgetSpentThatIsRememberedDoesNotCap(t *testing.T) {
	check := availability()
	r := rubricOf(check, gauge("b", 90, 0.7, 0.95))
	r.CoverageFloor = 0
	spent := counted(check, counts{0: burning(1.01, many)})
	card := later(r, 16*time.Minute, []scorecard.CheckFacts{spent, known(0)}, []scorecard.CheckFacts{dark(), known(0)})
	assert.Equal(t, scorecard.VerdictUnknown, card.Results[0].Verdict)
	assert.InDelta(t, 90, *card.Score, 1e-9)
	assert.InDelta(t, 59, *card.ScoreLow, 1e-9)
}

func TestAnotherMeaningOfTheCheckForgetsItsCredit(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 5, 0, false, 0}, {"b", 5, 1, false, 0}})
	r.CoverageFloor = 0
	in := input(r, facts...)
	_, in.Previous = scorecard.Grade(in)
	changed := *r.Checks[0]
	changed.Hash = "another"
	in.Rubric = rubricOf(&changed, r.Checks[1])
	in.Rubric.CoverageFloor = 0
	in.Facts[0] = dark()
	card, _ := scorecard.Grade(in)
	assert.InDelta(t, 100, *card.Score, 1e-9)
	assert.Equal(t, "nil", passText(card))
}

// worked are the checks of the worked example of the grading specification.
func worked(first float64) []scored {
	return []scored{{"a", 10, first, true, 0}, {"b", 7.5, 0.9, false, 0}, {"c", 5, 1, false, 0}, {"d", 5, 1, false, 0}, {"e", 2.5, 1, false, 0}}
}
