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

// scored is one check of a score test: a gauge whose credit is given, or one
// that nobody answers for.
type scored struct {
	name     string
	weight   float64
	credit   float64 // −1: unknown
	critical bool
	share    float64 // of its cells that answered; 0 means all
}

func cardOf(floor float64, list ...scored) *scorecard.Scorecard {
	r, facts := checksOf(list)
	r.CoverageFloor = floor
	return grade(r, facts...)
}

func checksOf(list []scored) (*rubric.Rubric, []scorecard.CheckFacts) {
	var checks []*rubric.Check
	var facts []scorecard.CheckFacts
	for _, s := range list {
		check := gauge(s.name, s.weight, 0, 1)
		if s.critical {
			check.Severity = rubric.Critical
		}
		f := known(1 - s.credit)
		if s.share > 0 {
			f = cells(good("a", s.share, 1-s.credit), silent("b", 1-s.share))
		}
		if s.credit < 0 {
			f = cells(broken("eu", 1, slo.SourceError, "x"))
		}
		checks, facts = append(checks, check), append(facts, f)
	}
	return rubricOf(checks...), facts
}

// TestAScoreHalfwayBetweenTwoIsRoundedUp has 28.75, which a share of 23/80
// times 100 falls short of.
func TestAScoreHalfwayBetweenTwoIsRoundedUp(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 23, 1, false, 0}, {"b", 57, 0, false, 0}})
	card := grade(r, facts...)
	for _, score := range []*float64{card.Score, card.RawScore, card.ScoreLow, card.ScoreHigh, card.ScoreWithoutWaivers} {
		require.Equal(t, "28.8", scorecard.RoundScore(*score))
	}
}

