package waiver

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestProblems holds what Load says about bad files against the golden files:
// "problems" is every message, in order, and "loads" what is left.
func TestProblems(t *testing.T) {
	paths, err := filepath.Glob("testdata/problems/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			set, found := Load(environment(t), inputs(archive)...)
			var problems, loads bytes.Buffer
			for _, p := range found {
				require.False(t, p.Warning)
				fmt.Fprintln(&problems, p.Error())
			}
			for _, w := range set.Waivers() {
				fmt.Fprintf(&loads, "waiver %s of %s from %s (%s), %s to %s\n", w.ID, w.Target, w.Rubric, strings.Join(w.Checks, ", "), day(w.Created), day(w.Expires))
			}
			golden(t, path, archive, map[string][]byte{"problems": problems.Bytes(), "loads": loads.Bytes()})
		})
	}
}

// inputs returns the waiver files of an archive.
func inputs(archive *txtar.Archive) []File {
	var files []File
	for _, f := range archive.Files {
		if filepath.Ext(f.Name) == ".yml" {
			files = append(files, File{Name: f.Name, Data: f.Data})
		}
	}
	return files
}

func environment(t testing.TB) *catalog.Env {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	return env
}

// golden holds sections of a golden file against what came out.
func golden(t *testing.T, path string, archive *txtar.Archive, got map[string][]byte) {
	t.Helper()
	for i, f := range archive.Files {
		content, ok := got[f.Name]
		if !ok {
			continue
		}
		if *update {
			archive.Files[i].Data = content
			continue
		}
		require.Equal(t, string(f.Data), string(content), "section %s of %s", f.Name, path)
	}
	if *update {
		require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
	}
}
