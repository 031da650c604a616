package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// ticks grades one set of facts after the other, a minute apart.
func ticks(r *rubric.Rubric, facts ...scorecard.CheckFacts) []*scorecard.Scorecard {
	var cards []*scorecard.Scorecard
	var state *scorecard.State
	for i, f := range facts {
		in := input(r, f)
		in.Tick = noon.Add(time.Duration(i) * time.Minute)
		in.Facts[0].Time = in.Tick.Unix()
		in.Previous = state
		var card *scorecard.Scorecard
		card, state = scorecard.Grade(in)
		cards = append(cards, card)
	}
	return cards
}

func TestWhileACellIsSilentAResultGetsNoBetter(t *testing.T) {
	dead := func(name string) slo.CellFact { return broken(name, 0.5, slo.SourceError, "timeout") }
	for _, test := range []struct {
		name    string
		facts   []scorecard.CheckFacts
		verdict scorecard.Verdict
		credit  float64
		message string
	}{
		{
			"the bad cell dies: it still fails",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.1), good("b", 0.5, 0.99)), cells(good("a", 0.5, 0.1), dead("b"))},
			"fail", 0, "10 %: pass is at most 70 %, fail is at least 95 %; b did not answer, so the last verdict stands",
		},
		{
			"it is remembered beyond ticks that are unknown",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.1), good("b", 0.5, 0.99)), cells(dead("a"), dead("b")), cells(good("a", 0.5, 0.1), dead("b"))},
			"fail", 0, "",
		},
		{
			"the better of two warnings does not count",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.75), good("b", 0.5, 0.9)), cells(good("a", 0.5, 0.75), silent("b", 0.5))},
			"warn", 0.2, "75 %: pass is at most 70 %, fail is at least 95 %; b did not answer, so the last credit stands",
		},
		{
			"worse counts at the second evaluation, and nothing need be said",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.1), good("b", 0.5, 0.1)), cells(good("a", 0.5, 0.99), dead("b")), cells(good("a", 0.5, 0.99), dead("b"))},
			"fail", 0, "99 %: pass is at most 70 %, fail is at least 95 %",
		},
		{
			"what was worse while partial stands as well",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.1), good("b", 0.5, 0.1)), cells(good("a", 0.5, 0.99), dead("b")), cells(good("a", 0.5, 0.99), dead("b")), cells(good("a", 0.5, 0.1), dead("b")), cells(good("a", 0.5, 0.1), dead("b"))},
			"fail", 0, "",
		},
		{
			"once all answer, better counts, with what was better before",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.1), good("b", 0.5, 0.99)), cells(good("a", 0.5, 0.1), dead("b")), cells(good("a", 0.5, 0.1), good("b", 0.5, 0.1))},
			"pass", 1, "10 %: pass is at most 70 %, fail is at least 95 %",
		},
		{
			"without a last verdict there is nothing to stand",
			[]scorecard.CheckFacts{cells(good("a", 0.5, 0.1), dead("b"))},
			"pass", 1, "10 %: pass is at most 70 %, fail is at least 95 %",
		},
		{
			"two silent cells are named, and others counted",
			[]scorecard.CheckFacts{
				cells(good("a", 0.6, 0.1), good("b", 0.1, 0.99), good("c", 0.1, 0.1), good("d", 0.1, 0.1), good("e", 0.1, 0.1)),
				cells(good("a", 0.6, 0.1), silent("b", 0.1), silent("c", 0.1), silent("d", 0.1), silent("e", 0.1)),
			},
			"fail", 0, "10 %: pass is at most 70 %, fail is at least 95 %; b, c and 2 more did not answer, so the last verdict stands",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			cards := ticks(rubricOf(gauge("fds", 5, 0.7, 0.95)), test.facts...)
			result := cards[len(cards)-1].Results[0]
			assert.Equal(t, test.verdict, result.Verdict)
			require.NotNil(t, result.Credit)
			assert.InDelta(t, test.credit, *result.Credit, 1e-9)
			if test.message != "" {
				assert.Equal(t, test.message, result.Message)
			}
		})
	}
}

func TestAnotherMeaningOfTheCheckForgetsWhatStood(t *testing.T) {
	in := input(rubricOf(gauge("fds", 5, 0.7, 0.95)), cells(good("a", 0.5, 0.1), good("b", 0.5, 0.99)))
	_, state := scorecard.Grade(in)
	changed := gauge("fds", 5, 0.7, 0.95)
	changed.Hash = "another"
	in = input(rubricOf(changed), cells(good("a", 0.5, 0.1), silent("b", 0.5)))
	in.Previous = state
	card, _ := scorecard.Grade(in)
	assert.Equal(t, scorecard.Pass, card.Results[0].Verdict)
}

func TestAPairStaysFiringWhileACellIsSilent(t *testing.T) {
	check := availability()
	burning := counted(check, counts{0: {Bad: 100, Total: 1000}})
	calm := counted(check, counts{0: {Bad: 0, Total: 1000}})
	whole := []slo.CellFact{good("a", 0.6, 0), good("b", 0.4, 0)}
	part := []slo.CellFact{good("a", 0.6, 0), broken("b", 0.4, slo.SourceError, "timeout")}
	with := func(f scorecard.CheckFacts, c []slo.CellFact) scorecard.CheckFacts {
		f.Cells = c
		return f
	}
	r := rubricOf(check)
	in := input(r, with(burning, whole))
	_, state := scorecard.Grade(in)
	in = input(r, with(calm, part))
	in.Tick, in.Previous = in.Tick.Add(time.Minute), state
	card, next := scorecard.Grade(in)
	result := card.Results[0]
	assert.Equal(t, scorecard.Fail, result.Verdict)
	assert.Equal(t, scorecard.ReasonBurningFast, result.Reason)
	assert.Equal(t, "0 % of 1,000 requests failed over 30d: 100 % of the error budget is left; b did not answer, so the last verdict stands", result.Message)
	assert.Equal(t, state.Checks[check.Name].Firing, next.Checks[check.Name].Firing)
	require.NotEmpty(t, next.Checks[check.Name].Firing)

	in = input(r, with(calm, whole))
	in.Tick, in.Previous = in.Tick.Add(2*time.Minute), next
	card, next = scorecard.Grade(in)
	assert.Equal(t, scorecard.Pass, card.Results[0].Verdict, "all cells answer and nothing burns")
	assert.Empty(t, next.Checks[check.Name].Firing)
}

