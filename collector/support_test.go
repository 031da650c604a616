package collector

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spec makes plans.
type spec fixture.Spec

func (s spec) plan(t testing.TB) *question.Plan {
	t.Helper()
	plan, err := question.NewPlan(question.PlanOptions(fixture.Spec(s).Load(t)))
	require.NoError(t, err)
	return plan
}

func cardKeys(cards []*scorecard.Scorecard) []scorecard.Key {
	keys := make([]scorecard.Key, len(cards))
	for i, c := range cards {
		keys[i] = c.Key()
	}
	return keys
}
