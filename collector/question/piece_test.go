package question

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestSplittingTakesTheLabelThatTellsMostApart(t *testing.T) {
	p := spec{
		Rubrics: `
rubrics:
  - name: a
    identity: workload
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`,
		Identities: map[string]map[string]string{"workload": {"cluster": `"eu"`, "workload": "service.name"}},
		Services:   fixture.Numbered(3),
	}.plan(t)
	q := p.Queries(Dialect{Renamed: map[string]string{"workload": "app"}})[0]
	k := p.Everybody(&q)
	require.Equal(t, Piece{"workload", []string{"service-0000", "service-0001", "service-0002"}}, k)
	require.Equal(t, `sum by (app, cluster, code) (increase(requests_total{app=~"service-0000|service-0001|service-0002"}[5m]))`, k.In(&q))
}