func rank(v scorecard.Verdict) int {
	return map[scorecard.Verdict]int{scorecard.Fail: 1, scorecard.Warn: 2, scorecard.Pass: 3}[v]
}

// TestPartialResultsNeverGetBetter threads random facts from tick to tick and
// compares every judged result that lacks a cell with the last judged one.
func TestPartialResultsNeverGetBetter(t *testing.T) {
	held := 0
	seeded(t, func(t *rapid.T, m *maker) {
		check := m.check(0)
		check.AppliesTo = nil
		r := rubricOf(check)
		var state *scorecard.State
		var last *scorecard.Result
		for i := range 12 {
			in := input(r, m.facts(check))
			in.Facts[0].Measured = 60
			in.Tick = noon.Add(time.Duration(i) * time.Minute)
			in.Previous = state
			var card *scorecard.Scorecard
			card, state = scorecard.Grade(in)
			now := &card.Results[0]
			if !now.Verdict.Judged() {
				continue
			}
			partial := card.FreshCoverage < 1 && check.Weight > 0
			if last != nil && partial {
				held++
				if rank(now.Verdict) > rank(last.Verdict) || *now.Credit > *last.Credit {
					t.Fatalf("tick %d is better than the last:\n%+v\n%+v", i, last, now)
				}
			}
			last = now
		}
	})
	require.NotZero(t, held)
}

// TestWithholdingCellsNeverRaisesTheScore withholds cells of rubrics that all
// cells have answered, as long as enough of them are left to be judged from.
func TestWithholdingCellsNeverRaisesTheScore(t *testing.T) {
	lower := 0
	seeded(t, func(t *rapid.T, m *maker) {
		r := rubricOf()
		r.CoverageFloor = 0
		var whole, part []scorecard.CheckFacts
		for i := range 1 + m.random.IntN(4) {
			c := gauge(string(rune('a'+i)), pick(m, 2.5, 5, 10), 0.7, 0.95)
			c.Severity = pick(m, rubric.Critical, rubric.Medium)
			c.Value.Across = pick(m, rubric.Worst, rubric.Best, rubric.Mean)
			r.Checks = append(r.Checks, c)
			whole = append(whole, cells(m.fourCells()...))
			part = append(part, cells(m.withhold(whole[i].Cells)...))
		}
		in := input(r, whole...)
		before, state := scorecard.Grade(in)
		for i := range 1 + m.random.IntN(3) {
			in = input(r, part...)
			in.Tick, in.Previous = noon.Add(time.Duration(i+1)*time.Minute), state
			var after *scorecard.Scorecard
			after, state = scorecard.Grade(in)
			if *after.Score > *before.Score || *after.ScoreHigh > *before.ScoreHigh || *after.Pass && !*before.Pass {
				t.Fatalf("withholding cells made it better:\n%+v\n%+v", before, after)
			}
			if *after.Score < *before.Score {
				lower++
			}
		}
	})
	require.NotZero(t, lower)
}

func (m *maker) fourCells() []slo.CellFact {
	var out []slo.CellFact
	for _, name := range []string{"a", "b", "c", "d"} {
		out = append(out, good(name, 0.25, m.random.Float64()*1.2))
	}
	return out
}

// withhold takes the answers of up to two cells of four away.
func (m *maker) withhold(from []slo.CellFact) []slo.CellFact {
	out := append([]slo.CellFact(nil), from...)
	for range m.random.IntN(3) {
		i := m.random.IntN(len(out))
		out[i] = pick(m, silent(out[i].Key.Cell, 0.25), broken(out[i].Key.Cell, 0.25, slo.SourceError, "timeout"))
	}
	return out
}

func TestAPeriodOfAWeekReadsAsItsAuthorWroteIt(t *testing.T) {
	check := availability()
	check.Period = 7 * day
	result := grade(rubricOf(check), counted(check, counts{0: {Bad: 0, Total: 1000}})).Results[0]
	assert.Contains(t, result.Message, "over 7d")
	for d, want := range map[time.Duration]string{
		0: "0s", 14 * day: "14d", 16*time.Hour + 50*time.Minute: "16h50m", 250 * time.Millisecond: "250ms", -time.Hour: "-1h", 400 * day: "400d",
	} {
		assert.Equal(t, want, scorecard.FormatDuration(d))
	}
}

func TestTheReasonWhyNobodyIsNamedIsShown(t *testing.T) {
	f := targets(cells(), 0, 0)
	f.Unidentified, f.IdentityProblem = true, "the identity service gives 70 values, more than 64"
	result := grade(rubricOf(gauge("fds", 5, 0.7, 0.95)), f).Results[0]
	assert.Equal(t, "no identity of the check names this service: the identity service gives 70 values, more than 64", result.Message)
}
