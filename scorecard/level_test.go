package scorecard_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

// leveled are checks of bronze, silver and gold.
func leveled(t *testing.T, strict bool) func(wait time.Duration, steps ...string) []*scorecard.Scorecard {
	t.Helper()
	r, _ := checksOf([]scored{{"a", 1, 1, false, 0}, {"b", 1, 1, false, 0}, {"c", 1, 1, false, 0}})
	for i, c := range r.Checks {
		c.LevelRank = i + 1
	}
	r.Levels, r.Strict, r.CoverageFloor = []string{"bronze", "silver", "gold"}, strict, 0
	return func(wait time.Duration, steps ...string) []*scorecard.Scorecard {
		in := input(r)
		var cards []*scorecard.Scorecard
		for i, letters := range steps {
			in.Tick, in.Facts = noon.Add(time.Duration(i)*wait), nil
			for _, what := range letters {
				f := known(map[rune]float64{'P': 0, 'W': 0.5, 'F': 1}[what])
				if what == '?' {
					f = dark()
				}
				in.Facts = append(in.Facts, at(f, in.Tick))
			}
			var card *scorecard.Scorecard
			card, in.Previous = scorecard.Grade(in)
			cards = append(cards, card)
		}
		return cards
	}
}

func levels(cards []*scorecard.Scorecard) string {
	text := ""
	for _, c := range cards {
		text += map[string]string{"": "-", "bronze": "b", "silver": "s", "gold": "g"}[c.Level]
	}
	return text
}

func TestALevelIsHeldForAWeekByWhatIsUnknown(t *testing.T) {
	for _, test := range []struct {
		name  string
		wait  time.Duration
		steps []string
		want  string
	}{
		{"within the grace", time.Minute, []string{"PPP", "PP?"}, "gg"},
		{"for a week", day, []string{"PPP", "PP?", "PP?", "PP?", "PP?", "PP?", "PP?", "PP?", "PP?"}, "gggggggg" + "s"},
		{"the week begins when the check became unknown", 4 * day, []string{"PPP", "PP?", "PPP", "PP?", "PP?", "PP?"}, "gggggs"},
		{"another fails and demotes at once", 20 * time.Minute, []string{"PPP", "PP?", "PF?", "PF?"}, "gggb"},
		{"what was never known holds nothing", 20 * time.Minute, []string{"PP?", "PP?"}, "ss"},
		{"what failed before holds nothing", 20 * time.Minute, []string{"PFP", "P?P"}, "bb"},
		{"no level is gained by what is unknown", 20 * time.Minute, []string{"PFP", "PPP", "P??", "PPP", "PPP"}, "bbbgg"},
		{"nor a level above one that is unknown", 20 * time.Minute, []string{"PPF", "??F", "??P", "P?P", "PPP"}, "ssssg"},
		{"everything is unknown", day, []string{"PPP", "???", "???"}, "ggg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, levels(leveled(t, false)(test.wait, test.steps...)))
		})
	}
}

func TestWhatIsRememberedAsNotMeetingALevelDoesNotHoldIt(t *testing.T) {
	cards := leveled(t, true)(20*time.Minute, "PPP", "PPW", "PPW", "PP?")
	assert.Equal(t, "ggss", levels(cards))
}

// TestALevelThatAWaiverGaveIsNotHeldByWhatIsUnknown ends the waiver of a
// failing check in the same tick in which its source falls silent.
func TestALevelThatAWaiverGaveIsNotHeldByWhatIsUnknown(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 9, 1, false, 0}, {"b", 1, 0, false, 0}})
	r.Checks[1].LevelRank, r.Levels, r.CoverageFloor = 1, []string{"bronze"}, 0
	in := input(r, facts...)
	in.Waivers = map[string]string{"b": "w"}
	card, state := scorecard.Grade(in)
	require.Equal(t, "bronze", card.Level)
	in.Waivers, in.Previous, in.Tick = nil, state, noon.Add(time.Hour)
	in.Facts = []scorecard.CheckFacts{at(facts[0], in.Tick), at(dark(), in.Tick)}
	card, _ = scorecard.Grade(in)
	require.Equal(t, scorecard.VerdictUnknown, card.Results[1].Verdict)
	assert.Empty(t, card.Level)
	assert.Equal(t, "false", passText(card))
}

