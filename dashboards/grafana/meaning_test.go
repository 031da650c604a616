package grafana_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/dashboards/grafana/viewer"
)

// fleetOfFive is scraped every 10 minutes from two instances of Apgar. Its
// present is at 25 h.
const fleetOfFive = `load 10m
  apgar_score{rubric="http", service_namespace="default", service="a", instance="1"} 90x150
  apgar_score{rubric="http", service_namespace="default", service="a", instance="2"} 90x150
  apgar_score{rubric="other", service_namespace="default", service="a", instance="1"} 1x150
  apgar_score{rubric="http", service_namespace="default", service="b", instance="1"} 70x6 80x138 50x4
  apgar_score{rubric="http", service_namespace="default", service="c", instance="1"} _x147 85x3
  apgar_score{rubric="http", service_namespace="default", service="d", instance="1"} 77x130 stale _x10
  apgar_coverage_ratio{rubric="http", service_namespace="default", service="a", instance="1"} 1x150
  apgar_coverage_ratio{rubric="http", service_namespace="default", service="a", instance="2"} 1x150
  apgar_coverage_ratio{rubric="http", service_namespace="default", service="b", instance="1"} 0.9x150
  apgar_coverage_ratio{rubric="http", service_namespace="default", service="c", instance="1"} 1x150
  apgar_coverage_ratio{rubric="http", service_namespace="default", service="d", instance="1"} 0.5x150
  apgar_level{rubric="http", service_namespace="default", service="a", instance="1"} 2x150
  apgar_level{rubric="http", service_namespace="default", service="b", instance="1"} 0x150
  apgar_level{rubric="http", service_namespace="default", service="c", instance="1"} 2x150
  apgar_scorecard_data_timestamp_seconds{rubric="http", service_namespace="default", service="a", instance="1"} 0+600x150
  apgar_scorecard_data_timestamp_seconds{rubric="http", service_namespace="default", service="b", instance="1"} 0+600x150
  apgar_scorecard_data_timestamp_seconds{rubric="http", service_namespace="default", service="c", instance="1"} 0+600x150
  apgar_scorecard_data_timestamp_seconds{rubric="http", service_namespace="default", service="d", instance="1"} 0+600x150
  apgar_scorecard_data_timestamp_seconds{rubric="http", service_namespace="default", service="e", instance="1"} -60+600x150
  apgar_check_credit_ratio{rubric="http", service_namespace="default", service="a", check="availability", instance="1"} 1x150
  apgar_check_credit_ratio{rubric="http", service_namespace="default", service="a", check="availability", instance="2"} 1x150
  apgar_check_credit_ratio{rubric="http", service_namespace="default", service="b", check="availability", instance="1"} 0x150
  apgar_check_credit_ratio{rubric="http", service_namespace="default", service="c", check="availability", instance="1"} 0.5x150
  apgar_check_credit_ratio{rubric="http", service_namespace="default", service="c", check="latency", instance="1"} 1x150
  apgar_error_budget_remaining_ratio{rubric="http", service_namespace="default", service="a", check="availability", instance="1"} 0.75x150
  apgar_error_budget_remaining_ratio{rubric="http", service_namespace="default", service="b", check="availability", instance="1"} -0.5x150
  apgar_service_info{service_namespace="default", service="a", owner="x", system="s", tier="1", lifecycle="production", instance="1"} 1x150
  apgar_service_info{service_namespace="default", service="a", owner="x", system="s", tier="1", lifecycle="production", instance="2"} 1x150
  apgar_service_info{service_namespace="default", service="b", owner="x", system="s", tier="2", lifecycle="production", instance="1"} 1x150
  apgar_service_info{service_namespace="default", service="c", owner="", system="s", tier="", lifecycle="production", instance="1"} 1x150
  apgar_service_info{service_namespace="default", service="d", owner="y", system="r", tier="4", lifecycle="experimental", instance="1"} 1x150
  apgar_service_info{service_namespace="default", service="e", owner="y", system="r", tier="1", lifecycle="production", instance="1"} 1x150
  apgar_source_queries_total{source="west", result="ok", instance="1"} 0+600x150
  apgar_source_queries_total{source="east", result="ok", instance="1"} 0+300x150
  apgar_source_queries_total{source="east", result="timeout", instance="1"} 0+300x150
  apgar_source_queries_total{source="south", result="timeout", instance="1"} 0+600x150
`

