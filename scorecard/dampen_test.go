package scorecard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// step returns the facts of a gauge with pass 0.7 and fail 0.95 that is in two
// cells: P, W and F where both answer, p, w and f where only the first does,
// ? where none does, D where all targets are down and M where the metric is
// missing.
func step(t *testing.T, what rune) scorecard.CheckFacts {
	t.Helper()
	values := map[rune]float64{'P': 0.1, 'W': 0.825, 'F': 0.99}
	switch what {
	case 'P', 'W', 'F':
		return cells(good("a", 0.5, values[what]), good("b", 0.5, values[what]))
	case 'p', 'w', 'f':
		return cells(good("a", 0.5, values[what-'a'+'A']), broken("b", 0.5, slo.SourceError, "timeout"))
	case '?':
		return cells(broken("a", 0.5, slo.SourceError, "timeout"), broken("b", 0.5, slo.SourceError, "timeout"))
	case 'D':
		return targets(cells(), 0, 3)
	case 'M':
		return targets(cells(silent("a", 0.5), silent("b", 0.5)), 2, 0)
	}
	require.Fail(t, "no such step", "%c", what)
	return scorecard.CheckFacts{}
}

// play grades one step after the other and returns the cards.
func play(t *testing.T, r *rubric.Rubric, every time.Duration, steps string) []*scorecard.Scorecard {
	t.Helper()
	var cards []*scorecard.Scorecard
	in := input(r)
	for i, what := range strings.ReplaceAll(steps, " ", "") {
		in.Tick = noon.Add(time.Duration(i) * every)
		in.Facts = []scorecard.CheckFacts{at(step(t, what), in.Tick)}
		var card *scorecard.Scorecard
		card, in.Previous = scorecard.Grade(in)
		cards = append(cards, card)
	}
	return cards
}

// letters writes verdicts: P, W, F and N for not applicable, in lower case
// where the result is carried; ? is unknown.
func letters(cards []*scorecard.Scorecard) string {
	names := map[scorecard.Verdict]string{"pass": "P", "warn": "W", "fail": "F", "unknown": "?", "not_applicable": "N", "waived": "V"}
	text := ""
	for _, c := range cards {
		letter := names[c.Results[0].Verdict]
		if c.Results[0].Carried {
			letter = strings.ToLower(letter)
		}
		text += letter
	}
	return text
}

func pendings(cards []*scorecard.Scorecard) string {
	names := map[scorecard.Verdict]string{"": ".", "pass": "p", "warn": "w", "fail": "f"}
	text := ""
	for _, c := range cards {
		text += names[c.Results[0].Pending]
	}
	return text
}

func TestAVerdictChangesWhenASecondEvaluationAgrees(t *testing.T) {
	const minute, long = time.Minute, 16 * time.Minute
	for _, test := range []struct {
		name           string
		severity       rubric.Severity
		every          time.Duration
		steps          string
		want, pendings string
	}{
		{"the first evaluation is published", "medium", minute, "F", "F", "."},
		{"worse needs two evaluations", "medium", minute, "PFF", "PPF", ".f."},
		{"better needs two evaluations", "medium", minute, "FPP", "FFP", ".p."},
		{"one evaluation changes nothing", "medium", minute, "PFP", "PPP", ".f."},
		{"of two worse ones the nearer is published: the first", "medium", minute, "PWF", "PPW", ".wf"},
		{"of two worse ones the nearer is published: the second", "medium", minute, "PFW", "PPW", ".f."},
		{"of two better ones the nearer is published: the first", "medium", minute, "FWP", "FFW", ".wp"},
		{"of two better ones the nearer is published: the second", "medium", minute, "FPW", "FFW", ".p."},
		{"the third is on the same side of the nearer one", "medium", minute, "PWFF", "PPWF", ".wf."},
		{"evaluations on two sides do not agree", "medium", minute, "WFP", "WWW", ".fp"},
		{"a critical fail needs one", "critical", minute, "PF", "PF", ".."},
		{"a critical warn needs two", "critical", minute, "PWW", "PPW", ".w."},
		{"a critical check gets better like any other", "critical", minute, "FPP", "FFP", ".p."},
		{"a carried evaluation neither counts nor resets", "medium", minute, "PF?F", "PPpF", ".ff."},
		{"an unknown one neither", "medium", long, "PF?F", "PP?F", ".f.."},
		{"after an unknown stretch the last verdict stands until two agree", "medium", long, "P?????FF", "P?????PF", "......f."},
		{"targets that are down fail at once", "medium", minute, "PDD", "PpF", "..."},
		{"and are one evaluation on the way back", "medium", minute, "PDDPP", "PpFFP", "...p."},
		{"while a cell is silent worse needs two", "medium", minute, "Pff", "PPF", ".f."},
		{"while a cell is silent better is not published", "medium", minute, "Fppp", "FFFF", ".ppp"},
		{"but counts once all answer", "medium", minute, "FpP", "FFP", ".p."},
		{"a critical fail needs one while a cell is silent, too", "critical", minute, "Pf", "PF", ".."},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := gauge("fds", 5, 0.7, 0.95)
			check.Severity = test.severity
			cards := play(t, rubricOf(check), test.every, test.steps)
			assert.Equal(t, test.want, letters(cards))
			assert.Equal(t, test.pendings, pendings(cards))
		})
	}
}

