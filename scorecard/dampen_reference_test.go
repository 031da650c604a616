package scorecard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// refEvaluation is one evaluation of a gauge: a step of play, and the minute.
type refEvaluation struct {
	verdict int // 1 fail, 2 warn, 3 pass
	whole   bool
	minute  int
}

// refDampened says, as the grading specification does and from the whole list
// of evaluations each time, what is published at the newest; 0 without any.
func refDampened(list []refEvaluation, critical bool) int {
	published := 0
	for i, e := range list {
		turns := 0
		for k := 1; k <= i; k++ {
			if list[k].verdict != list[k-1].verdict && e.minute-list[k].minute < 60 {
				turns++
			}
		}
		flapping := turns >= 3
		before := published // nothing agrees with the first evaluation
		if i > 0 {
			before = list[i-1].verdict
		}
		switch {
		case published == 0:
			published = e.verdict
		case e.verdict < published && (flapping || critical && e.verdict == 1):
			published = e.verdict
		case e.verdict < published && before < published:
			published = max(e.verdict, before)
		case e.verdict > published && e.whole && !flapping && before > published:
			published = min(e.verdict, before)
		}
	}
	return published
}

// TestDampeningAgreesWithAReferenceOverRandomSteps plays random steps, a few
// minutes to half an hour apart.
func TestDampeningAgreesWithAReferenceOverRandomSteps(t *testing.T) {
	orders := map[scorecard.Verdict]int{scorecard.Fail: 1, scorecard.Warn: 2, scorecard.Pass: 3}
	changes, flaps := 0, 0
	seeded(t, func(rt *rapid.T, m *maker) {
		check := gauge("fds", 5, 0.7, 0.95)
		check.Severity = pick(m, rubric.Critical, rubric.Medium)
		in := input(rubricOf(check))
		var list []refEvaluation
		steps, was := "", 0
		for range 12 {
			in.Tick = in.Tick.Add(time.Duration(pick(m, 1, 1, 5, 31)) * time.Minute)
			what := pick(m, 'P', 'P', 'W', 'F', 'p', 'w', 'f', '?')
			steps += string(what)
			in.Facts = []scorecard.CheckFacts{at(step(t, what), in.Tick)}
			var card *scorecard.Scorecard
			card, in.Previous = scorecard.Grade(in)
			if what == '?' {
				continue // neither counts nor resets
			}
			list = append(list, refEvaluation{1 + strings.IndexRune("FWP", what&^32), what < 'a', int(in.Tick.Sub(noon) / time.Minute)})
			want := refDampened(list, check.Severity == rubric.Critical)
			if got := orders[card.Results[0].Verdict]; got != want {
				rt.Fatalf("after %s (%s) it is %d and not %d: %+v", steps, check.Severity, got, want, list)
			}
			if was != want {
				changes++
			}
			if was = want; card.Results[0].Flapping {
				flaps++
			}
		}
	})
	require.NotZero(t, changes)
	require.NotZero(t, flaps)
}