func TestQueriesMeanWhatTheirPanelsSay(t *testing.T) {
	w := newWorld(t, fleetOfFive)
	for _, c := range []struct {
		panel, query string
		answer       map[string]float64 // by label values, sorted by label name
	}{
		{"Services graded", "A", map[string]float64{"": 5}},
		{"Mean score", "A", map[string]float64{"": (4*90.0 + 3*50 + 85) / 8}},
		{"Below 60", "A", map[string]float64{"": 1}},
		{"Without a score", "A", map[string]float64{"": 1}},
		{"Covered by data", "A", map[string]float64{"": (4 + 3*0.9 + 1 + 0.5) / 9}},
		{"Age of the data", "A", map[string]float64{"": 0}},
		{"Services by level", "A", map[string]float64{"0": 1, "2": 2}},
		{"Services by grade", "A", map[string]float64{"": 1}},
		{"Services by grade", "B", map[string]float64{"": 1}},
		{"Services by grade", "C", map[string]float64{"": 0}},
		{"Services by grade", "D", map[string]float64{"": 0}},
		{"Services by grade", "E", map[string]float64{"": 1}},
		{"Services by grade", "F", map[string]float64{"": 1}},
		{"Scores", "B", map[string]float64{"": 85}},
		{"Worst services", "A", map[string]float64{"x b default s 2": 50, "c default s": 85, "x a default s 1": 90}},
		{"Worst services", "B", map[string]float64{"b default": -30, "a default": 0}},
		{"Worst services", "C", map[string]float64{"b default": -20, "a default": 0}},
		{"Worst services", "D", map[string]float64{"b default": 0.9, "c default": 1, "a default": 1}},
		{"Worst services", "E", map[string]float64{"b default": 0, "c default": 2, "a default": 2}},
		{"Services without a score", "A", map[string]float64{"y d default": 0.5}},
		{"Services without a score", "B", map[string]float64{"d default": 77}},
		{"Checks", "A", map[string]float64{"availability": 0.5, "latency": 1}},
		{"Checks", "B", map[string]float64{"availability": 1, "latency": 0}},
		{"Checks", "C", map[string]float64{"availability": 2, "latency": 0}},
		{"Checks", "D", map[string]float64{"availability": 3, "latency": 1}},
		{"Lowest error budgets", "A", map[string]float64{"availability x b default": -0.5, "availability x a default": 0.75}},
		{"Budgets spent", "A", map[string]float64{"": 1}},
		{"Lowest budget", "A", map[string]float64{"": -0.5}},
		{"By owner", "A", map[string]float64{"x": (4*90.0 + 3*50) / 7, "(none)": 85}},
		{"By owner", "B", map[string]float64{"x": (4 + 3*0.9) / 7, "(none)": 1, "y": 0.5}},
		{"By owner", "C", map[string]float64{"x": 2, "(none)": 1, "y": 2}},
		{"By owner", "D", map[string]float64{"x": 0, "(none)": 0, "y": 1}},
		{"By tier", "C", map[string]float64{"1": 2, "2": 1, "(none)": 1, "4": 1}},
		{"Queries that fail", "A", map[string]float64{"west": 0, "east": 0.5, "south": 1}},
	} {
		require.InDeltaMapValues(t, c.answer, w.ask(t, c.panel, c.query, everything()), 1e-9, "%s, query %s", c.panel, c.query)
	}
}

func TestVariablesNarrowWhatIsShown(t *testing.T) {
	w := newWorld(t, fleetOfFive)
	for _, c := range []struct {
		variable string
		values   []string
		graded   float64
	}{
		{"owner", []string{"y"}, 2},
		{"owner", []string{"x", "y"}, 4},
		{"system", []string{"r"}, 2},
		{"tier", []string{"1", "2"}, 3},
		{"lifecycle", []string{"experimental"}, 1},
		{"search", []string{"a|b"}, 2},
		{"search", []string{"[cd]$"}, 2},
	} {
		graded := w.ask(t, "Services graded", "A", everything().With(c.variable, c.values...))
		require.Equal(t, map[string]float64{"": c.graded}, graded, "%s %v", c.variable, c.values)
	}
	require.Equal(t, map[string]float64{"": 1}, w.ask(t, "Mean score", "A", everything().With("rubric", "other")))
	narrowed := w.ask(t, "Mean score", "A", everything().With("search", "a|c"))
	require.InDeltaMapValues(t, map[string]float64{"": (4*90.0 + 85) / 5}, narrowed, 1e-9) // series are added up in any order
}

