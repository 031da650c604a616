package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/dashboards/grafana"
	"github.com/apgarhq/apgar/dashboards/grafana/viewer"
	"github.com/apgarhq/apgar/exporter"
	"github.com/apgarhq/apgar/internal/app"
)

// demoScrape is how often the demo's Prometheus servers scrape.
const demoScrape = 15 * time.Second

// TestEveryQueryOfTheFleetDashboardIsAnsweredWithDataByTheDemo looks at the
// dashboard as Grafana does, with the Prometheus that scrapes Apgar.
func TestEveryQueryOfTheFleetDashboardIsAnsweredWithDataByTheDemo(t *testing.T) {
	t.Parallel()
	board, err := grafana.Fleet()
	require.NoError(t, err)
	file, err := os.ReadFile("../../dashboards/grafana/" + board.File)
	require.NoError(t, err)
	dashboard, err := viewer.Read(file)
	require.NoError(t, err)
	v := &viewer.Viewer{Dashboard: dashboard, URL: startDemo(t, 24) + "/platform", Client: &http.Client{Timeout: 20 * time.Second}}
	v.Window = scraped(t, v)

	everything, err := v.Open(t.Context())
	require.NoError(t, err)
	look := &look{viewer: v, board: board}
	t.Run("with all values of every variable", func(t *testing.T) { look.all(t, everything) })
	for _, c := range look.chosen(t, everything) {
		t.Run("with "+c.variable+" "+strings.Join(c.values, " and "), func(t *testing.T) {
			look.all(t, everything.With(c.variable, c.values...))
		})
	}
	t.Run("a search that finds nothing is no error", func(t *testing.T) { look.nothing(t, everything.With("search", "no such service")) })
}

// startDemo runs the demo until the test ends and returns the address of its
// Prometheus servers.
func startDemo(t *testing.T, services int) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, log lockedBuffer
	ended := make(chan error, 1)
	go func() {
		ended <- app.Demo(ctx, app.DemoOptions{
			Services: services, Seed: 1, PrometheusAddress: "127.0.0.1:0",
			Web: app.Web{ListenAddress: "127.0.0.1:0"}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Out: &out,
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	address := regexp.MustCompile(`Prometheus +(http://\S+)/ `)
	eventually(t, time.Minute, func() (bool, string) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the demo ended instead of serving: %v\n%s", err, log.String())
		default:
		}
		return address.MatchString(out.String()), "the demo has not told its addresses: " + out.String()
	})
	return address.FindStringSubmatch(out.String())[1]
}

// scraped waits until the scorecards and the process have been scraped often
// enough for a rate and a change at the newest step, and returns the window
// that a wide panel of Grafana shows then.
func scraped(t *testing.T, v *viewer.Viewer) viewer.Window {
	t.Helper()
	// The process counts its first answer once it has given it.
	for _, metric := range []string{exporter.Score, collector.Commits, promapi.Queries, api.Requests} {
		eventually(t, 75*time.Second, func() (bool, string) {
			v.Window = newestWindow()
			v.Window.To = v.Window.To.Truncate(v.Window.Interval())
			answer, err := v.Query(t.Context(), fmt.Sprintf(`max(count_over_time(%s[10m]))`, metric), true)
			if err != nil || len(answer) == 0 {
				return false, fmt.Sprintf("%s has not been scraped: %v", metric, err)
			}
			return answer[0].Values[0] >= 2, fmt.Sprintf("%s has been scraped %g times", metric, answer[0].Values[0])
		})
	}
	return newestWindow()
}

// newestWindow is the window that a wide panel of Grafana shows by default.
func newestWindow() viewer.Window {
	now := time.Now()
	return viewer.Window{From: now.Add(-6 * time.Hour), To: now, Width: 1500, Scrape: demoScrape}
}

// look sends the queries of a dashboard.
type look struct {
	viewer *viewer.Viewer
	board  *grafana.Board
}

// choice is what is chosen for one variable.
type choice struct {
	variable string
	values   []string
}

// chosen returns one value for each variable, and two where several can be
// chosen.
func (l *look) chosen(t *testing.T, everything viewer.Choices) []choice {
	var list []choice
	for _, v := range l.viewer.Dashboard.Variables {
		if v.Type != "query" {
			continue
		}
		offered := everything[v.Name].Offered
		require.NotEmpty(t, offered, "the values of %s", v.Name)
		list = append(list, choice{v.Name, offered[len(offered)-1:]})
		if v.Multi && len(offered) > 1 {
			list = append(list, choice{v.Name, offered[:2]})
		}
	}
	require.GreaterOrEqual(t, len(list), 8)
	return list
}

// all sends every query of every panel. What has no data, and is not excused
// by the dashboard, is looked at again for a minute, later and later: on a busy
// machine a scrape may have been missed.
func (l *look) all(t *testing.T, chosen viewer.Choices) {
	for _, p := range l.viewer.Dashboard.Panels() {
		for _, target := range p.Targets {
			eventually(t, time.Minute, func() (bool, string) {
				l.viewer.Window = newestWindow()
				return l.answered(t, p, target, chosen)
			})
		}
	}
}

// answered reports whether a query has data, or rightly none.
func (l *look) answered(t *testing.T, p viewer.Panel, target viewer.Target, chosen viewer.Choices) (bool, string) {
	expr, err := l.viewer.Dashboard.Fill(target.Expr, chosen, l.viewer.Window)
	require.NoError(t, err, "%s, query %s", p.Title, target.RefID)
	_, err = l.viewer.Query(t.Context(), expr, target.Instant)
	require.NoError(t, err, "%s, query %s", p.Title, target.RefID)
	answer, err := l.viewer.Query(t.Context(), recent(t, expr), target.Instant)
	require.NoError(t, err, "%s, query %s", p.Title, target.RefID)
	if hasNumber(answer) {
		return true, ""
	}
	for _, e := range l.board.MayBeEmpty {
		if e.Panel != p.Title || e.RefID != target.RefID {
			continue
		}
		unless, err := l.viewer.Dashboard.Fill(e.Unless, chosen, l.viewer.Window)
		require.NoError(t, err)
		answer, err := l.viewer.Query(t.Context(), unless, true)
		require.NoError(t, err)
		return len(answer) == 0, fmt.Sprintf("%s, query %s has no data, though it is not that %s: %s", p.Title, target.RefID, e.Reason, expr)
	}
	return false, fmt.Sprintf("%s, query %s has no data: %s", p.Title, target.RefID, expr)
}

// hasNumber reports whether there is anything to draw.
func hasNumber(answer []viewer.Series) bool {
	return slices.ContainsFunc(answer, func(s viewer.Series) bool {
		return slices.ContainsFunc(s.Values, func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) })
	})
}

// nothing sends every query and accepts that there is no answer.
func (l *look) nothing(t *testing.T, chosen viewer.Choices) {
	for _, p := range l.viewer.Dashboard.Panels() {
		for _, target := range p.Targets {
			_, err := l.viewer.Ask(t.Context(), target, chosen)
			require.NoError(t, err, "%s, query %s", p.Title, target.RefID)
		}
	}
}

// recent makes a query that looks back an hour look back one scrape, for the
// demo has not been scraped for longer.
func recent(t *testing.T, expr string) string {
	t.Helper()
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err)
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && selector.OriginalOffset > 0 {
			selector.OriginalOffset = demoScrape
		}
		return nil
	})
	return tree.String()
}
