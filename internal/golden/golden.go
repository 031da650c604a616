// Package golden holds code against files: loaders against archives in the form
// of txtar, in which what goes in and what comes out of it stand side by side,
// what is generated against what is committed, and pages against what they say.
package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// Archives plays each archive that matches a pattern. run gets its *.yml files,
// in order, and returns what came out, by name of the section that holds it. With
// update, these sections are written anew instead of being compared.
func Archives(t *testing.T, pattern string, update bool, run func(t *testing.T, inputs []txtar.File) map[string]string) {
	t.Helper()
	for _, path := range matches(t, pattern) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive := read(t, path)
			got := run(t, inputs(archive))
			for i, f := range archive.Files {
				content, ok := got[f.Name]
				if !ok {
					continue
				}
				delete(got, f.Name)
				if update {
					archive.Files[i].Data = []byte(content)
				} else {
					require.Equal(t, string(f.Data), content, "section %s of %s", f.Name, path)
				}
			}
			require.Empty(t, got, "%s has no section for this: add an empty one", path)
			if update {
				require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
			}
		})
	}
}

// File holds a file against what it must have. With update it is written anew.
func File(t *testing.T, path string, update bool, content string) {
	t.Helper()
	if update {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		return
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err, "write it with -update")
	require.Equal(t, string(data), content, "%s is not what it must be: write it anew with -update", path)
}

// Inputs returns the *.yml files of all archives that match a pattern: a fuzz
// test begins with them.
func Inputs(t testing.TB, pattern string) []txtar.File {
	t.Helper()
	var all []txtar.File
	for _, path := range matches(t, pattern) {
		all = append(all, inputs(read(t, path))...)
	}
	return all
}

func matches(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func read(t testing.TB, path string) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	return archive
}

func inputs(archive *txtar.Archive) []txtar.File {
	var files []txtar.File
	for _, f := range archive.Files {
		if filepath.Ext(f.Name) == ".yml" {
			files = append(files, f)
		}
	}
	return files
}