// One instance may have read a newer catalog than the other.
func TestTwoOwnersOfAServiceAreNoError(t *testing.T) {
	w := newWorld(t, fleetOfFive+`  apgar_service_info{service_namespace="default", service="b", owner="z", system="s", tier="2", lifecycle="production", instance="2"} 1x150
`)
	for _, p := range w.dashboard.Panels() {
		for _, target := range p.Targets {
			w.ask(t, p.Title, target.RefID, everything())
		}
	}
	require.Equal(t, map[string]float64{"": 5}, w.ask(t, "Services graded", "A", everything()))
	require.InDelta(t, (4*90.0+3*50+85)/8, w.ask(t, "Mean score", "A", everything())[""], 1e-9)
	require.Len(t, w.ask(t, "Worst services", "A", everything()), 3)
}

// Where nothing is known, a 0 would say that all is well.
func TestNothingKnownIsNotZero(t *testing.T) {
	w := newWorld(t, "load 10m\n  up 1x150\n")
	for _, p := range w.dashboard.Panels() {
		for _, target := range p.Targets {
			require.Empty(t, w.ask(t, p.Title, target.RefID, everything()), "%s, query %s", p.Title, target.RefID)
		}
	}
}

func everything() viewer.Choices {
	all := viewer.Choice{All: true}
	return viewer.Choices{
		"rubric": {Values: []string{"http"}}, "search": {Values: []string{""}},
		"owner": all, "system": all, "tier": all, "lifecycle": all,
	}
}

// world is a dashboard and the data that it shows.
type world struct {
	dashboard *viewer.Dashboard
	engine    *promql.Engine
	data      storage.Queryable
	now       time.Time
}

// longBlocks lets series be written one after the other, each over a day and an
// hour.
func longBlocks(o *tsdb.Options) {
	o.MinBlockDuration = (10 * 24 * time.Hour).Milliseconds()
	o.MaxBlockDuration = o.MinBlockDuration
}

func newWorld(t *testing.T, load string) *world {
	t.Helper()
	_, _, d := fleet(t)
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	return &world{dashboard: d, engine: engine, data: promqltest.LoadedStorage(t, load, longBlocks), now: time.Unix(0, 0).Add(25 * time.Hour)}
}

// ask answers a query of a panel for the present. Values are by the values of
// their labels in the order of the labels' names.
func (w *world) ask(t *testing.T, panel, refID string, chosen viewer.Choices) map[string]float64 {
	t.Helper()
	i := slices.IndexFunc(w.dashboard.Panels(), func(p viewer.Panel) bool { return p.Title == panel })
	require.GreaterOrEqual(t, i, 0, "there is no panel %s", panel)
	targets := w.dashboard.Panels()[i].Targets
	j := slices.IndexFunc(targets, func(target viewer.Target) bool { return target.RefID == refID })
	require.GreaterOrEqual(t, j, 0, "%s has no query %s", panel, refID)

	window := viewer.Window{From: w.now.Add(-6 * time.Hour), To: w.now, Width: 10, Scrape: 10 * time.Minute}
	expr, err := w.dashboard.Fill(targets[j].Expr, chosen, window)
	require.NoError(t, err)
	q, err := w.engine.NewInstantQuery(t.Context(), w.data, nil, expr, w.now)
	require.NoError(t, err)
	defer q.Close()
	answer, err := q.Exec(t.Context()).Vector()
	require.NoError(t, err, expr)
	found := map[string]float64{}
	for _, s := range answer {
		var values []string
		s.Metric.Range(func(l labels.Label) { values = append(values, l.Value) })
		found[strings.Join(values, " ")] = s.F
	}
	return found
}