func TestScores(t *testing.T) {
	null := -1.0
	for _, test := range []struct {
		name                  string
		floor                 float64
		checks                []scored
		status                scorecard.Status
		raw, score, low, high float64
		coverage              float64
		cappedBy              string
		grade                 string
	}{
		{"everything is well", 0.8, []scored{{"a", 10, 1, true, 0}, {"b", 5, 1, false, 0}}, "scored", 100, 100, 100, 100, 1, "", "A"},
		{"everything fails", 0.8, []scored{{"a", 10, 0, true, 0}, {"b", 5, 0, false, 0}}, "scored", 0, 0, 0, 0, 1, "", "F"},
		{"a critical fail caps", 0.8, []scored{{"a", 2.5, 0, true, 0}, {"b", 7.5, 1, false, 0}}, "scored", 75, 59, 59, 59, 1, "a", "F"},
		{"a critical fail below the cap does not", 0.8, []scored{{"a", 7.5, 0, true, 0}, {"b", 2.5, 1, false, 0}}, "scored", 25, 25, 25, 25, 1, "", "F"},
		{"exactly 59 is not capped", 0.8, []scored{{"a", 41, 0, true, 0}, {"b", 59, 1, false, 0}}, "scored", 59, 59, 59, 59, 1, "", "F"},
		{"the heaviest critical fail is named", 0.8, []scored{{"a", 1, 0, true, 0}, {"b", 2, 0, true, 0}, {"c", 7, 1, false, 0}}, "scored", 70, 59, 59, 59, 1, "b", "F"},
		{"of two alike, the first by name", 0.8, []scored{{"z", 1, 0, true, 0}, {"b", 1, 0, true, 0}, {"c", 8, 1, false, 0}}, "scored", 80, 59, 59, 59, 1, "b", "F"},
		{"a critical warn does not cap", 0.8, []scored{{"a", 1, 0.1, true, 0}, {"b", 9, 1, false, 0}}, "scored", 91, 91, 91, 91, 1, "", "A"},
		{"a critical check without weight does not cap", 0.8, []scored{{"a", 0, 0, true, 0}, {"b", 9, 1, false, 0}}, "scored", 100, 100, 100, 100, 1, "", "A"},
		{"an unknown check above the floor is left out, between the bounds", 0.8, []scored{{"a", 8, 0.5, false, 0}, {"b", 2, -1, false, 0}}, "scored", 50, 50, 40, 60, 0.8, "", "F"},
		{"just below the floor there is no score, but bounds", 0.81, []scored{{"a", 8, 0.5, false, 0}, {"b", 2, -1, false, 0}}, "unknown", null, null, 40, 60, 0.8, "", ""},
		{"an unknown critical check caps the low bound", 0.5, []scored{{"a", 2, -1, true, 0}, {"b", 8, 1, false, 0}}, "scored", 100, 100, 59, 100, 0.8, "", "A"},
		{"a known critical fail caps the high bound", 0.5, []scored{{"a", 2, 0, true, 0}, {"b", 6, 1, false, 0}, {"c", 2, -1, false, 0}}, "scored", 75, 59, 59, 59, 0.8, "a", "F"},
		{"half answered cells cover half", 0.5, []scored{{"a", 1, 1, false, 0.5}}, "scored", 100, 100, 100, 100, 0.5, "", "A"},
		{"nothing is known", 0, []scored{{"a", 1, -1, false, 0}}, "unknown", null, null, 0, 100, 0, "", ""},
		{"nothing has weight", 0.8, []scored{{"a", 0, 1, false, 0}}, "not_scored", null, null, null, null, 0, "", ""},
		{"there are no checks", 0.8, nil, "not_scored", null, null, null, null, 0, "", ""},
		{"90 is an A", 0.8, []scored{{"a", 9, 1, false, 0}, {"b", 1, 0, false, 0}}, "scored", 90, 90, 90, 90, 1, "", "A"},
		{"80 is a B", 0.8, []scored{{"a", 8, 1, false, 0}, {"b", 2, 0, false, 0}}, "scored", 80, 80, 80, 80, 1, "", "B"},
		{"70 is a C within the tolerance", 0.8, []scored{{"a", 7, 1, false, 0}, {"b", 3, 0.0000000001, false, 0}, {"c", 1e-9, 0, false, 0}}, "scored", 70, 70, 70, 70, 1, "", "C"},
		{"60 is a D", 0.8, []scored{{"a", 6, 1, false, 0}, {"b", 4, 0, false, 0}}, "scored", 60, 60, 60, 60, 1, "", "D"},
		{"a little less is an F", 0.8, []scored{{"a", 6, 0.99999, false, 0}, {"b", 4, 0, false, 0}}, "scored", 59.9994, 59.9994, 59.9994, 59.9994, 1, "", "F"},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := cardOf(test.floor, test.checks...)
			assert.Equal(t, test.status, card.Status)
			for _, p := range []struct {
				name string
				want float64
				got  *float64
			}{{"raw", test.raw, card.RawScore}, {"score", test.score, card.Score}, {"low", test.low, card.ScoreLow}, {"high", test.high, card.ScoreHigh}} {
				if p.want == null {
					assert.Nil(t, p.got, p.name)
				} else {
					require.NotNil(t, p.got, p.name)
					assert.InDelta(t, p.want, *p.got, 1e-6, p.name)
				}
			}
			assert.InDelta(t, test.coverage, card.Coverage, 1e-9)
			assert.Equal(t, test.cappedBy, card.CappedBy)
			assert.Equal(t, test.grade, card.Grade)
		})
	}
}

func TestABudgetSpentDoesNotCap(t *testing.T) {
	check := availability()
	spent := counted(check, counts{0: burning(1.01, many)})
	card := grade(rubricOf(check, gauge("b", 90, 0.7, 0.95)), spent, known(0))
	require.Equal(t, scorecard.ReasonBudgetSpent, card.Results[0].Reason)
	require.Equal(t, scorecard.Fail, card.Results[0].Verdict)
	assert.InDelta(t, 90, *card.Score, 1e-9)
	assert.Empty(t, card.CappedBy)
}

func TestLevels(t *testing.T) {
	for _, test := range []struct {
		name   string
		strict bool
		bronze float64 // credits; −1 unknown
		silver float64
		gold   float64
		want   string
		rank   int
	}{
		{"all pass", false, 1, 1, 1, "gold", 3},
		{"the highest fails", false, 1, 1, 0, "silver", 2},
		{"levels are cumulative", false, 0, 1, 1, "", 0},
		{"a warn holds", false, 0.5, 0.5, 1, "gold", 3},
		{"unless the rubric is strict", true, 1, 0.5, 1, "bronze", 1},
		{"what is unknown is not met", false, 1, -1, 1, "bronze", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var checks []*rubric.Check
			var facts []scorecard.CheckFacts
			for i, credit := range []float64{test.bronze, test.silver, test.gold} {
				check := gauge(string(rune('a'+i)), 1, 0, 1)
				check.LevelRank = i + 1
				f := known(1 - credit)
				if credit < 0 {
					f = cells(broken("eu", 1, slo.SourceError, "x"))
				}
				checks, facts = append(checks, check), append(facts, f)
			}
			checks, facts = append(checks, gauge("no-level", 1, 0, 1)), append(facts, known(1))
			r := rubricOf(checks...)
			r.Levels, r.Strict, r.CoverageFloor = []string{"bronze", "silver", "gold"}, test.strict, 0.5
			card := grade(r, facts...)
			require.NotNil(t, card.LevelRank)
			assert.Equal(t, test.rank, *card.LevelRank)
			assert.Equal(t, test.want, card.Level)
		})
	}
}