// TestAWaiverDoesNotBeginTheWeekOfAHoldAnew waives a check for a moment that has
// been unknown for longer than it may hold its level.
func TestAWaiverDoesNotBeginTheWeekOfAHoldAnew(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 9, 1, false, 0}, {"b", 1, 1, false, 0}})
	r.Checks[1].LevelRank, r.Levels, r.CoverageFloor = 1, []string{"bronze"}, 0
	in := input(r, facts...)
	text := ""
	for d := range 12 {
		in.Tick, in.Waivers = noon.Add(time.Duration(d)*day), nil
		in.Facts = []scorecard.CheckFacts{at(facts[0], in.Tick), at(dark(), in.Tick)}
		switch d {
		case 0:
			in.Facts[1] = facts[1]
		case 5, 9:
			in.Waivers = map[string]string{"b": "w"}
		}
		var card *scorecard.Scorecard
		card, in.Previous = scorecard.Grade(in)
		text += levels([]*scorecard.Scorecard{card})
	}
	assert.Equal(t, "bbbbbbbb-b--", text, "unknown since the first day; the waiver itself allows the level")
}

func TestThePassLevelIsHeldWithTheLevel(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 1, 1, false, 0}})
	r.Checks[0].LevelRank = 1
	r.Levels, r.PassLevel, r.CoverageFloor = []string{"bronze"}, "bronze", 0
	for wait, want := range map[time.Duration]string{day: "true", 9 * day: "true"} {
		card := later(r, wait, facts, []scorecard.CheckFacts{dark()})
		assert.Equal(t, want, passText(card), wait)
	}
	in := input(r, facts...)
	_, in.Previous = scorecard.Grade(in)
	for _, wait := range []time.Duration{day, 9 * day} {
		in.Tick, in.Facts = noon.Add(wait), []scorecard.CheckFacts{at(dark(), noon.Add(wait))}
		var card *scorecard.Scorecard
		card, in.Previous = scorecard.Grade(in)
		assert.Equal(t, wait == day, *card.Pass, "the level is lost a week after the check became unknown")
	}
}

// stepsText writes next steps as check, level and points.
func stepsText(c *scorecard.Scorecard) []string {
	var list []string
	for _, s := range c.NextSteps {
		points := "null"
		if s.Points != nil {
			points = scorecard.RoundPoints(*s.Points)
		}
		list = append(list, fmt.Sprintf("%s %s %s", s.Check, s.Level, points))
	}
	return list
}

func TestNextSteps(t *testing.T) {
	play := leveled(t, true)
	for _, test := range []struct {
		name  string
		steps []string
		want  []string
	}{
		{"nothing is left to do at the top", []string{"PPP"}, nil},
		{"the one check of the next level", []string{"PPF"}, []string{"c gold 33.3"}},
		{"nothing is said of levels beyond the next", []string{"PFF"}, []string{"b silver 33.3"}},
		{"a warn gains the rest", []string{"PPW"}, []string{"c gold 16.7"}},
		{"what was never known may be the step", []string{"PP?"}, []string{"c gold 0.0"}},
		{"what holds a level may keep from the next", []string{"PPF", "?PP", "?PP"}, []string{"a gold 0.0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cards := play(time.Hour, test.steps...)
			assert.Equal(t, test.want, stepsText(cards[len(cards)-1]))
		})
	}
}

func TestTheCheapestStepComesFirst(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 5, 0, false, 0}, {"b", 2, 0.9, false, 0}, {"c", 9, 0, false, 0}, {"d", 2, 0.4, false, 0}})
	for _, c := range r.Checks {
		c.LevelRank = 1
	}
	r.Levels, r.Strict = []string{"bronze"}, true
	assert.Equal(t, []string{"b bronze 1.1", "d bronze 6.7", "c bronze 50.0", "a bronze 27.8"}, stepsText(grade(r, facts...)))
}

// TestEqualStepsComeByName has two equal checks among others of any weight, so
// that sums are rounded in any way.
func TestEqualStepsComeByName(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 7))
	for range 200 {
		list := []scored{{"m", 3.3, 0.75, false, 0}, {"n", 3.3, 0.75, false, 0}}
		for _, name := range "abcdexyz" {
			list = append(list, scored{string(name), 100 * chance.Float64(), chance.Float64(), false, 0})
		}
		r, facts := checksOf(list)
		for _, c := range r.Checks {
			c.LevelRank = 1
		}
		r.Levels, r.Strict = []string{"bronze"}, true
		var equal []string
		for _, s := range grade(r, facts...).NextSteps {
			if s.Check == "m" || s.Check == "n" {
				equal = append(equal, s.Check)
			}
		}
		require.Equal(t, []string{"m", "n"}, equal)
	}
}

func TestAStepThatLiftsTheCapGainsWhatTheCapTook(t *testing.T) {
	r, facts := checksOf([]scored{{"a", 1, 0, true, 0}, {"b", 9, 1, false, 0}})
	r.Checks[0].LevelRank, r.Levels = 1, []string{"bronze"}
	card := grade(r, facts...)
	require.InDelta(t, 59, *card.Score, 1e-9)
	assert.Equal(t, []string{"a bronze 41.0"}, stepsText(card))
}
