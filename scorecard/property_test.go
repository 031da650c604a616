package scorecard_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// maker makes up rubrics, facts and states. Conditions are compiled once.
type maker struct {
	random     *rand.Rand
	conditions []*catalog.Condition
}

func newMaker(t testing.TB, seed uint64) *maker {
	return &maker{rand.New(rand.NewPCG(seed, 4)), []*catalog.Condition{
		condition(t, `"runbook" in service.links`), condition(t, `service.tier == 4`), condition(t, `[1][service.tier] > 0`),
	}}
}

func pick[T any](m *maker, of ...T) T { return of[m.random.IntN(len(of))] }

func (m *maker) number() float64 {
	return pick(m, 0, 1, -1, 0.5, m.random.Float64(), m.random.NormFloat64()*1e3, 1e308, -1e308, 5e-324)
}

func (m *maker) rubric() *rubric.Rubric {
	r := rubricOf()
	r.Levels = pick(m, nil, []string{"bronze"}, []string{"bronze", "silver", "gold"})
	r.CoverageFloor = pick(m, 0, 0.5, 0.8, 1)
	r.Strict = m.random.IntN(2) == 0
	if len(r.Levels) > 0 && m.random.IntN(2) == 0 {
		r.PassLevel = r.Levels[0]
	}
	for i := range m.random.IntN(8) {
		c := m.check(i)
		c.LevelRank = m.random.IntN(len(r.Levels) + 1)
		r.Checks = append(r.Checks, c)
	}
	return r
}

func (m *maker) check(i int) *rubric.Check {
	pass, fail := m.number(), m.number()
	for pass == fail {
		fail = m.number()
	}
	var c *rubric.Check
	switch m.random.IntN(4) {
	case 0:
		c = availability()
		c.Objective = pick(m, 0.01, 0.5, 0.9, 0.999, 0.999999)
		c.Period = time.Duration(7*24+m.random.IntN(28*24+1)) * time.Hour
	case 1:
		c = ratio(0.99, 0.95)
		c.Window = pick(m, slot, 10*time.Minute, time.Hour, day)
	case 2:
		c = &rubric.Check{Kind: rubric.KindCatalog, Catalog: pick(m, m.conditions...)}
	default:
		c = gauge("", 0, pass, fail)
		c.Value.Across = pick(m, rubric.Worst, rubric.Best, rubric.Sum, rubric.Mean)
		c.Value.Unit = pick(m, "ratio", "", "seconds")
	}
	c.Name = fmt.Sprintf("check-%d", i)
	c.Hash = c.Name
	c.Severity = pick(m, rubric.Critical, rubric.High, rubric.Medium, rubric.Low)
	c.Weight = pick(m, 0, 2.5, 5, 10, m.random.Float64()*100, 1e-9)
	c.OnMissing = pick(m, rubric.MissingUnknown, rubric.MissingFail, rubric.MissingPass, rubric.MissingNotApplicable)
	if m.random.IntN(8) == 0 {
		c.AppliesTo = pick(m, m.conditions...)
	}
	return c
}

func (m *maker) facts(c *rubric.Check) scorecard.CheckFacts {
	f := scorecard.CheckFacts{Facts: slo.Facts{Time: noon.Unix(), Witnessed: m.random.IntN(4) > 0, Measured: m.random.IntN(60)}}
	f.Up, f.Down = m.random.IntN(3), m.random.IntN(3)
	f.Unidentified = m.random.IntN(20) == 0
	if m.random.IntN(20) == 0 {
		f.Conflict = "two claim it"
	}
	n := m.random.IntN(5)
	for i := range n {
		name := fmt.Sprintf("cell-%d", i)
		switch m.random.IntN(6) {
		case 0:
			f.Cells = append(f.Cells, broken(name, 1/float64(n), pick(m, slo.InvalidData, slo.Ambiguous, slo.Partial, slo.NoSuchBucket, slo.SourceError), "detail"))
		case 1:
			f.Cells = append(f.Cells, silent(name, 1/float64(n)))
		default:
			f.Cells = append(f.Cells, good(name, 1/float64(n), m.number()))
		}
	}
	for _, length := range scorecard.WindowsOf(c) {
		w := slo.Window{Length: length, To: noon.Unix(), Expected: m.random.IntN(100)}
		w.Measured = m.random.IntN(w.Expected + 1)
		if m.random.IntN(2) == 0 {
			w.Measured = w.Expected
		}
		w.Counts, _ = slo.NewCounts(pick(m, 0, 1, 3, m.random.Float64()*1e3), pick(m, 0, 1e3, 1e9, 1e200))
		f.Windows = append(f.Windows, w)
	}
	return f
}

func (m *maker) input() scorecard.Input {
	r := m.rubric()
	in := input(r)
	for _, c := range r.Checks {
		in.Facts = append(in.Facts, m.facts(c))
	}
	for range m.random.IntN(4) { // a state from earlier ticks
		before := in
		before.Facts = nil
		for _, c := range r.Checks {
			before.Facts = append(before.Facts, m.facts(c))
		}
		_, in.Previous = scorecard.Grade(before)
	}
	return in
}