func TestThereIsNoLevelBeforeTheFirstScoreAndOneAfterIt(t *testing.T) {
	check := gauge("a", 1, 0, 1)
	check.LevelRank = 1
	r := rubricOf(check)
	r.Levels = []string{"bronze"}
	dark := cells(broken("eu", 1, slo.SourceError, "x"))
	in := input(r, dark)
	card, state := scorecard.Grade(in)
	assert.Nil(t, card.LevelRank)
	assert.Nil(t, card.LastScore)
	in.Previous, in.Facts = state, []scorecard.CheckFacts{known(0)}
	card, state = scorecard.Grade(in)
	require.NotNil(t, card.LevelRank)
	assert.Equal(t, "bronze", card.Level)
	in.Previous, in.Tick = state, noon.Add(16*time.Minute)
	in.Facts = []scorecard.CheckFacts{at(dark, in.Tick)}
	card, _ = scorecard.Grade(in)
	require.NotNil(t, card.LevelRank)
	assert.Nil(t, card.Score)
	assert.InDelta(t, 100, *card.LastScore, 0)
	assert.Equal(t, noon, card.LastScoredAt)
}

func TestPass(t *testing.T) {
	for _, test := range []struct {
		name      string
		passLevel string
		checks    []scored
		want      string
	}{
		{"nothing fails", "", []scored{{"a", 1, 1, false, 0}, {"b", 1, 0.1, false, 0}}, "true"},
		{"something fails", "", []scored{{"a", 1, 1, false, 0}, {"b", 1, 0, false, 0}}, "false"},
		{"only what has no weight fails", "", []scored{{"a", 1, 1, false, 0}, {"b", 0, 0, false, 0}}, "true"},
		{"something is unknown", "", []scored{{"a", 1, 1, false, 0}, {"b", 1, -1, false, 0}}, "nil"},
		{"something is unknown and something fails", "", []scored{{"a", 1, -1, false, 0}, {"b", 1, 0, false, 0}}, "false"},
		{"only what has no weight is unknown", "", []scored{{"a", 1, 1, false, 0}, {"b", 0, -1, false, 0}}, "true"},
		{"coverage does not matter", "", []scored{{"a", 1, 1, false, 0.6}}, "true"},
		{"nothing is scored", "", []scored{{"a", 0, 1, false, 0}}, "nil"},
		{"the pass level is held", "silver", []scored{{"a", 1, 1, false, 0}, {"b", 1, 1, false, 0}}, "true"},
		{"the pass level is not held", "silver", []scored{{"a", 1, 1, false, 0}, {"b", 0, 0, false, 0}}, "false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := cardOf(0.8, test.checks...)
			if test.passLevel != "" {
				card = withLevels(test.passLevel, test.checks)
			}
			assert.Equal(t, test.want, passText(card))
		})
	}
}

func withLevels(passLevel string, list []scored) *scorecard.Scorecard {
	var checks []*rubric.Check
	var facts []scorecard.CheckFacts
	for i, s := range list {
		check := gauge(s.name, s.weight, 0, 1)
		check.LevelRank = i + 1
		checks, facts = append(checks, check), append(facts, known(1-s.credit))
	}
	r := rubricOf(checks...)
	r.Levels, r.PassLevel = []string{"bronze", "silver"}, passLevel
	return grade(r, facts...)
}

func TestMemoryOfAnotherMeaningIsDropped(t *testing.T) {
	check := gauge("a", 1, 0, 1)
	_, state := scorecard.Grade(input(rubricOf(check), known(0)))
	later := input(rubricOf(check), known(0))
	later.Previous, later.Tick = state, noon.Add(60e9)
	card, _ := scorecard.Grade(later)
	assert.Equal(t, noon, card.Results[0].Since)
	changed := *check
	changed.Hash = "other"
	later.Rubric = rubricOf(&changed)
	card, _ = scorecard.Grade(later)
	assert.Equal(t, later.Tick, card.Results[0].Since)
}
