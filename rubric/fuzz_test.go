package rubric

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/golden"
)

// FuzzLoad holds that no file can make Load panic, and that a rubric that loads
// is complete and renders to PromQL.
func FuzzLoad(f *testing.F) {
	for _, input := range golden.Inputs(f, archives) {
		f.Add(input.Data)
	}
	pack, _ := PackFile("http")
	f.Add(pack.Data)
	f.Add([]byte(hashed))
	f.Add([]byte("rubrics: [{name: a, checks: [{b, {c, 'd'}, e}: ]}]")) // fields that are no texts
	env, identities := environment(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		rubrics, problems := Load(env, identities, File{Name: "fuzz.yml", Data: data})
		for _, p := range problems {
			require.NotEmpty(t, p.Message)
			require.Equal(t, "fuzz.yml", p.Position.File)
		}
		for _, r := range rubrics {
			require.Len(t, r.Version, 12)
			require.NotEmpty(t, r.Checks)
			for _, c := range r.Checks {
				require.Len(t, c.Hash, 12)
				require.Equal(t, c.Kind == KindCatalog, c.SLI == "")
				require.GreaterOrEqual(t, c.Weight, 0.0)
				if c.Value != nil {
					requireRenders(t, c.Value.Expr)
				}
			}
		}
	})
}

// FuzzValue holds that whatever parses as a value's query also renders, and
// that no label of an identity and no window can change its shape.
func FuzzValue(f *testing.F) {
	for _, query := range []string{
		`max by ($identity) (process_open_fds / process_max_fds)`,
		`sum by ($identity) (rate(a_total{b="c"}[$window] offset 5m))`,
		`histogram_quantile(0.9, sum by (le, $identity) (rate(d_bucket[$window])))`,
		`sum by ($identity) (max_over_time(a[$window:1m])) or sum by ($identity) (b @ end())`,
		"sum by ($identity) (a{b=`$`}) # $window",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		expr, err := parseValue(query)
		if err == nil {
			requireRenders(t, expr)
		}
	})
}

func requireRenders(t *testing.T, expr parser.Expr) {
	t.Helper()
	v := &Value{Expr: expr}
	text := v.Render([]string{"namespace", "service"}, []string{"cluster"}, 10*time.Minute)
	require.NotContains(t, text, IdentityPlaceholder)
	require.NotContains(t, text, windowText)
	again, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	require.NoError(t, err, text)
	require.Equal(t, shape(expr), shape(again), text)
}

// shape lists the nodes of a tree by their kinds.
func shape(expr parser.Expr) []string {
	var kinds []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			kinds = append(kinds, "selector "+n.Name)
		case *parser.AggregateExpr:
			kinds = append(kinds, "aggregation "+n.Op.String())
		case *parser.BinaryExpr:
			kinds = append(kinds, "operator "+n.Op.String())
		case *parser.Call:
			kinds = append(kinds, "call "+n.Func.Name)
		case *parser.SubqueryExpr:
			kinds = append(kinds, "subquery")
		}
		return nil
	})
	return kinds
}
