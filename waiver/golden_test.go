package waiver

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
	golden.Archives(t, archives, *update, func(t *testing.T, inputs []txtar.File) map[string]string {
		var files []File
		for _, f := range inputs {
			files = append(files, File{Name: f.Name, Data: f.Data})
		}
		var problems, loads strings.Builder
		set, found := Load(environment(t), files...)
		for _, p := range found {
			require.False(t, p.Warning)
			fmt.Fprintln(&problems, p.Error())
		}
		for _, w := range set.Waivers() {
			fmt.Fprintf(&loads, "waiver %s of %s from %s (%s), %s to %s\n", w.ID, w.Target, w.Rubric, strings.Join(w.Checks, ", "), day(w.Created), day(w.Expires))
		}
		return map[string]string{"problems": problems.String(), "loads": loads.String()}
	})
}

func environment(t testing.TB) *catalog.Env {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	return env
}
