package catalog

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestProblems holds what Parse and Merge say about bad files against the
// golden files: input.yml is parsed, "problems" is every message, in order, and
// "loads" what is left.
func TestProblems(t *testing.T) {
	paths, err := filepath.Glob("testdata/problems/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			var docs []Document
			var problems, loads bytes.Buffer
			for _, f := range archive.Files {
				if filepath.Ext(f.Name) != ".yml" {
					continue
				}
				doc, found := Parse(f.Name, f.Data)
				docs = append(docs, doc)
				printProblems(&problems, found)
			}
			snapshot, found := Merge(docs...)
			printProblems(&problems, found)
			for _, s := range snapshot.Services() {
				fmt.Fprintf(&loads, "service %s tier=%d owner=%s system=%s domain=%s links=%v relations=%v\n",
					s.ID, s.Tier, s.Owner, s.System, s.Domain, s.Links, s.Relations)
			}
			for _, e := range snapshot.Entities() {
				fmt.Fprintf(&loads, "%s %s owner=%s domain=%s parent=%s relations=%v\n", e.Kind, e.ID, e.Owner, e.Domain, e.Parent, e.Relations)
			}
			compare(t, path, archive, map[string][]byte{"problems": problems.Bytes(), "loads": loads.Bytes()})
		})
	}
}

func printProblems(out *bytes.Buffer, problems []Problem) {
	for _, p := range problems {
		fmt.Fprintln(out, p.Error())
	}
}

// compare holds sections of a golden file against what came out.
func compare(t *testing.T, path string, archive *txtar.Archive, got map[string][]byte) {
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
