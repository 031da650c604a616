package config

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/waiver"
)

// TestTheExamplesAreSound holds that the files we tell people to copy load
// without a word, and that each service gets what the example promises.
func TestTheExamplesAreSound(t *testing.T) {
	c, problems := Load("../../examples/apgar.yml")
	require.Empty(t, problems)
	snapshot, problems := c.LoadCatalog()
	require.Empty(t, problems)
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	rubrics, problems := c.LoadRubrics(env)
	require.Empty(t, problems)
	require.Empty(t, rubric.CheckOverrides(rubrics, snapshot.Services()))
	graded := map[string][]string{}
	for _, r := range rubrics {
		for _, s := range snapshot.Services() {
			applies, err := r.AppliesTo.Eval(s)
			require.NoError(t, err)
			if applies {
				graded[r.Name] = append(graded[r.Name], s.ID.Name)
			}
		}
		for _, check := range r.Checks {
			require.NotEmpty(t, check.Why, check.Name)
			require.NotEmpty(t, check.Fix, check.Name)
		}
	}
	require.Equal(t, map[string][]string{"selfmonitoring": {"apgar", "prometheus"}, "prometheus-http": {"prometheus"}}, graded)
	identities, _ := c.LoadIdentities(env)
	require.Empty(t, identities["job"].Index(snapshot.Services()).Unidentified())
}

// TestTheExampleWaiversAreSound holds that they name what the other examples
// have. Time has no say in it: they are looked at on the day they begin.
func TestTheExampleWaiversAreSound(t *testing.T) {
	const path = "../../examples/waivers/observability.yml"
	c, _ := Load("../../examples/apgar.yml")
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	rubrics, _ := c.LoadRubrics(env)
	snapshot, _ := c.LoadCatalog()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	set, problems := waiver.Load(env, waiver.File{Name: path, Data: data})
	require.Empty(t, problems)
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	require.Empty(t, ReviewWaivers(set, rubrics, snapshot.Services(), begin))
	exempted := map[string][]string{}
	for _, s := range snapshot.Services() {
		for _, r := range rubrics {
			for _, check := range r.Checks {
				if w, ok := set.Of(s).For(r.Name, check.Name, begin); ok {
					exempted[w.ID] = append(exempted[w.ID], s.ID.Name+" "+check.Name)
				}
			}
		}
	}
	require.Equal(t, map[string][]string{
		"prometheus-slow-start": {"prometheus latency"},
		"observability-move":    {"apgar scrape-duration", "apgar restarts", "prometheus scrape-duration", "prometheus restarts"},
	}, exempted)
}
