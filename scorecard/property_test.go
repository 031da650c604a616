package scorecard_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

func finite(x *float64) bool { return x == nil || !math.IsNaN(*x) && !math.IsInf(*x, 0) }

// sound says what must hold of every scorecard, or "".
func sound(c *scorecard.Scorecard) string {
	switch {
	case !finite(c.Score) || !finite(c.RawScore) || !finite(c.ScoreLow) || !finite(c.ScoreHigh) || !finite(c.CapPoints) || !finite(c.ScoreWithoutWaivers):
		return "a number is not finite"
	case (c.Status == scorecard.Scored) != (c.Score != nil):
		return "the score does not agree with the status"
	case c.Score != nil && !(*c.Score >= 0 && *c.Score <= 100):
		return "the score is outside 0 and 100"
	case (c.Status == scorecard.NotScored) != (c.ScoreLow == nil):
		return "there are no bounds"
	case c.ScoreLow != nil && !(*c.ScoreLow >= 0 && *c.ScoreLow <= *c.ScoreHigh && *c.ScoreHigh <= 100):
		return "the bounds are none"
	case c.Score != nil && !(*c.ScoreLow <= *c.Score && *c.Score <= *c.ScoreHigh):
		return "the bounds do not contain the score"
	case !(c.Coverage >= 0 && c.Coverage <= 1+1e-12 && c.FreshCoverage <= c.Coverage+1e-12):
		return "the coverage is none"
	case (c.CappedBy != "") != (c.CapPoints != nil && *c.CapPoints > 59e-9):
		return "the cap does not agree with its points"
	case c.Score != nil && (c.LastScore == nil || *c.LastScore != *c.Score):
		return "the last score is not the score"
	}
	return soundResults(c)
}

func soundResults(c *scorecard.Scorecard) string {
	lost := 0.0
	for _, r := range c.Results {
		switch {
		case !finite(r.Value) || !finite(r.Credit) || r.Credit != nil && !(*r.Credit >= 0 && *r.Credit <= 1):
			return "a credit or value is none: " + r.Check
		case r.Message == "" || r.Verdict.Judged() != (r.Credit != nil) || r.PointsLost != nil && c.Score == nil:
			return "a result is not whole: " + r.Check
		case r.Carried && (!r.Verdict.Judged() || r.Missing == ""):
			return "a carried result carries nothing: " + r.Check
		case r.Pending != "" && r.Pending == r.Verdict:
			return "a change is pending that has come: " + r.Check
		case (r.Verdict == scorecard.Waived) != (r.WithoutWaiver != ""):
			return "a waiver hides nothing: " + r.Check
		}
		if r.PointsLost != nil {
			lost += *r.PointsLost
		}
	}
	if c.Score != nil && c.Rubric != scorecard.Overall && math.Abs(lost+*c.CapPoints-(100-*c.Score)) > 1e-6 {
		return "points lost and cap points do not add up"
	}
	for _, s := range c.NextSteps {
		if s.Points != nil && !(*s.Points >= 0 && *s.Points <= 100-*c.Score+1e-9) {
			return "a step gains what there is not"
		}
	}
	return ""
}

func TestEveryScorecardIsSound(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		card, _ := scorecard.Grade(m.input())
		if what := sound(card); what != "" {
			t.Fatalf("%s: %+v", what, card)
		}
	})
}

func FuzzGrade(f *testing.F) {
	m := newMaker(f, 0)
	f.Add(uint64(1))
	f.Add(uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, seed uint64) {
		m.random = rand.New(rand.NewPCG(seed, 4))
		card, _ := scorecard.Grade(m.input())
		if what := sound(card); what != "" {
			t.Fatalf("%s: %+v", what, card)
		}
	})
}

var exported = cmp.Exporter(func(reflect.Type) bool { return true })

// TestTheSameFactsAndStateGiveTheSameScorecard compares with == first, which is
// much faster than saying what differs.
func TestTheSameFactsAndStateGiveTheSameScorecard(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		in := m.input()
		a, stateA := scorecard.Grade(in)
		b, stateB := scorecard.Grade(in)
		if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(stateA, stateB) {
			t.Fatal(cmp.Diff(a, b, exported) + cmp.Diff(stateA, stateB, exported))
		}
	})
}

func TestTheOrderOfChecksDoesNotMatterToTheLastBit(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		in := m.input()
		a, stateA := scorecard.Grade(in)
		r := *in.Rubric
		order := m.random.Perm(len(r.Checks))
		shuffled := in
		shuffled.Rubric, shuffled.Facts = &r, nil
		r.Checks = nil
		for _, i := range order {
			r.Checks, shuffled.Facts = append(r.Checks, in.Rubric.Checks[i]), append(shuffled.Facts, in.Facts[i])
		}
		b, stateB := scorecard.Grade(shuffled)
		results := make([]scorecard.Result, len(order))
		for at, i := range order {
			results[i] = b.Results[at]
		}
		b.Results = results
		if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(stateA, stateB) {
			t.Fatal(cmp.Diff(a, b, exported) + cmp.Diff(stateA, stateB, exported))
		}
	})
}

