package question

import (
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spec makes plans.
type spec fixture.Spec

func (s spec) plan(t testing.TB) *Plan {
	t.Helper()
	plan, err := NewPlan(PlanOptions(fixture.Spec(s).Load(t)))
	require.NoError(t, err)
	return plan
}

// requireExprs requires queries, which parse as they were meant.
func requireExprs(t *testing.T, want []string, queries []Query) {
	t.Helper()
	var got []string
	for _, q := range queries {
		got = append(got, q.Expr)
		tree, err := parser.NewParser(parser.Options{}).ParseExpr(q.Expr)
		require.NoError(t, err, q.Expr)
		require.Equal(t, q.Expr, tree.String(), "it is read as it was meant")
	}
	require.Equal(t, want, got)
}
