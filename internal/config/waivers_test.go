package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

func TestWaiversAreReadAndHeldAgainstWhatIsGraded(t *testing.T) {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	c, problems := files(t, map[string]string{
		"apgar.yml":   `{catalog: {files: [catalog.yml]}, rubrics: {packs: [http], waivers: ["waivers/*.yml", "none/*.yml", none.yml, waivers]}}`,
		"catalog.yml": "apiVersion: apgar.dev/v1\nservices: [{name: a, tags: [http]}]\n",
		"waivers/a.yml": `apiVersion: apgar.dev/v1
waivers:
  - {id: good, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, service: a, rubric: http, check: latency}
  - {id: alone, reason: r, requester: a, approver: a, created: 2026-11-01, expires: 2026-12-01, service: a, rubric: http}
`,
		"waivers/b.yml": `apiVersion: apgar.dev/v1
waivers:
  - {id: vain, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, service: music/elsewhere, rubric: http, check: [latency, latencies]}
  - {id: old, reason: r, requester: a, approver: b, created: 2026-10-01, expires: 2026-11-01, service: a, rubric: grpc}
`,
	})
	require.Empty(t, problems)
	snapshot, _ := c.LoadCatalog()
	rubrics, _ := c.LoadRubrics(env)
	texts := func(problems []catalog.Problem) []string {
		var out []string
		for _, p := range problems {
			out = append(out, strings.ReplaceAll(p.Error(), c.Dir+"/", ""))
		}
		return out
	}
	set, problems := c.LoadWaivers(env)
	require.Equal(t, []string{
		"apgar.yml:1: warning: none/*.yml: no file matches: mend the path, or remove it",
		"apgar.yml:1: none.yml: no file matches: mend the path, or remove it",
		`waivers/a.yml:4: requester and approver of waiver "alone" are the same, a: let somebody else approve it`,
	}, texts(problems))
	require.Equal(t, 3, set.Len(), "every file is read once")
	at := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	w, ok := set.Of(snapshot.Services()[0]).For("http", "latency", at)
	require.True(t, ok)
	require.Equal(t, "good", w.ID)
	require.Equal(t, []string{
		`waivers/b.yml:3: waiver "vain" is about check "latencies", which rubric http does not have: did you mean "latency"?`,
		`waivers/b.yml:3: warning: waiver "vain" is for service music/elsewhere, which the catalog does not have: mend its name, or remove the waiver`,
		`waivers/b.yml:4: waiver "old" is about rubric "grpc", which is not loaded: there are http`,
		`waivers/b.yml:4: warning: waiver "old" has expired on 2026-11-01 and exempts nobody: remove it, or have it approved anew`,
	}, texts(ReviewWaivers(set, rubrics, snapshot.Services(), at)))
}

func TestWithoutWaiverFilesNobodyIsExempted(t *testing.T) {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	c, problems := Parse("apgar.yml", []byte("{}"))
	require.Empty(t, problems)
	set, problems := c.LoadWaivers(env)
	require.Empty(t, problems)
	require.NotNil(t, set)
	require.Zero(t, set.Len())
}
