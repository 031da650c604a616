package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

// tree writes files, by their paths below a new directory, which it returns.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	base := t.TempDir()
	for _, name := range files {
		path := filepath.Join(base, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		service := strings.ReplaceAll(strings.TrimSuffix(name, filepath.Ext(name)), "/", "-")
		service = strings.TrimLeft(strings.ReplaceAll(service, ".", ""), "-")
		require.NoError(t, os.WriteFile(path, []byte("apiVersion: apgar.dev/v1\nservices: [{name: "+service+"}]\n"), 0o600))
	}
	return base
}

// expanded returns the matches relative to base.
func expanded(t *testing.T, base string, patterns ...string) ([]string, []catalog.Problem) {
	t.Helper()
	paths, problems := Expand(patterns, base)
	for i, p := range paths {
		rel, err := filepath.Rel(base, p)
		require.NoError(t, err)
		paths[i] = filepath.ToSlash(rel)
	}
	return paths, problems
}

func TestPatternsNameFilesInAFixedOrder(t *testing.T) {
	base := tree(t, "b.yml", "a.yaml", "c.txt", "x/d.yml", "x/y/e.yml", "x/y/f.YML", ".hidden/g.yml", ".h.yml", "x/.i.yml", "z/j.yml")
	for name, tt := range map[string]struct {
		patterns []string
		want     []string
	}{
		"a file":                       {[]string{"b.yml"}, []string{"b.yml"}},
		"a file of any extension":      {[]string{"c.txt"}, []string{"c.txt"}},
		"a hidden file that is named":  {[]string{".h.yml"}, []string{".h.yml"}},
		"a directory":                  {[]string{"x"}, []string{"x/d.yml", "x/y/e.yml", "x/y/f.YML"}},
		"the base":                     {[]string{"."}, []string{"a.yaml", "b.yml", "x/d.yml", "x/y/e.yml", "x/y/f.YML", "z/j.yml"}},
		"a star":                       {[]string{"*.yml"}, []string{"b.yml"}},
		"a star with a dot before":     {[]string{".*.yml"}, []string{".h.yml"}},
		"a star for a directory":       {[]string{"*/*.yml"}, []string{"x/d.yml", "z/j.yml"}},
		"directories that match":       {[]string{"[xz]"}, []string{"x/d.yml", "x/y/e.yml", "x/y/f.YML", "z/j.yml"}},
		"two stars":                    {[]string{"**/*.yml"}, []string{"b.yml", "x/d.yml", "x/y/e.yml", "z/j.yml"}},
		"two stars below a directory":  {[]string{"x/**/*.yml"}, []string{"x/d.yml", "x/y/e.yml"}},
		"two stars at the end":         {[]string{"x/**"}, []string{"x/d.yml", "x/y/e.yml", "x/y/f.YML"}},
		"a file that several name":     {[]string{"z", "*.yml", "b.yml", "**/j.yml"}, []string{"z/j.yml", "b.yml"}},
		"a path with dots":             {[]string{"x/../b.y?l"}, []string{"b.yml"}},
		"the patterns give the order":  {[]string{"z/*.yml", "a.yaml"}, []string{"z/j.yml", "a.yaml"}},
		"an absolute path":             {[]string{filepath.Join(base, "b.yml")}, []string{"b.yml"}},
		"an absolute path with a star": {[]string{filepath.Join(base, "*.yaml")}, []string{"a.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := expanded(t, base, tt.patterns...)
			require.Empty(t, problems)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestAPatternThatMatchesNothingIsAProblem(t *testing.T) {
	base := tree(t, "a.yml")
	require.NoError(t, os.Mkdir(filepath.Join(base, "empty"), 0o755))
	for _, pattern := range []string{"none.yml", "*.json", "empty", "none/*.yml", "a.yml/*.yml", "**/none.yml"} {
		_, problems := Expand([]string{pattern}, base)
		require.Len(t, problems, 1, pattern)
		require.Equal(t, filepath.Join(base, pattern)+": no file matches: mend the path, or remove it", problems[0].Error())
	}
	_, problems := Expand([]string{"[a"}, base)
	require.Contains(t, problems[0].Error(), "close its brackets")
}

// TestAMountedConfigMapIsReadOnce builds what Kubernetes mounts: links to files
// through a hidden link to a hidden directory.
func TestAMountedConfigMapIsReadOnce(t *testing.T) {
	base := tree(t, "..2026_11_23/services.yml")
	require.NoError(t, os.Symlink("..2026_11_23", filepath.Join(base, "..data")))
	require.NoError(t, os.Symlink("..data/services.yml", filepath.Join(base, "services.yml")))
	for _, pattern := range []string{".", "*.yml", "**/*.yml", "services.yml"} {
		docs, problems := Load([]string{pattern}, base)
		require.Empty(t, problems, pattern)
		require.Len(t, docs, 1, pattern)
		require.Len(t, docs[0].Services, 1)
	}
	link := filepath.Join(t.TempDir(), "mounted")
	require.NoError(t, os.Symlink(base, link))
	paths, problems := Expand([]string{link}, "")
	require.Empty(t, problems)
	require.Equal(t, []string{filepath.Join(link, "services.yml")}, paths)
}

func TestLinkedDirectoriesAreNotFollowedInCircles(t *testing.T) {
	base := tree(t, "x/a.yml")
	require.NoError(t, os.Symlink("..", filepath.Join(base, "x", "up")))
	for _, pattern := range []string{"x", "**/*.yml", "x/**"} {
		got, problems := expanded(t, base, pattern)
		require.Empty(t, problems)
		require.Equal(t, []string{"x/a.yml"}, got, pattern)
	}
}

func TestAFileThatCannotBeReadIsAProblemAndTheOthersLoad(t *testing.T) {
	base := tree(t, "a.yml", "b.yml")
	require.NoError(t, os.Symlink("nowhere", filepath.Join(base, "gone.yml")))
	require.NoError(t, os.WriteFile(filepath.Join(base, "big.yml"), make([]byte, catalog.MaxFileBytes+1), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(base, "bad.yml"), []byte("a: ["), 0o600))
	docs, problems := Load([]string{"."}, base)
	var texts []string
	for _, p := range problems {
		texts = append(texts, strings.ReplaceAll(p.Error(), base, ""))
	}
	require.Equal(t, []string{
		"/bad.yml:1: this is no valid YAML: did not find expected node content: write a value, in quotes if it starts with a bracket or a comma, or close the bracket",
		"/big.yml: the file has 4194305 bytes, but at most 4194304 are read: split it into several files",
		"/gone.yml: reading the file: no such file or directory",
	}, texts)
	snapshot, _ := catalog.Merge(docs...)
	require.Equal(t, 2, snapshot.Len())
	_, err := Read(base)
	require.ErrorContains(t, err, "it is a directory")
	_, err = Read(os.DevNull)
	require.ErrorContains(t, err, "a device, pipe or socket")
}

func TestOfOptionalFilesAGlobMayMatchNone(t *testing.T) {
	base := filepath.Join(t.TempDir(), "odd[1]") // what the name of the folder holds does not matter
	paths, problems := ExpandOptional([]string{"none/*.yml", "gone.yml"}, base)
	require.Empty(t, paths)
	require.Len(t, problems, 2)
	require.Equal(t, []bool{true, false}, []bool{problems[0].Warning, problems[1].Warning})
	_, problems = Expand([]string{"none/*.yml"}, base)
	require.Len(t, problems, 1)
	require.False(t, problems[0].Warning)
}
