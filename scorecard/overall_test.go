package scorecard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// ruled is one rubric of an overall test: its checks, and a fifth of the
// coverage for −1.
type ruled struct {
	weight float64
	checks []scored
}

// overallOf grades a service by rubrics named a, b, c … and sums them up.
func overallOf(list ...ruled) *scorecard.Scorecard {
	card, _ := scorecard.GradeOverall(overallInput(list))
	return card
}

func overallInput(list []ruled) scorecard.OverallInput {
	var in scorecard.OverallInput
	for i, one := range list {
		r, facts := checksOf(one.checks)
		r.Name, r.Weight = string(rune('a'+i)), one.weight
		in.Cards, in.Rubrics = append(in.Cards, grade(r, facts...)), append(in.Rubrics, r)
	}
	return in
}

func one(credit float64) []scored { return []scored{{"x", 1, credit, false, 0}} }

func numberText(x *float64) string {
	if x == nil {
		return "null"
	}
	return fmt.Sprintf("%.4g", *x)
}

func TestAnEchoOfOneRubricIsLeftOut(t *testing.T) {
	card := func(service, rubric string, draft bool) *scorecard.Scorecard {
		c := member(service, 1, 50)
		c.Rubric, c.Draft = rubric, draft
		return c
	}
	one := []*scorecard.Scorecard{card("a", "http", false), card("a", "next", true), card("a", "overall", false)}
	two := []*scorecard.Scorecard{card("b", "grpc", false), card("b", "http", false), card("b", "overall", false)}
	all := slices.Concat(one, two)
	require.Equal(t, slices.Concat(one[:2], two), scorecard.WithoutEchoes(all))
	require.Len(t, all, 6, "what was given is left as it was")
}

func TestTheOverallScorecardWeighsRubrics(t *testing.T) {
	capped := []scored{{"x", 2, 0, true, 0}, {"y", 8, 1, false, 0}}
	for _, test := range []struct {
		name                              string
		rubrics                           []ruled
		status                            scorecard.Status
		score, low, high, coverage, grade string
		cappedBy, pass                    string
	}{
		{"one rubric", []ruled{{1, one(0.5)}}, "scored", "50", "50", "50", "1", "F", "", "true"},
		{"two, weighted", []ruled{{3, one(1)}, {1, one(0.2)}}, "scored", "80", "80", "80", "1", "B", "", "true"},
		{"a rubric without weight informs", []ruled{{1, one(1)}, {0, one(0)}}, "scored", "100", "100", "100", "1", "A", "", "true"},
		{"one that is not scored is left out", []ruled{{1, one(1)}, {9, nil}}, "scored", "100", "100", "100", "1", "A", "", "true"},
		{"nothing is scored", []ruled{{1, nil}}, "not_scored", "null", "null", "null", "0", "", "", "nil"},
		{"an unknown rubric may weigh a fifth", []ruled{{4, one(1)}, {1, one(-1)}}, "scored", "100", "80", "100", "0.8", "A", "", "nil"},
		{"and not more", []ruled{{3, one(1)}, {1, one(-1)}}, "unknown", "null", "75", "100", "0.75", "", "", "nil"},
		{"one fails", []ruled{{1, one(1)}, {1, one(0)}}, "scored", "50", "50", "50", "1", "F", "", "false"},
		{"one fails and one is unknown", []ruled{{4, one(0)}, {1, one(-1)}}, "scored", "0", "0", "20", "0.8", "F", "", "false"},
		{"it is capped when one is", []ruled{{1, capped}, {9, one(1)}}, "scored", "59", "59", "59", "1", "F", "a", "false"},
		{"also when that one is below its cap", []ruled{{1, []scored{{"x", 1, 0, true, 0}}}, {9, one(1)}}, "scored", "59", "59", "59", "1", "F", "a", "false"},
		{"also when that one has no score", []ruled{{1, []scored{{"x", 1, 0, true, 0}, {"y", 1, -1, false, 0}}}, {9, one(1)}}, "scored", "59", "59", "59", "0.95", "F", "a", "false"},
		{"an unknown critical check caps the low bound", []ruled{{4, one(1)}, {1, []scored{{"x", 1, -1, true, 0}}}}, "scored", "100", "59", "100", "0.8", "A", "", "nil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := overallOf(test.rubrics...)
			require.NotNil(t, card)
			assert.Equal(t, scorecard.Overall, card.Rubric)
			assert.Equal(t, test.status, card.Status)
			assert.Equal(t, []string{test.score, test.low, test.high}, []string{numberText(card.Score), numberText(card.ScoreLow), numberText(card.ScoreHigh)})
			assert.Equal(t, test.coverage, numberText(&card.Coverage))
			assert.Equal(t, test.grade, card.Grade)
			assert.Equal(t, test.cappedBy, card.CappedBy)
			assert.Equal(t, test.pass, passText(card))
		})
	}
}

