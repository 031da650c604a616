package grader

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

const everyFiveMinutes = `
rubrics:
  - name: slow
    checks:
      - {name: fds, value: {query: 'max by ($identity) (fds)'}, pass: 1, fail: 2, interval: 5m}
      - {name: calls, events: {metric: requests_total, bad: '{code="500"}'}, pass: 99%, fail: 90%, interval: 5m}
`

const everyTick = `
  - name: quick
    checks:
      - {name: fds, value: {query: 'max by ($identity) (fds)'}, pass: 1, fail: 2}
      - {name: calls, events: {metric: requests_total, bad: '{code="500"}'}, pass: 99%, fail: 90%}
`

// TestACheckIsJudgedAtItsOwnInterval grades a rubric alone, and beside another
// that has the same questions asked at every tick, while its values change.
func TestACheckIsJudgedAtItsOwnInterval(t *testing.T) {
	graded := func(rubrics string) (cards []scorecard.Scorecard) {
		b := newBench(t, spec{Rubrics: rubrics, Services: fixture.Named("playlist")}, "east")
		for i := range int64(75) {
			at := t0 + 60*i
			value := float64(i / 8 % 3) // of the gauge, and of the count as well
			b.rows["east"] = []fixture.Row{
				target("1"),
				{Labels: map[string]string{"service": "playlist"}, Value: value},
			}
			b.tick(t, at)
			for _, c := range b.Grade(time.Unix(at, 0), time.Unix(at, 0)) {
				if c.Rubric == "slow" {
					cards = append(cards, *c)
				}
			}
		}
		return cards
	}
	alone, beside := graded(everyFiveMinutes), graded(everyFiveMinutes+everyTick)
	require.Len(t, alone, 75)
	turns := 0
	for i := range alone {
		require.Equal(t, alone[i].Results, beside[i].Results, "tick %d", i)
		if i > 0 && alone[i].Results[0].Verdict != alone[i-1].Results[0].Verdict {
			turns++
		}
	}
	require.Positive(t, turns)
}
