package grader

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

// TestAPanicInSummingUpCostsOneServiceItsOverallScorecard has a scorecard of one
// service lack what every scorecard has.
func TestAPanicInSummingUpCostsOneServiceItsOverallScorecard(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist", "search")}, "east")
	panics := 0
	b.panicked = func() { panics++ }
	graded := func(at int64) (keys []string) {
		b.tick(t, at)
		for _, c := range b.Grade(time.Unix(at, 0), time.Unix(at, 0)) {
			keys = append(keys, c.Rubric+" "+c.Service.ID.Name)
		}
		return keys
	}
	all := []string{"http playlist", "http search", "overall playlist", "overall search"}
	require.ElementsMatch(t, all, graded(t0))
	before := b.States()

	b.grade = func(in scorecard.Input) (*scorecard.Scorecard, *scorecard.State) {
		card, state := scorecard.Grade(in)
		if in.Service.ID.Name == "search" {
			card.ScoreLow = nil
		}
		return card, state
	}
	require.ElementsMatch(t, all[:3], graded(t0+60))
	require.Equal(t, 1, panics)
	key := scorecard.Key{Rubric: scorecard.Overall, Service: b.plan.Services[1].ID}
	require.Same(t, before[key], b.States()[key], "it goes on from there")

	b.grade = scorecard.Grade
	require.ElementsMatch(t, all, graded(t0+120))
}