// TestTheOrderOfCellsDoesNotMatter shuffles cells. A merged value may differ
// in its last digit; what is published of it may not.
func TestTheOrderOfCellsDoesNotMatter(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		in := m.input()
		for i, c := range in.Rubric.Checks {
			if c.Value != nil && c.Value.Across != rubric.Worst && c.Value.Across != rubric.Best {
				in.Facts[i].Cells = nil // a sum of huge numbers depends on their order: the ledger sorts cells
			}
		}
		a, _ := scorecard.Grade(in)
		in.Facts = slices.Clone(in.Facts)
		for i := range in.Facts {
			in.Facts[i].Cells = slices.Clone(in.Facts[i].Cells)
			m.random.Shuffle(len(in.Facts[i].Cells), reflect.Swapper(in.Facts[i].Cells))
		}
		b, _ := scorecard.Grade(in)
		if !sameNumber(a.Score, b.Score) || !sameNumber(a.ScoreLow, b.ScoreLow) || a.Level != b.Level || !reflect.DeepEqual(a.Pass, b.Pass) {
			t.Fatal(cmp.Diff(a, b, exported))
		}
	})
}

func sameNumber(a, b *float64) bool {
	return (a == nil) == (b == nil) && (a == nil || math.Abs(*a-*b) <= 1e-9*math.Max(1, math.Abs(*a)))
}

// TestTheOrderOfServicesDoesNotMatter grades a fleet in two orders, each
// service with a state of its own.
func TestTheOrderOfServicesDoesNotMatter(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		fleet := make([]scorecard.Input, 2+m.random.IntN(2))
		var cards, again []*scorecard.Scorecard
		for i := range fleet {
			fleet[i] = m.input()
			s := *playlist()
			s.ID.Name, s.Tier = fmt.Sprint("service-", i), m.random.IntN(5)
			fleet[i].Service = &s
			card, _ := scorecard.Grade(fleet[i])
			cards = append(cards, card)
		}
		for _, in := range slices.Backward(fleet) {
			card, _ := scorecard.Grade(in)
			again = append(again, card)
		}
		by := pick(m, scorecard.Dimensions()...)
		a := scorecard.Rollups(scorecard.RollupInput{By: by, Cards: cards, Tick: noon, Sources: scorecard.SourcesOf(cards)})
		b := scorecard.Rollups(scorecard.RollupInput{By: by, Cards: again, Tick: noon, Sources: scorecard.SourcesOf(again)})
		slices.Reverse(again)
		if !reflect.DeepEqual(cards, again) || !reflect.DeepEqual(a, b) {
			t.Fatal(cmp.Diff(cards, again, exported) + cmp.Diff(a, b))
		}
		for _, r := range a {
			if r.Score != nil && !(*r.Score >= 0 && *r.Score <= 100) {
				t.Fatalf("the score of a rollup is none: %+v", r)
			}
		}
	})
}

// TestBetterCreditNeverLowersTheScore improves one gauge at a time, then
// loses some: what is remembered is monotone as well.
func TestBetterCreditNeverLowersTheScore(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		list := m.scoredChecks()
		floor := pick(m, 0, 0.5, 0.8)
		i := m.random.IntN(len(list))
		if list[i].credit < 0 {
			return
		}
		better, gone := slices.Clone(list), slices.Clone(list)
		better[i].credit += (1 - list[i].credit) * m.random.Float64()
		requireMonotone(t, cardOf(floor, list...), cardOf(floor, better...))
		betterGone := slices.Clone(better)
		for k := range gone {
			if m.oneIn(2) {
				gone[k].credit, betterGone[k].credit = -1, -1
			}
		}
		wait := pick(m, time.Minute, 16*time.Minute, 20*day)
		requireMonotone(t, lost(floor, wait, list, gone), lost(floor, wait, better, betterGone))
	})
}

func requireMonotone(t *rapid.T, before, after *scorecard.Scorecard) {
	for _, p := range [][2]*float64{{before.Score, after.Score}, {before.RawScore, after.RawScore}, {before.ScoreLow, after.ScoreLow}, {before.ScoreHigh, after.ScoreHigh}} {
		if (p[0] == nil) != (p[1] == nil) || p[0] != nil && *p[1] < *p[0] {
			t.Fatalf("a better credit gave less:\n%+v\n%+v", before, after)
		}
	}
	if before.Pass != nil && *before.Pass && (after.Pass == nil || !*after.Pass) {
		t.Fatalf("a better credit took the pass:\n%+v\n%+v", before, after)
	}
}

