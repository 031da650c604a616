package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// TestAWindowKeepsItsLastJudgementForTheGrace loses single windows of a check
// whose cells all answer.
func TestAWindowKeepsItsLastJudgementForTheGrace(t *testing.T) {
	check := availability()
	quiet := counted(check, counts{0: {Total: many}})
	fast := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)})
	spent := thin(counted(check, counts{0: {Total: many}, 30 * day: burning(2, many)}), 30*day, 0.9)
	silent := thin(thin(quiet, slot, 0), 30*time.Minute, 0.5)
	for _, test := range []struct {
		name        string
		before, now scorecard.CheckFacts
		wait        time.Duration
		reason      string
		carried     bool
	}{
		{"a pair fires by a window that cannot be judged now", fast, thin(fast, slot, 0), 15 * time.Minute, "burning_fast", false},
		{"the other window says that it is over", fast, thin(quiet, slot, 0), 15 * time.Minute, "ok", false},
		{"beyond the grace it cannot be told", fast, thin(quiet, slot, 0), 16 * time.Minute, "partial", false},
		{"without a page pair, within the grace", quiet, silent, 15 * time.Minute, "ok", false},
		{"without a page pair, beyond it", quiet, silent, 16 * time.Minute, "partial", false},
		{"a period that was judged still counts", spent, thin(quiet, 30*day, 0.85), 15 * time.Minute, "budget_spent", false},
		{"a period that is not judged does not", spent, thin(spent, 30*day, 0.85), 16 * time.Minute, "ok", false},
		{"a period with nine tenths of its slots is judged anew", spent, thin(quiet, 30*day, 0.9), 15 * time.Minute, "ok", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := later(rubricOf(check), test.wait, []scorecard.CheckFacts{test.before}, []scorecard.CheckFacts{test.now})
			result := card.Results[0]
			assert.Equal(t, test.reason, result.Reason, result.Message)
			assert.Equal(t, test.carried, result.Carried)
		})
	}
}

func TestTheWindowOfARatioIsKeptForTheGrace(t *testing.T) {
	check := ratio(0.99, 0.95)
	warn := counted(check, counts{0: {Bad: 30000, Total: 1e6}})
	blind := thin(counted(check, counts{0: {Bad: 9, Total: 10}}), time.Hour, 0.5)
	result := later(rubricOf(check), 15*time.Minute, []scorecard.CheckFacts{warn}, []scorecard.CheckFacts{blind}).Results[0]
	assert.Equal(t, scorecard.Warn, result.Verdict)
	assert.InDelta(t, 0.97, *result.Value, 1e-9)
	assert.False(t, result.Carried)
	result = later(rubricOf(check), 16*time.Minute, []scorecard.CheckFacts{warn}, []scorecard.CheckFacts{blind}).Results[0]
	assert.Equal(t, scorecard.ReasonPartial, result.Reason)
}

func TestAKeptWindowIsAsOldAsItsData(t *testing.T) {
	check := availability()
	quiet := counted(check, counts{0: {Total: many}})
	blind := thin(thin(quiet, slot, 0), 30*time.Minute, 0.5)
	in := input(rubricOf(check), quiet)
	want := ""
	for i := range 5 {
		in.Tick = noon.Add(time.Duration(i) * 5 * time.Minute)
		in.Facts = []scorecard.CheckFacts{at(blind, in.Tick)}
		if i == 0 {
			in.Facts = []scorecard.CheckFacts{at(quiet, in.Tick)}
		}
		var card *scorecard.Scorecard
		card, in.Previous = scorecard.Grade(in)
		want += letters([]*scorecard.Scorecard{card})
		assert.Len(t, in.Previous.Checks["availability"].Windows, map[bool]int{true: 4, false: 2}[i < 4], "%d", i)
	}
	assert.Equal(t, "PPPPp", want, "the windows are kept until 12:15, then the result of 12:15 is carried")
}

// TestOnlyWindowsThatMayBeMissedAreRemembered keeps the state small: of a
// service that is measured well, the windows of two hours and less.
func TestOnlyWindowsThatMayBeMissedAreRemembered(t *testing.T) {
	check := availability()
	f := counted(check, counts{0: {Bad: 1.00000049, Total: 1234.56789012}})
	_, state := scorecard.Grade(input(rubricOf(check), f))
	var lengths []time.Duration
	for _, k := range state.Checks["availability"].Windows {
		lengths = append(lengths, k.Length)
		assert.Equal(t, slo.Counts{Bad: 1, Total: 1234.56789}, k.Counts)
		assert.Equal(t, noon.Unix(), k.At)
	}
	short := []time.Duration{slot, 30 * time.Minute, time.Hour, 2 * time.Hour}
	assert.Equal(t, short, lengths)
	// 7,800 of 8,640 slots are 24 more than are needed; the far edge of a month
	// is rounded to the hour, which may take 12 of them at once.
	_, state = scorecard.Grade(input(rubricOf(check), thin(f, 30*day, 7800.5/8640)))
	kept := state.Checks["availability"].Windows
	assert.Equal(t, 30*day, kept[len(kept)-1].Length)
}

func TestAFiringPairIsHeldByItsIdleWindowOfThePast(t *testing.T) {
	check := availability()
	fast := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: burning(20, many)})
	idle := counted(check, counts{0: {Total: many}, time.Hour: burning(20, many), slot: slo.Counts{}})
	cards := ticks(rubricOf(check), fast, idle, thin(idle, slot, 0))
	assert.Equal(t, "FFF", letters(cards))
	assert.Equal(t, "burning_fast", cards[2].Results[0].Reason)
}
