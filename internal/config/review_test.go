package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

// reviewed is a configuration whose parts are sound each by itself.
func reviewed(sources string) map[string]string {
	return map[string]string{
		"apgar.yml": `
sources: [` + sources + `]
catalog: {files: [catalog.yml]}
rubrics: {packs: [http], files: [rubrics.yml]}
identities:
  third: {labels: {service: 'service.tags[2]'}}
`,
		"catalog.yml": `apiVersion: apgar.dev/v1
services:
  - {name: a, tags: [x, y, a], annotations: {apgar.dev/sources: "east, wset", apgar.dev/packs: "http, cron"}}
  - {name: b, tags: [x, y, b], annotations: {apgar.dev/shop.queue.weigth: "0", apgar.dev/shop.queue.pass: "many"}}
  - {name: c, annotations: {apgar.dev/shop.queue.weight: "0", apgar.dev/sources: east}}
`,
		"rubrics.yml": `
rubrics:
  - name: shop
    identity: third
    effective_from: 2027-01-01
    checks:
      - {name: queue, value: {query: 'max by ($identity) (queue_depth)'}, pass: 10, fail: 20}
`,
	}
}

func review(t *testing.T, contents map[string]string, now time.Time) []catalog.Problem {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	c, problems := files(t, contents)
	require.Empty(t, problems)
	rubrics, problems := c.LoadRubrics(env)
	require.Empty(t, problems)
	snapshot, problems := c.LoadCatalog()
	require.Empty(t, problems)
	return c.Review(rubrics, snapshot.Services(), now)
}

func TestWhatHasNoEffectIsSaid(t *testing.T) {
	eve := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	problems := review(t, reviewed(`{name: east, replicas: [{url: "http://e"}]}, {name: west, replicas: [{url: "http://w"}]}`), eve)
	for _, tc := range []struct {
		line    int
		warning bool
		message string
	}{
		{3, true, `the annotation apgar.dev/sources of service default/a names "wset", which is no source: there are east, west`},
		{3, true, `the annotation apgar.dev/packs of service default/a names "cron", which is left out: `},
		{4, false, `"weigth" cannot be overridden`},
		{4, false, "shop.queue.… of service default/b are left out"},
		{5, false, "identity third: "},
		{3, true, "rubric shop counts from 2027-01-01T00:00:00Z on, as its effective_from says: until then it is graded and shown like a draft"},
	} {
		found := false
		for _, p := range problems {
			if p.Position.Line == tc.line && p.Warning == tc.warning {
				found = found || strings.Contains(p.Message, tc.message)
			}
		}
		require.True(t, found, "%q is missing in %v", tc.message, problems)
	}
	require.Len(t, problems, 6, "%v", problems)
}

func TestAnExpectedSourceMayBeACellThatOnlyTheSourceKnows(t *testing.T) {
	after := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	problems := review(t, reviewed(`{name: mimir, partition_label: cluster, replicas: [{url: "http://m"}]}`), after)
	for _, p := range problems {
		require.NotContains(t, p.Message, "which is no source")
		require.NotContains(t, p.Message, "effective_from", "its time has come")
	}
	require.Len(t, problems, 4)
}
