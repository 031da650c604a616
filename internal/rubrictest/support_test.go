package rubrictest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const enough = time.Minute

// written writes files below a new folder, and returns the path of the first.
func written(t testing.TB, namesAndTexts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(namesAndTexts); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, namesAndTexts[i]), []byte(namesAndTexts[i+1]), 0o600))
	}
	return filepath.Join(dir, namesAndTexts[0])
}

// sound loads a test file that has no mistake.
func sound(t testing.TB, path string) *File {
	t.Helper()
	f, problems := Load(path)
	require.Empty(t, problems)
	return f
}

// run runs every test of a file and returns the failures, as they are shown.
func run(t testing.TB, f *File) string {
	t.Helper()
	var b strings.Builder
	for _, test := range f.Tests {
		outcome := f.Run(t.Context(), test, enough)
		for _, failure := range outcome.Failures {
			failure.Position.File = filepath.Base(failure.Position.File)
			failure.write(&b)
		}
	}
	return b.String()
}

// mistakes returns the problems of a file, without its folder.
func mistakes(t testing.TB, path string) string {
	t.Helper()
	f, problems := Load(path)
	require.Nil(t, f)
	for i := range problems {
		problems[i].Position.File = filepath.Base(problems[i].Position.File)
	}
	return catalog.Problems(problems).Error()
}
