package rubric

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/internal/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

const archives = "testdata/problems/*.txtar"

// TestProblems holds what Load says about bad files against the golden files:
// "problems" is every message, in order, and "loads" what is left.
func TestProblems(t *testing.T) {
	env, identities := environment(t)
	golden.Archives(t, archives, *update, func(_ *testing.T, inputs []txtar.File) map[string]string {
		var files []File
		for _, f := range inputs {
			files = append(files, File{Name: f.Name, Data: f.Data})
		}
		var problems, loads strings.Builder
		rubrics, found := Load(env, identities, files...)
		for _, p := range found {
			fmt.Fprintln(&problems, p.Error())
		}
		for _, r := range rubrics {
			fmt.Fprintf(&loads, "rubric %s with %d checks\n", r.Name, len(r.Checks))
		}
		return map[string]string{"problems": problems.String(), "loads": loads.String()}
	})
}

func environment(t testing.TB) (*catalog.Env, map[string]*Identity) {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := BuiltinIdentities(env)
	require.NoError(t, err)
	return env, identities
}
