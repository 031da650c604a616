package app_test

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/app"
)

const examples = "../../examples"

func TestTheExamplesAreWithoutMistakes(t *testing.T) {
	var out lockedBuffer
	err := app.CheckConfig(t.Context(), app.CheckOptions{
		Files: []string{filepath.Join(examples, "apgar.yml")}, Logger: slog.New(slog.DiscardHandler), Out: &out,
	})
	require.NoError(t, err, out.String())
	require.NotContains(t, out.String(), "warning")
	rubrics, err := filepath.Glob(filepath.Join(examples, "rubrics", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, rubrics)
	require.NoError(t, app.CheckRubrics(t.Context(), app.CheckOptions{Files: rubrics, Out: &out}), out.String())
}

// TestTheExamplesScoreARealPrometheus follows the examples as a newcomer
// would, on other ports.
func TestTheExamplesScoreARealPrometheus(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	dir := t.TempDir()
	p := newPrometheus(t, "", t.TempDir())
	p.config = filepath.Join(dir, "prometheus.yml")
	copyExamples(t, dir, strings.NewReplacer("127.0.0.1:9090", p.address, "127.0.0.1:8484", address))
	p.start(t)
	s := serve(t, filepath.Join(dir, "apgar.yml"), address)
	eventually(t, 90*time.Second, func() (bool, string) {
		status, body := fetch(t, s.url+"/api/v1/scorecards?status=scored")
		if status != 200 {
			return false, string(body)
		}
		return len(decode[struct{ Items []card }](t, body).Items) > 0, "nothing has a score"
	})
	require.NoError(t, s.stop())
	require.NotContains(t, s.log.String(), `"level":"ERROR"`)
}

// copyExamples copies the examples and rewrites them.
func copyExamples(t *testing.T, to string, rewrite *strings.Replacer) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(examples)))
	require.NoError(t, filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(rewrite.Replace(string(text))), 0o600)
	}))
}
