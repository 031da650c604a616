package collector

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplittingTakesTheLabelThatTellsMostApart(t *testing.T) {
	p := spec{
		rubrics: `
rubrics:
  - name: a
    identity: workload
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`,
		identities: map[string]map[string]string{"workload": {"cluster": `"eu"`, "workload": "service.name"}},
		services:   numbered(3),
	}.plan(t)
	q := p.queries(dialect{renamed: map[string]string{"workload": "app"}})[0]
	k := p.everybody(&q)
	require.Equal(t, piece{"workload", []string{"service-0000", "service-0001", "service-0002"}}, k)
	require.Equal(t, `sum by (app, cluster, code) (increase(requests_total{app=~"service-0000|service-0001|service-0002"}[5m]))`, k.in(&q))
}
