package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// waive grades checks once, with waivers for some.
func waive(r *rubric.Rubric, facts []scorecard.CheckFacts, checks ...string) *scorecard.Scorecard {
	in := input(r, facts...)
	in.Waivers = map[string]string{}
	for _, name := range checks {
		in.Waivers[name] = "w-" + name
	}
	card, _ := scorecard.Grade(in)
	return card
}

func TestAWaivedCheckIsOutOfTheScoreAndNeverAPass(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 2, 0, true, 0}, {"b", 10, 0.9, false, 0}})
	card := waive(r, facts, "a")
	result := card.Results[0]
	assert.Equal(t, scorecard.Waived, result.Verdict)
	assert.Equal(t, "waiver:w-a", result.Reason)
	assert.Equal(t, scorecard.Fail, result.WithoutWaiver)
	assert.Nil(t, result.Credit)
	assert.Nil(t, result.PointsLost)
	assert.Contains(t, result.Message, "a waiver is in force; without it: 100 %")
	assert.InDelta(t, 90, *card.Score, 1e-9)
	assert.InDelta(t, 90, *card.ScoreLow, 1e-9)
	assert.InDelta(t, 59, *card.ScoreWithoutWaivers, 1e-9, "75 before the cap")
	assert.InDelta(t, 1, card.Coverage, 1e-9)
	assert.True(t, *card.Pass)
	assert.Empty(t, sound(card))
}

func TestAWaiverComesBeforeEverythingElse(t *testing.T) {
	check := gauge("fds", 5, 0.7, 0.95)
	check.AppliesTo = condition(t, `"grpc" in service.tags`)
	card := waive(rubricOf(check), []scorecard.CheckFacts{known(0.1)}, "fds")
	assert.Equal(t, scorecard.Waived, card.Results[0].Verdict)
	assert.Equal(t, scorecard.NotApplicable, card.Results[0].WithoutWaiver)
}

func TestWithoutWaiversBothScoresAreTheSame(t *testing.T) {
	card := cardOf(0.8, scored{"a", 5, 0.5, false, 0})
	assert.InDelta(t, *card.Score, *card.ScoreWithoutWaivers, 0)
	assert.Empty(t, card.Results[0].WithoutWaiver)
}

func TestWhereAllIsWaivedThereIsNoScore(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 5, 0.5, false, 0}})
	card := waive(r, facts, "a")
	assert.Equal(t, scorecard.NotScored, card.Status)
	assert.Nil(t, card.Pass)
	assert.Nil(t, card.Score)
	assert.InDelta(t, 50, *card.ScoreWithoutWaivers, 1e-9)
}

func TestWaivedWeightAboveAQuarterGivesNoPassAndNoPromotion(t *testing.T) {
	for _, test := range []struct {
		name   string
		weight float64 // of the waived check, beside one of 75
		before string  // the level before
		pass   string
		level  string
	}{
		{"a quarter is allowed", 25, "F", "true", "silver"},
		{"a hair more within the tolerance is, too", 25 * (1 + 1e-10), "F", "true", "silver"},
		{"more is not: no level is gained", 25.01, "F", "nil", "bronze"},
		{"a level that was there stays", 25.01, "P", "nil", "silver"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, facts := checksOf([]scored{{"a", 75, 1, false, 0}, {"b", test.weight, 0, false, 0}})
			r.Checks[0].LevelRank, r.Checks[1].LevelRank, r.Levels = 1, 2, []string{"bronze", "silver"}
			in := input(r, facts...)
			in.Facts[1] = known(map[string]float64{"P": 0, "F": 1}[test.before])
			_, in.Previous = scorecard.Grade(in)
			in.Tick, in.Waivers = noon.Add(time.Minute), map[string]string{"b": "w"}
			card, _ := scorecard.Grade(in)
			assert.Equal(t, test.pass, passText(card))
			assert.Equal(t, test.level, card.Level)
		})
	}
}

func TestTooMuchWaivedHidesAFailAsWell(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 5, 0, false, 0}, {"b", 5, 0, false, 0}})
	assert.Equal(t, "nil", passText(waive(r, facts, "b")))
	r, facts = checksOf([]scored{{"a", 8, 0, false, 0}, {"b", 2, 0, false, 0}})
	assert.Equal(t, "false", passText(waive(r, facts, "b")))
}

// TestACheckIsJudgedBeneathItsWaiver lets a waiver end over a check that got
// better beneath it, and then one whose source fell silent.
func TestACheckIsJudgedBeneathItsWaiver(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0.7, 0.95))
	in := input(r)
	text, beneath := "", []scorecard.Verdict{}
	for i, what := range "FFPPP?" {
		in.Tick = noon.Add(time.Duration(i) * time.Minute)
		in.Facts = []scorecard.CheckFacts{at(step(t, what), in.Tick)}
		in.Waivers = nil
		if i > 0 && i < 4 {
			in.Waivers = map[string]string{"fds": "w"}
		}
		var card *scorecard.Scorecard
		card, in.Previous = scorecard.Grade(in)
		text += letters([]*scorecard.Scorecard{card})
		beneath = append(beneath, card.Results[0].WithoutWaiver)
		if i == 3 {
			require.Equal(t, noon.Add(time.Minute), card.Results[0].Since, "since the waiver is in force")
		}
	}
	assert.Equal(t, "FVVVPp", text)
	assert.Equal(t, []scorecard.Verdict{"", "fail", "fail", "pass", "", ""}, beneath)
}

func TestDraftsAreMarked(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0.7, 0.95))
	assert.False(t, grade(r, known(0)).Draft)
	r.EffectiveFrom = noon
	assert.False(t, grade(r, known(0)).Draft, "it is in effect from now")
	r.EffectiveFrom = noon.Add(time.Second)
	assert.True(t, grade(r, known(0)).Draft, "it is not yet in effect")
	r.EffectiveFrom, r.Draft = time.Time{}, true
	assert.True(t, grade(r, known(0)).Draft)
}