func TestObjectivesAndCatalogChecksNeedNoSecondEvaluation(t *testing.T) {
	check := availability()
	calm, fast := counted(check, counts{0: {Total: many}}), counted(check, counts{0: {Bad: many, Total: many}})
	cards := ticks(rubricOf(check), calm, fast, calm)
	assert.Equal(t, "PFP", letters(cards))
	assert.Equal(t, "...", pendings(cards))
}

func TestARatioNeedsASecondEvaluation(t *testing.T) {
	check := ratio(0.99, 0.95)
	calm, bad := counted(check, counts{0: {Total: many}}), counted(check, counts{0: {Bad: many, Total: many}})
	assert.Equal(t, "PPFFP", letters(ticks(rubricOf(check), calm, bad, bad, calm, calm)))
}

func TestWhileAChangeIsPendingTheLastCreditStands(t *testing.T) {
	var facts []scorecard.CheckFacts
	for _, value := range []float64{0.825, 0.875, 0.1, 0.99, 0.8} {
		facts = append(facts, cells(good("a", 1, value)))
	}
	var credits []float64
	cards := ticks(rubricOf(gauge("fds", 5, 0.7, 0.95)), facts...)
	for _, c := range cards {
		credits = append(credits, *c.Results[0].Credit)
	}
	assert.InDeltaSlice(t, []float64{0.5, 0.3, 0.3, 0.3, 0.6}, credits, 1e-9)
	assert.Equal(t, "WWWWW", letters(cards))
	assert.Equal(t, "10 %: pass is at most 70 %, fail is at least 95 %; one evaluation is not enough, so the last verdict stands", cards[2].Results[0].Message)
}

func TestTheNearerEvaluationIsPublishedWithItsCredit(t *testing.T) {
	facts := []scorecard.CheckFacts{cells(good("a", 1, 0.1)), cells(good("a", 1, 0.85)), cells(good("a", 1, 0.99))}
	result := ticks(rubricOf(gauge("fds", 5, 0.7, 0.95)), facts...)[2].Results[0]
	assert.Equal(t, scorecard.Warn, result.Verdict)
	assert.Equal(t, scorecard.ReasonBelowTarget, result.Reason)
	assert.InDelta(t, 0.4, *result.Credit, 1e-9)
	assert.Equal(t, scorecard.Fail, result.Pending)
}

func TestAnAnswerThatIsJudgedAgainIsOneEvaluation(t *testing.T) {
	check := gauge("fds", 5, 0.7, 0.95)
	check.Interval = slot
	in := input(rubricOf(check), step(t, 'P'))
	_, in.Previous = scorecard.Grade(in)
	verdicts := ""
	for i := range 11 { // asked at noon, 12:05 and 12:10, graded every minute
		in.Tick = noon.Add(time.Duration(i) * time.Minute)
		in.Facts = []scorecard.CheckFacts{at(step(t, 'F'), in.Tick.Truncate(slot))}
		if i < 5 {
			in.Facts = []scorecard.CheckFacts{at(step(t, 'P'), noon)}
		}
		var card *scorecard.Scorecard
		card, in.Previous = scorecard.Grade(in)
		verdicts += letters([]*scorecard.Scorecard{card})
	}
	assert.Equal(t, "PPPPPPPPPPF", verdicts)
}

func TestAFlappingVerdictGetsWorseAtOnceAndNoBetter(t *testing.T) {
	flapping := func(cards []*scorecard.Scorecard) string {
		text := ""
		for _, c := range cards {
			text += map[bool]string{true: "x", false: "."}[c.Results[0].Flapping]
		}
		return text
	}
	check := gauge("fds", 5, 0.7, 0.95)
	for _, test := range []struct {
		name           string
		every          time.Duration
		steps          string
		want, flapping string
	}{
		{"two changes are none too many", time.Minute, "PFPP", "PPPP", "...."},
		{"at the third worse is published at once", time.Minute, "PFPF", "PPPF", "...x"},
		{"and better is not, whatever follows", time.Minute, "PFPFPPPP", "PPPFFFFF", "...xxxxx"},
		{"nor is what is worse than pass but better than fail", time.Minute, "PFPFWW", "PPPFFF", "...xxx"},
		{"a carried result flaps on", time.Minute, "PFPF?F", "PPPFfF", "...xxx"},
		{"three changes in less than an hour", 29 * time.Minute, "PFPF", "PPPF", "...x"},
		{"three changes in an hour are too slow", 30 * time.Minute, "PFPF", "PPPP", "...."},
	} {
		t.Run(test.name, func(t *testing.T) {
			cards := play(t, rubricOf(check), test.every, test.steps)
			assert.Equal(t, test.want, letters(cards))
			assert.Equal(t, test.flapping, flapping(cards))
		})
	}
	// The last three changes are at 12:02, 12:03 and 12:04.
	cards := play(t, rubricOf(check), time.Minute, "PFPF"+strings.Repeat("P", 60))
	assert.Equal(t, "PPPF"+strings.Repeat("F", 58)+"PP", letters(cards))
	assert.Equal(t, "..."+strings.Repeat("x", 59)+"..", flapping(cards))
}
