package grader

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// checkedAt is what the grader knows of the only check of a service.
func (b *bench) checkedAt(service int, at int64) scorecard.CheckFacts {
	s := &b.plan.SLIs[0]
	return b.checkFacts(s.Check, s, b.series[0][service], service, at)
}

const twoIdentities = `
rubrics:
  - name: a
    identity: [shared, service]
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`

func TestOnlyTheIdentityThatStandsCanConflict(t *testing.T) {
	shared := map[string]map[string]string{"shared": {"app": `"monolith"`}}
	tests := []struct {
		name      string
		rubrics   string
		rows      []fixture.Row
		conflicts bool
	}{
		{"a service known by another identity has no conflict", twoIdentities, []fixture.Row{event("200", 10), target("1")}, false},
		{"one that was never seen has that of the first that names it", twoIdentities, []fixture.Row{target("1")}, true},
		{
			"one known by the first does not mind the second", `
rubrics:
  - name: a
    identity: [service, shared]
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`, []fixture.Row{event("200", 10), target("1")}, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, spec{Rubrics: tt.rubrics, Identities: shared, Services: fixture.Named("playlist", "search")}, "east")
			b.rows["east"] = tt.rows
			b.tick(t, t0)
			f := b.checkedAt(0, t0)
			require.False(t, f.Unidentified)
			if !tt.conflicts {
				require.Empty(t, f.Conflict)
				require.InDelta(t, 10, counted(f.Facts, slo.SlotLength).Total, 0)
				return
			}
			require.Contains(t, f.Conflict, `app="monolith" is claimed by default/playlist, default/search`)
		})
	}
}

func TestAConflictOfAllIdentitiesIsOne(t *testing.T) {
	b := newBench(t, spec{
		Rubrics: twoIdentities, Services: fixture.Named("playlist", "search"),
		Identities: map[string]map[string]string{"shared": {"app": `"monolith"`}, "service": {"service": `"all"`}},
	}, "east")
	b.rows["east"] = []fixture.Row{event("200", 10)}
	b.tick(t, t0)
	require.NotEmpty(t, b.checkedAt(0, t0).Conflict)
}

func TestWhyAServiceHasNoIdentityIsToldOfThatService(t *testing.T) {
	services := fixture.Named("playlist", "search")
	services[0].Annotations = map[string]string{"count": "70"}
	b := newBench(t, spec{
		Rubrics: `
rubrics:
  - name: a
    identity: many
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`,
		Services:   services,
		Identities: map[string]map[string]string{"many": {"service": `service.annotations["count"] + string(int(service.annotations["count"]))`}},
	}, "east")
	b.rows["east"] = []fixture.Row{}
	b.tick(t, t0)
	require.Empty(t, b.checkedAt(0, t0).IdentityProblem)
	f := b.checkedAt(1, t0)
	require.True(t, f.Unidentified)
	require.Contains(t, f.IdentityProblem, "default/search")
	require.NotContains(t, f.IdentityProblem, "playlist")
}
