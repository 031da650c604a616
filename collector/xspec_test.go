package collector

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// Spec is a rubric file and services, of which a plan is made.
type Spec struct {
	rubrics  string
	services []*catalog.Service
	// identities are beside the built-in ones: name → label → CEL.
	identities map[string]map[string]string
	presence   map[string]string // of those, by name
	interval   time.Duration     // 1m unless given
	only       []string
}

// parts are what a plan is made of.
type parts struct {
	Catalog  *catalog.Snapshot
	Rubrics  []*rubric.Rubric
	Interval time.Duration
	Only     []catalog.ID
}

// load reads them; what is wrong with them fails the test.
func (s Spec) load(t testing.TB) parts {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	for name, names := range s.identities {
		spec := rubric.IdentitySpec{Name: name, Presence: s.presence[name]}
		for _, label := range slices.Sorted(maps.Keys(names)) {
			spec.Labels = append(spec.Labels, rubric.LabelSpec{Name: label, Source: names[label]})
		}
		id, problems := rubric.NewIdentity(env, spec)
		require.Empty(t, problems)
		identities[name] = id
	}
	rubrics, problems := rubric.Load(env, identities, rubric.File{Name: "test.yml", Data: []byte(s.rubrics)})
	require.Empty(t, problems)
	o := parts{Catalog: catalog.NewSnapshot(s.services, nil), Rubrics: rubrics, Interval: s.interval}
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	for _, id := range s.only {
		parsed, err := catalog.ParseID(id)
		require.NoError(t, err)
		o.Only = append(o.Only, parsed)
	}
	return o
}

// named makes services of the namespace default.
func named(names ...string) []*catalog.Service {
	out := make([]*catalog.Service, len(names))
	for i, name := range names {
		out[i] = &catalog.Service{ID: catalog.ID{Namespace: "default", Name: name}, Tags: []string{"http"}}
	}
	return out
}

// numbered makes n services, service-0000 and so on.
func numbered(n int) []*catalog.Service {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("service-%04d", i)
	}
	return named(names...)
}

// annotated gives the first service annotations.
func annotated(services []*catalog.Service, annotations map[string]string) []*catalog.Service {
	services[0].Annotations = annotations
	return services
}

// resultOf returns the result of a check of a service, by "service check".
func resultOf(t testing.TB, cards []*scorecard.Scorecard, service, check string) scorecard.Result {
	t.Helper()
	for _, card := range cards {
		if card.Service.ID.Name != service {
			continue
		}
		for _, r := range card.Results {
			if r.Check == check {
				return r
			}
		}
	}
	require.Fail(t, "no such result", "%s %s", service, check)
	return scorecard.Result{}
}
