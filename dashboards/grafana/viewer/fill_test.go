package viewer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/dashboards/grafana/viewer"
)

func board() *viewer.Dashboard {
	return &viewer.Dashboard{Variables: []viewer.Variable{
		{Name: "rubric", Type: "query"},
		{Name: "owner", Type: "query", Multi: true, IncludeAll: true, AllValue: ".*"},
		{Name: "system", Type: "query", Multi: true, IncludeAll: true},
		{Name: "search", Type: "textbox"},
	}}
}

func sixHours() viewer.Window {
	now := time.Unix(1_800_000_000, 0)
	return viewer.Window{From: now.Add(-6 * time.Hour), To: now, Width: 800, Scrape: 15 * time.Second}
}

func TestVariablesAreFilledInAsGrafanaFillsThem(t *testing.T) {
	chosen := viewer.Choices{
		"rubric": {Values: []string{"http"}},
		"owner":  {All: true, Offered: []string{"a", "b"}},
		"system": {All: true, Offered: []string{"x.y", `z\`}},
		"search": {Values: []string{`pay\d.*`}},
	}
	one, two := chosen.With("owner", "team.one"), chosen.With("owner", "team.one", "t|2")
	for name, c := range map[string]struct {
		query, filled string
		chosen        viewer.Choices
	}{
		"$name":                                 {`up{r="$rubric"}`, `up{r="http"}`, chosen},
		"${name}":                               {`up{r="${rubric}s"}`, `up{r="https"}`, chosen},
		"[[name]]":                              {`up{r="[[rubric]]s"}`, `up{r="https"}`, chosen},
		"[[name:format]]":                       {`up{r="[[rubric:raw]]"}`, `up{r="http"}`, chosen},
		"all, with a value of its own":          {`$owner ${owner:regex}`, `.* .*`, chosen},
		"all, as a list, escaped for a string":  {`"$system"`, `"(x\\.y|z\\\\)"`, chosen},
		"all, as a list, by format":             {`${system:regex} ${system:pipe}`, `(x\.y|z\\) x.y|z\`, chosen},
		"one of several":                        {`$owner ${owner:regex} ${owner:csv}`, `team\\.one team\.one team.one`, one},
		"two of several":                        {`$owner ${owner:pipe}`, `(team\\.one|t\\|2) team.one|t|2`, two},
		"one that is typed stays an expression": {`"$search"`, `"pay\\d.*"`, chosen},
		"intervals":                             {`[$__rate_interval] $__interval ${__range} $__range_s $__interval_ms`, `[60s] 30s 21600s 21600 30000`, chosen},
	} {
		t.Run(name, func(t *testing.T) {
			filled, err := board().Fill(c.query, c.chosen, sixHours())
			require.NoError(t, err)
			require.Equal(t, c.filled, filled)
		})
	}
	for _, query := range []string{"$nothing", "${rubric:sparkle}", "[[nothing]]"} {
		_, err := board().Fill(query, chosen, sixHours())
		require.Error(t, err, query)
	}
	require.Equal(t, chosen["owner"].Offered, two["owner"].Offered, "a copy knows what is offered")
	require.True(t, chosen["owner"].All, "the copy is one")
}

func TestIntervalsAreThoseOfGrafana(t *testing.T) {
	window := func(length time.Duration, width int) viewer.Window {
		w := sixHours()
		w.From, w.Width = w.To.Add(-length), width
		return w
	}
	for _, c := range []struct {
		window         viewer.Window
		interval, rate time.Duration
	}{
		{window(time.Hour, 1000), 15 * time.Second, time.Minute},
		{window(6*time.Hour, 800), 30 * time.Second, time.Minute},
		{window(24*time.Hour, 800), 2 * time.Minute, 135 * time.Second},
		{window(7*24*time.Hour, 1000), 10 * time.Minute, 615 * time.Second},
		{window(10*365*24*time.Hour, 10), 30 * 24 * time.Hour, 30*24*time.Hour + 15*time.Second},
	} {
		require.Equal(t, c.interval, c.window.Interval())
		require.Equal(t, c.rate, c.window.RateInterval())
	}
}