func seeded(t *testing.T, property func(t *rapid.T, m *maker)) {
	m := newMaker(t, 0)
	rapid.Check(t, func(t *rapid.T) {
		m.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		property(t, m)
	})
}

func finite(x *float64) bool { return x == nil || !math.IsNaN(*x) && !math.IsInf(*x, 0) }

// sound says what must hold of every scorecard, or "".
func sound(c *scorecard.Scorecard) string {
	switch {
	case !finite(c.Score) || !finite(c.RawScore) || !finite(c.ScoreLow) || !finite(c.ScoreHigh) || !finite(c.CapPoints):
		return "a number is not finite"
	case (c.Status == scorecard.Scored) != (c.Score != nil):
		return "the score does not agree with the status"
	case c.Score != nil && !(*c.Score >= 0 && *c.Score <= 100):
		return "the score is outside 0 and 100"
	case c.ScoreLow != nil && !(*c.ScoreLow >= 0 && *c.ScoreLow <= *c.ScoreHigh && *c.ScoreHigh <= 100):
		return "the bounds are none"
	case c.Score != nil && !(*c.ScoreLow <= *c.Score && *c.Score <= *c.ScoreHigh):
		return "the bounds do not contain the score"
	case !(c.Coverage >= 0 && c.Coverage <= 1+1e-12 && c.FreshCoverage <= c.Coverage+1e-12):
		return "the coverage is none"
	case (c.CappedBy != "") != (c.CapPoints != nil && *c.CapPoints > 59e-9):
		return "the cap does not agree with its points"
	}
	lost := 0.0
	for _, r := range c.Results {
		if !finite(r.Value) || !finite(r.Credit) || r.Credit != nil && !(*r.Credit >= 0 && *r.Credit <= 1) {
			return "a credit or value is none: " + r.Check
		}
		if r.Message == "" || r.Verdict.Judged() != (r.Credit != nil) || r.PointsLost != nil && c.Score == nil {
			return "a result is not whole: " + r.Check
		}
		if r.PointsLost != nil {
			lost += *r.PointsLost
		}
	}
	if c.Score != nil && math.Abs(lost+*c.CapPoints-(100-*c.Score)) > 1e-6 {
		return "points lost and cap points do not add up"
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

var unexported = cmp.Exporter(func(reflect.Type) bool { return true })

func TestTheSameFactsAndStateGiveTheSameScorecard(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		in := m.input()
		a, stateA := scorecard.Grade(in)
		b, stateB := scorecard.Grade(in)
		if diff := cmp.Diff(a, b, unexported) + cmp.Diff(stateA, stateB); diff != "" {
			t.Fatal(diff)
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
		if diff := cmp.Diff(a, b, unexported) + cmp.Diff(stateA, stateB); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestBetterCreditNeverLowersTheScore improves one gauge at a time.
func TestBetterCreditNeverLowersTheScore(t *testing.T) {
	seeded(t, func(t *rapid.T, m *maker) {
		list := m.scoredChecks()
		floor := pick(m, 0, 0.5, 0.8)
		i := m.random.IntN(len(list))
		if list[i].credit < 0 {
			return
		}
		before := cardOf(floor, list...)
		list[i].credit += (1 - list[i].credit) * m.random.Float64()
		after := cardOf(floor, list...)
		for _, p := range [][2]*float64{{before.Score, after.Score}, {before.RawScore, after.RawScore}, {before.ScoreLow, after.ScoreLow}, {before.ScoreHigh, after.ScoreHigh}} {
			if (p[0] == nil) != (p[1] == nil) || p[0] != nil && *p[1] < *p[0] {
				t.Fatalf("a better credit of %s gave less:\n%+v\n%+v", list[i].name, before, after)
			}
		}
	})
}

// TestLosingACheckNeverNarrowsTheBounds is what holds before credits are
// remembered: the bounds with a check unknown contain those with it known, and
// neither level nor pass is better for losing it. The score itself may rise,
// since what is unknown is left out of it.
func TestLosingACheckNeverNarrowsTheBounds(t *testing.T) {
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
		if lost.Pass != nil && *lost.Pass && (known.Pass == nil || !*known.Pass) {
			t.Fatalf("losing %s made it pass", list[i].name)
		}
		if known.LevelRank != nil && lost.LevelRank != nil && *lost.LevelRank > *known.LevelRank {
			t.Fatalf("losing %s raised the level", list[i].name)
		}
	})
}

func (m *maker) scoredChecks() []scored {
	list := make([]scored, 1+m.random.IntN(6))
	for i := range list {
		list[i] = scored{
			name: fmt.Sprintf("check-%d", i), weight: pick(m, 0, 2.5, 5, 7.5, 10, m.random.Float64()),
			credit: pick(m, -1, 0, 1, m.random.Float64(), m.random.Float64()), critical: m.random.IntN(3) == 0,
		}
	}
	return list
}