func TestWhereAllIsWaivedTheScoreWithoutWaiversIsKnown(t *testing.T) {
	r, facts := checksOf([]scored{{"x", 1, 0.4, false, 0}})
	graded := input(r, facts...)
	graded.Waivers = map[string]string{"x": "w"}
	one, _ := scorecard.Grade(graded)
	card, _ := scorecard.GradeOverall(scorecard.OverallInput{Cards: []*scorecard.Scorecard{one}, Rubrics: []*rubric.Rubric{r}})
	assert.Equal(t, scorecard.NotScored, card.Status)
	assert.Nil(t, card.Score)
	assert.Nil(t, card.Pass)
	assert.InDelta(t, 40, *card.ScoreWithoutWaivers, 1e-9)
}

// TestAWaiverOfAWholeRubricHidesNothingOfTheWhole waives the one check of a
// rubric, which fails and is critical.
func TestAWaiverOfAWholeRubricHidesNothingOfTheWhole(t *testing.T) {
	in := overallInput([]ruled{{1, []scored{{"x", 1, 0, true, 0}}}, {3, one(1)}, {1, nil}})
	for _, waived := range []bool{false, true} {
		r, facts := checksOf([]scored{{"x", 1, 0, true, 0}})
		r.Name, r.Weight = "a", 1
		graded := input(r, facts...)
		if waived {
			graded.Waivers = map[string]string{"x": "w"}
		}
		in.Cards[0], _ = scorecard.Grade(graded)
		card, _ := scorecard.GradeOverall(in)
		assert.InDelta(t, 59, *card.ScoreWithoutWaivers, 0)
		if waived {
			assert.InDelta(t, 100, *card.Score, 0)
			assert.Nil(t, card.Pass, "nobody knows")
		} else {
			assert.InDelta(t, 59, *card.Score, 0)
			assert.False(t, *card.Pass)
		}
	}
}

func TestDraftsAreNotInTheOverallScorecard(t *testing.T) {
	in := overallInput([]ruled{{1, one(1)}, {1, one(0)}})
	in.Cards[1].Draft = true
	card, _ := scorecard.GradeOverall(in)
	assert.InDelta(t, 100, *card.Score, 0)
	in.Cards[0].Draft = true
	card, state := scorecard.GradeOverall(in)
	assert.Nil(t, card)
	assert.Nil(t, state)
}

// TestAnUnknownRubricStandsForADay grades two rubrics while one loses all its
// data; its last score stands though the rubric itself has none.
func TestAnUnknownRubricStandsForADay(t *testing.T) {
	r, facts := checksOf(one(0.5))
	other, steady := checksOf(one(1))
	other.Name = "other"
	in, beside := input(r, facts...), input(other, steady...)
	_, in.Previous = scorecard.Grade(in)
	_, beside.Previous = scorecard.Grade(beside)
	var state *scorecard.State
	for _, step := range []struct {
		wait time.Duration
		want string
	}{{time.Hour, "75"}, {day, "75"}, {day + time.Second, "null"}} {
		tick := noon.Add(step.wait)
		in.Tick, in.Facts = tick, []scorecard.CheckFacts{at(dark(), tick)}
		beside.Tick, beside.Facts = tick, []scorecard.CheckFacts{at(steady[0], tick)}
		lost, _ := scorecard.Grade(in)
		there, _ := scorecard.Grade(beside)
		require.Nil(t, lost.Score)
		var card *scorecard.Scorecard
		card, state = scorecard.GradeOverall(scorecard.OverallInput{
			Cards: []*scorecard.Scorecard{lost, there}, Rubrics: []*rubric.Rubric{r, other}, Previous: state,
		})
		assert.Equal(t, step.want, numberText(card.Score), step.wait)
		assert.InDelta(t, 75, *card.LastScore, 1e-9)
		assert.Equal(t, "true", passText(card), "what is unknown stands with its remembered verdict")
	}
	assert.Equal(t, noon.Add(day), state.LastScoredAt)
}

func TestTheOrderOfRubricsDoesNotMatterToTheOverallScorecard(t *testing.T) {
	in := overallInput([]ruled{{1, one(0.3)}, {2.3, one(0.7)}, {0.1, one(0.9)}})
	a, _ := scorecard.GradeOverall(in)
	slices.Reverse(in.Cards)
	slices.Reverse(in.Rubrics)
	b, _ := scorecard.GradeOverall(in)
	assert.Equal(t, a, b)
	in.Rubrics[0].Weight = 5
	c, _ := scorecard.GradeOverall(in)
	assert.NotEqual(t, a.RubricVersion, c.RubricVersion)
}

func TestWithoutWaiversTheOverallScoreIsAnother(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 2, 0, true, 0}, {"b", 8, 1, false, 0}})
	other, steady := checksOf(one(1))
	other.Name = "other"
	in := scorecard.OverallInput{
		Cards:   []*scorecard.Scorecard{waive(r, facts, "a"), grade(other, steady...)},
		Rubrics: []*rubric.Rubric{r, other},
	}
	card, _ := scorecard.GradeOverall(in)
	assert.InDelta(t, 100, *card.Score, 0)
	assert.InDelta(t, 59, *card.ScoreWithoutWaivers, 0, "the critical fail caps the whole")
}