// TestLosingACheckNeverGivesMore threads a gauge that always says the same
// beside checks of all kinds, and loses it at the last tick: against the same
// tick with the gauge as it always was, neither score, level nor pass is
// better, nor those over all rubrics.
func TestLosingACheckNeverGivesMore(t *testing.T) {
	compared, held := 0, 0
	seeded(t, func(t *rapid.T, m *maker) {
		with, without, second := m.withAndWithout()
		if with.Status == scorecard.NotScored {
			return
		}
		overallWith, overallWithout := m.overall(with, second), m.overall(without, second)
		for _, pair := range [][2]*scorecard.Scorecard{{with, without}, {overallWith, overallWithout}} {
			if what := gained(pair[0], pair[1]); what != "" {
				t.Fatalf("losing a check gave %s:\n%+v\n%+v", what, pair[0], pair[1])
			}
		}
		if without.Score != nil {
			compared++
			if !sameNumber(with.Score, without.Score) {
				t.Fatalf("losing a check moved the score:\n%+v\n%+v", with, without)
			}
		}
		if without.LevelRank != nil && *without.LevelRank > 0 {
			held++
		}
	})
	require.NotZero(t, compared)
	require.NotZero(t, held)
}

// withAndWithout grades the last tick of a made-up history twice: with a gauge
// of steady value, and without its data. second is the scorecard of another
// rubric at that tick.
func (m *maker) withAndWithout() (with, without, second *scorecard.Scorecard) {
	steady := gauge("steady", pick(m, 0, 2.5, 10, 1e-9), 0, 1)
	steady.Severity = pick(m, rubric.Critical, rubric.Low)
	always := known(pick(m, 0, 1, m.random.Float64()))
	in := input(m.rubric())
	steady.LevelRank = m.random.IntN(len(in.Rubric.Levels) + 1)
	in.Rubric.Checks = append(in.Rubric.Checks, steady)
	place := len(in.Rubric.Checks) - 1
	for range 1 + m.random.IntN(3) {
		m.refill(&in)
		in.Facts[place] = at(always, in.Tick)
		_, in.Previous = scorecard.Grade(in)
		in.Tick = in.Tick.Add(pick(m, time.Minute, slot, 16*time.Minute, 6*day))
	}
	m.refill(&in)
	delete(in.Waivers, "steady")
	in.Facts[place] = at(always, in.Tick)
	with, _ = scorecard.Grade(in)
	in.Facts = slices.Clone(in.Facts)
	in.Facts[place] = at(pick(m, dark(), cells(silent("eu", 1)), targets(cells(), 0, 0)), in.Tick)
	without, _ = scorecard.Grade(in)
	beside := input(rubricOf(gauge("beside", 5, 0, 1)), at(known(m.random.Float64()), in.Tick))
	beside.Tick, beside.Rubric.Name = in.Tick, "second"
	second, _ = scorecard.Grade(beside)
	return with, without, second
}

func (m *maker) overall(first, second *scorecard.Scorecard) *scorecard.Scorecard {
	card, _ := scorecard.GradeOverall(scorecard.OverallInput{
		Cards: []*scorecard.Scorecard{first, second}, Rubrics: []*rubric.Rubric{{Weight: 1}, {Weight: 5}},
	})
	return card
}

// gained says what the scorecard without a check has more than the one with it.
func gained(with, without *scorecard.Scorecard) string {
	switch {
	case without.Score != nil && with.Score == nil && without.Rubric != scorecard.Overall:
		return "a score"
	case without.Score != nil && with.Score != nil && *without.Score > *with.Score+1e-9 && without.Rubric != scorecard.Overall:
		return "a higher score"
	case without.Level != with.Level && (with.LevelRank == nil || without.LevelRank != nil && *without.LevelRank > *with.LevelRank):
		return "a level"
	case without.Pass != nil && *without.Pass && (with.Pass == nil || !*with.Pass):
		return "a pass"
	}
	return ""
}

// TestLosingAnythingNeverNarrowsTheBounds loses checks without any memory.
func TestLosingAnythingNeverNarrowsTheBounds(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		list := m.scoredChecks()
		i := m.random.IntN(len(list))
		known := cardOf(0, list...)
		list[i].credit = -1
		lost := cardOf(0, list...)
		if known.ScoreLow == nil {
			return
		}
		const rounding = 1e-9
		if *lost.ScoreLow > *known.ScoreLow+rounding || *lost.ScoreHigh < *known.ScoreHigh-rounding {
			t.Fatalf("losing %s narrowed the bounds:\n%+v\n%+v", list[i].name, known, lost)
		}
	})
}

func TestEveryOverallScorecardIsSound(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		var in scorecard.OverallInput
		tick := noon.Add(200 * day)
		for i := range 1 + m.random.IntN(3) {
			one := m.input()
			one.Tick = tick
			one.Rubric.Name, one.Rubric.Weight = fmt.Sprint("rubric-", i), pick(m, 0, 1, 5, m.random.Float64())
			card, _ := scorecard.Grade(one)
			in.Cards, in.Rubrics = append(in.Cards, card), append(in.Rubrics, one.Rubric)
		}
		card, state := scorecard.GradeOverall(in)
		if card == nil {
			return
		}
		if what := sound(card); what != "" {
			t.Fatalf("%s: %+v", what, card)
		}
		in.Previous = state
		again, _ := scorecard.GradeOverall(in)
		again.LastScore, again.LastScoredAt = card.LastScore, card.LastScoredAt
		if !reflect.DeepEqual(card, again) {
			t.Fatal(cmp.Diff(card, again, exported))
		}
	})
}
