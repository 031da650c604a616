package question

import (
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestThePlannerHasASourceClassify(t *testing.T) {
	check := func(bad string) string {
		return fixture.OneCheck(`events: {metric: req_total, where: '{side="server"}', bad: '` + bad + `'}, objective: 99%`)
	}
	tests := []struct {
		name    string
		rubrics string
		dialect Dialect
		want    string
	}{
		{
			"by a pattern", check(`{code=~"5..|429"}`),
			Dialect{},
			`sum by (apgar_bad_0, service) (label_replace(increase(req_total{side="server"}[5m]), "apgar_bad_0", "1", "code", "5..|429"))`,
		},
		{
			"by a value, which is no pattern", check(`{code="5.."}`),
			Dialect{Renamed: map[string]string{"code": "status", "service": "svc"}, Partition: "cluster"},
			`sum by (apgar_bad_0, cluster, svc) (label_replace(increase(req_total{side="server"}[5m]), "apgar_bad_0", "1", "status", "5\\.\\."))`,
		},
		{
			"by what must not be", check(`{code!="200",code!~"3.."}`),
			Dialect{},
			`sum by (apgar_bad_0, service) (label_replace(label_replace(label_replace(increase(req_total{side="server"}[5m]), "apgar_bad_0", "1", "", ""), "apgar_bad_0", "", "code", "200"), "apgar_bad_0", "", "code", "3.."))`,
		},
		{
			"by what must be and what must not", check(`{code=~"5..",path!="/x"}`),
			Dialect{},
			`sum by (apgar_bad_0, service) (label_replace(label_replace(increase(req_total{side="server"}[5m]), "apgar_bad_0", "1", "code", "5.."), "apgar_bad_0", "", "path", "/x"))`,
		},
		{
			"by several that must be", check(`{code=~"5..",canary=""}`),
			Dialect{},
			`sum by (apgar_bad_0, service) (label_replace(label_join(label_replace(label_replace(increase(req_total{side="server"}[5m]), "apgar_bad_0_of_0", "1", "canary", ""), "apgar_bad_0_of_1", "1", "code", "5.."), "apgar_bad_0_of", ",", "apgar_bad_0_of_0", "apgar_bad_0_of_1"), "apgar_bad_0", "1", "apgar_bad_0_of", "1,1"))`,
		},
		{
			"for several checks in one scan, what is recorded as it is", `
rubrics:
  - name: a
    checks:
      - {name: one, events: {metric: "req:increase5m", bad: '{code="500"}', recorded: increase5m}, objective: 99%}
      - {name: two, events: {metric: "req:increase5m", bad: '{code="429"}', recorded: increase5m}, objective: 99%}
`,
			Dialect{},
			`sum by (apgar_bad_0, apgar_bad_1, service) (label_replace(label_replace(req:increase5m, "apgar_bad_0", "1", "code", "500"), "apgar_bad_1", "1", "code", "429"))`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := spec{Rubrics: tt.rubrics, Services: fixture.Named("playlist")}.plan(t).Queries(tt.dialect)[0]
			require.Equal(t, tt.want, q.Told.Expr)
			require.Len(t, q.Told.Feeds, len(q.Feeds))
			tree, err := parser.NewParser(parser.Options{}).ParseExpr(q.Told.Expr)
			require.NoError(t, err, q.Told.Expr)
			require.Equal(t, q.Told.Expr, tree.String(), "it is read as it was meant")
		})
	}
}

func TestOnlyClassifiedEventsAreToldApart(t *testing.T) {
	for _, q := range (spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist")}).plan(t).Queries(Dialect{}) {
		require.Equal(t, q.Feeds[0].Role == RoleClassified, q.Told != nil, q.Expr)
	}
}

func TestNoServiceNameChangesTheShapeOfAQueryThatClassifies(t *testing.T) {
	var told []Query
	for _, q := range shapePlan(t).Queries(Dialect{}) {
		if q.Told != nil {
			told = append(told, *q.Told)
		}
	}
	require.NotEmpty(t, told)
	for _, name := range hostile {
		requireSameShape(t, told, name, "other")
	}
}
