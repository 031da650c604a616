package app_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/app"
)

// backtested is what the test reads of the report in JSON.
type backtested struct {
	From, To    time.Time
	Evaluations int
	Rubrics     []struct {
		Name     string
		Services int
		End      struct{ Before, After struct{ Levels []levelCount } }
		Losses   []struct {
			Service, Before, After string
			AtEnd                  bool `json:"at_end"`
			Share                  float64
			Checks                 []struct{ Check, Verdict, Message string }
		}
	}
	Cost struct {
		Before, After struct {
			Queries int
			Samples float64
		}
		Queries int
		Samples int64
	}
	Faults map[string][]string
}

type levelCount struct {
	Name  string
	Count int
}

// stricter writes the pack http with another bound for file descriptors, and a
// rubric that is new.
func stricter(t *testing.T) string {
	t.Helper()
	pack, err := os.ReadFile("../../rubric/packs/http.yml")
	require.NoError(t, err)
	text := strings.Replace(string(pack), "fail: 0.95", "fail: 0.8", 1)
	require.NotEqual(t, string(pack), text)
	text += `
  - name: queues
    checks:
      - {name: depth, value: {query: 'max by ($identity) (queue_depth)'}, pass: 10, fail: 20}
`
	path := filepath.Join(t.TempDir(), "stricter.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (w *world) backtest(t *testing.T, o app.BacktestOptions) (stdout, stderr string, err error) {
	t.Helper()
	var out, progress lockedBuffer
	o.ConfigFile, o.Logger, o.Out, o.Err = w.config, slog.New(slog.NewTextHandler(io.Discard, nil)), &out, &progress
	err = app.Backtest(t.Context(), o)
	return out.String(), progress.String(), err
}

// testBacktest tries a stricter rubric, under which exactly one service of the
// world has a lower level.
func (w *world) testBacktest(t *testing.T) {
	o := app.BacktestOptions{RubricFile: stricter(t), From: w.present.Add(-3 * time.Hour), To: w.present, Step: 15 * time.Minute, Output: "json"}
	stdout, stderr, err := w.backtest(t, o)
	require.NoError(t, err, stderr)
	require.Contains(t, stderr, "asked about the past: ")
	report := decode[backtested](t, []byte(stdout))
	require.Equal(t, w.present.Add(-3*time.Hour), report.From)
	require.Equal(t, w.present, report.To)
	require.Equal(t, 13, report.Evaluations)
	require.Empty(t, report.Faults)
	require.Len(t, report.Rubrics, 2)

	http := report.Rubrics[0]
	require.Equal(t, len(expectedHTTP()), http.Services)
	require.Len(t, http.Losses, 1)
	loss := http.Losses[0]
	require.Equal(t, []any{"default/pressed", "silver", "bronze", true, 1.0}, []any{loss.Service, loss.Before, loss.After, loss.AtEnd, loss.Share})
	require.Len(t, loss.Checks, 1)
	require.Equal(t, []string{"saturation", "fail"}, []string{loss.Checks[0].Check, loss.Checks[0].Verdict})
	require.Contains(t, loss.Checks[0].Message, "82 %: pass is at most 70 %")
	for i, before := range http.End.Before.Levels {
		moved := map[string]int{"silver": -1, "bronze": 1}[before.Name]
		require.Equal(t, levelCount{before.Name, before.Count + moved}, http.End.After.Levels[i])
	}
	require.Equal(t, "queues", report.Rubrics[1].Name)
	require.Empty(t, report.Rubrics[1].Losses, "where there was nothing, nothing is lost")

	// Events, buckets, descriptors, traffic and targets in two sources, and in
	// each the queue, which is new.
	require.Equal(t, []int{10, 12}, []int{report.Cost.Before.Queries, report.Cost.After.Queries})
	require.Greater(t, report.Cost.After.Samples, report.Cost.Before.Samples)
	perSource := 5*(31+7+1) + 2 + 3 // what is counted, its births, targets and scrapes: a month and a week by days, and the hour before; what is not, and all of it, once
	require.LessOrEqual(t, report.Cost.Queries, 2*(perSource+3), "each question is asked once for a span")

	o.Output = "table"
	stdout, _, err = w.backtest(t, o)
	require.NoError(t, err)
	require.Contains(t, stdout, "1 service has a lower level at the end\n  default/pressed  silver → bronze")
	o.Output = "html"
	stdout, _, err = w.backtest(t, o)
	require.NoError(t, err)
	require.Contains(t, stdout, "1 of 19 services with a lower level at the end")
	require.Contains(t, stdout, "default/pressed")
}

// testBacktestMistakes has spans and files that cannot be backtested.
func (w *world) testBacktestMistakes(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.yml")
	require.NoError(t, os.WriteFile(broken, []byte("rubrics:\n  - name: http\n    checks: [{name: a}]\n"), 0o600))
	for want, change := range map[string]func(*app.BacktestOptions){
		"broken.yml:3: ": func(o *app.BacktestOptions) { o.RubricFile = broken },
		"reading the rubric nowhere.yml: reading the file: no such file or directory":       func(o *app.BacktestOptions) { o.RubricFile = "nowhere.yml" },
		"a step of 7m0s is neither the evaluation_interval 2s nor a multiple of 5m":         func(o *app.BacktestOptions) { o.Step = 7 * time.Minute },
		"it is in the future, and no source has its data yet":                               func(o *app.BacktestOptions) { o.To = w.present.Add(24 * time.Hour) },
		"the end is before the beginning: swap them":                                        func(o *app.BacktestOptions) { o.From, o.To = o.To, o.From },
		"takes 1296001 evaluations, but at most 50000 are made: give a shorter span, or --": func(o *app.BacktestOptions) { o.Step, o.From = 2*time.Second, o.To.Add(-30*24*time.Hour) },
	} {
		o := app.BacktestOptions{RubricFile: stricter(t), From: w.present.Add(-3 * time.Hour), To: w.present, Step: 5 * time.Minute, Output: "table"}
		change(&o)
		stdout, _, err := w.backtest(t, o)
		require.ErrorContains(t, err, want)
		require.Empty(t, stdout)
	}
}
