package app_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/app"
)

// world is the synthetic world, served by two real Prometheus servers, and the
// configuration that reads it.
type world struct {
	present    time.Time // a slot boundary
	config     string
	west, east *prometheus
}

// TestApgarAgainstARealPrometheus runs the program's commands against data
// whose grades are known beforehand.
func TestApgarAgainstARealPrometheus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("evaluate grades as the grading rules say", w.testEvaluate)
	t.Run("evaluate between two slots takes windows that end at the tick", w.testEvaluateBetweenSlots)
	t.Run("evaluate says the same of the same instant, byte for byte", w.testEvaluateRepeats)
	t.Run("evaluate prints a table for people", w.testEvaluateTable)
	t.Run("evaluate goes on without a source and says which", w.testEvaluateWithoutASource)
	t.Run("check --online tells what the sources have", w.testCheckOnline)
	t.Run("backtest names who loses a level under a stricter rubric", w.testBacktest)
	t.Run("backtest refuses what it cannot replay", w.testBacktestMistakes)
	t.Run("serve goes on when a source dies, and recovers with it", w.testServe)
}

const noScraping = "global: {scrape_interval: 15s}\n"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{present: time.Now().UTC().Truncate(5 * time.Minute)}
	beings := [][]being{west(), east()}
	data := make([]string, len(beings))
	for i := range beings {
		data[i] = writeBlocks(t, w.present, beings[i])
	}
	w.west, w.east = newPrometheus(t, noScraping, data[0]), newPrometheus(t, noScraping, data[1])
	w.west.start(t)
	w.east.start(t)
	w.config = w.writeConfig(t, w.west.url(), w.east.url())
	return w
}

// writeConfig writes a configuration with two sources and returns its path.
func (w *world) writeConfig(t *testing.T, west, east string) string {
	t.Helper()
	dir, err := filepath.Abs("testdata/e2e")
	require.NoError(t, err)
	text := fmt.Sprintf(`global: {evaluation_interval: 2s, query_delay: 1s, query_timeout: 2s}
sources:
  - name: west
    replicas: [{url: %q}]
  - name: east
    replicas: [{url: %q}]
catalog: {files: [%q]}
rubrics: {packs: [http], files: [%q]}
`, west, east, filepath.Join(dir, "catalog.yml"), filepath.Join(dir, "edges.yml"))
	path := filepath.Join(t.TempDir(), "apgar.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// parts are what the sources see of a service.
func parts(name string) []being {
	var out []being
	for _, b := range append(west(), east()...) {
		if b.name == name {
			out = append(out, b)
		}
	}
	return out
}

func (w *world) evaluate(t *testing.T, o app.EvaluateOptions) (stdout, stderr string, err error) {
	t.Helper()
	var out, progress lockedBuffer
	if o.ConfigFile == "" {
		o.ConfigFile = w.config
	}
	o.Logger, o.Out, o.Err = slog.New(slog.NewTextHandler(io.Discard, nil)), &out, &progress
	err = app.Evaluate(t.Context(), o)
	return out.String(), progress.String(), err
}
