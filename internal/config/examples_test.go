package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
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
