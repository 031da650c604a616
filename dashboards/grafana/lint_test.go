package grafana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/dashboards/grafana"
	"github.com/apgarhq/apgar/dashboards/grafana/viewer"
)

func fleet(t *testing.T) (*grafana.Board, []byte, *viewer.Dashboard) {
	t.Helper()
	board, err := grafana.Fleet()
	require.NoError(t, err)
	file, err := os.ReadFile(board.File)
	require.NoError(t, err)
	d, err := viewer.Read(file)
	require.NoError(t, err)
	return board, file, d
}

func TestTheFileIsWhatIsGenerated(t *testing.T) {
	board, file, _ := fleet(t)
	text, err := board.JSON()
	require.NoError(t, err)
	require.Equal(t, string(text), string(file), "run make gen and commit the result")
}

// Grafana's SDK refuses fields that Grafana does not know, and missing ones.
func TestTheFileFollowsGrafanasSchema(t *testing.T) {
	_, file, _ := fleet(t)
	runtime := cog.NewRuntime()
	for _, kind := range []variants.PanelcfgConfig{
		stat.VariantConfig(), table.VariantConfig(), bargauge.VariantConfig(), timeseries.VariantConfig(),
	} {
		runtime.RegisterPanelcfgVariant(kind)
	}
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	var d dashboard.Dashboard
	var problems cog.BuildErrors // an empty one is how it says that there are none
	require.ErrorAs(t, d.UnmarshalJSONStrict(file), &problems)
	require.Empty(t, problems)
	require.NoError(t, d.Validate())
	err := new(dashboard.Dashboard).UnmarshalJSONStrict(bytes.Replace(file, []byte(`"graphMode"`), []byte(`"graphMood"`), 1))
	require.ErrorContains(t, err, "graphMood", "the kinds of panels are known to the SDK")
}

// The rules have the names, and where it fits the meaning, that Grafana's own
// linter of dashboards gives them.

func TestUneditableDashboard(t *testing.T) {
	_, file, d := fleet(t)
	var model struct {
		UID, Title, Description, Refresh string
		Tags                             []string
		Editable                         bool
		SchemaVersion                    int
		GraphTooltip                     int
		Time                             struct{ From, To string }
		Links                            []struct{ Title, URL string }
	}
	require.NoError(t, json.Unmarshal(file, &model))
	require.False(t, model.Editable)
	require.Regexp(t, `^[a-zA-Z0-9_-]{8,40}$`, model.UID, "links to a dashboard need a uid that does not change")
	require.Equal(t, []string{"apgar"}, model.Tags)
	require.Equal(t, "1m", model.Refresh)
	require.Equal(t, "now-6h", model.Time.From)
	require.Equal(t, 2, model.GraphTooltip, "one moment is pointed at in all panels")
	require.Equal(t, 42, model.SchemaVersion)
	require.NotEmpty(t, model.Description)
	require.NotEmpty(t, model.Links)
	for _, l := range model.Links {
		require.True(t, strings.HasPrefix(l.URL, "${apgar_url:raw}/"), l.URL)
	}
	require.NotContains(t, string(file), `"id": null`)
	require.GreaterOrEqual(t, len(d.Rows), 6)
}

func TestTemplateDatasource(t *testing.T) {
	_, file, d := fleet(t)
	v, found := d.Variable("datasource")
	require.True(t, found)
	require.Equal(t, "datasource", v.Type)
	require.Equal(t, viewer.Query("prometheus"), v.Query)
	chosen := viewer.Datasource{Type: "prometheus", UID: "${datasource}"}
	for _, v := range d.Variables {
		if v.Type == "query" {
			require.Equal(t, chosen, v.Datasource, v.Name)
		}
	}
	for _, p := range d.Panels() {
		require.Equal(t, chosen, p.Datasource, p.Title)
		for _, target := range p.Targets {
			require.Equal(t, chosen, target.Datasource, "%s, query %s", p.Title, target.RefID)
		}
	}
	for _, uid := range regexp.MustCompile(`"uid": "([^"]*)"`).FindAllStringSubmatch(string(file), -1) {
		require.Contains(t, []string{"${datasource}", d.UID}, uid[1])
	}
}

func TestTemplateVariables(t *testing.T) {
	_, file, d := fleet(t)
	declared := map[string]bool{}
	for _, v := range d.Variables {
		require.NotEmpty(t, v.Label, v.Name)
		require.False(t, declared[v.Name], "%s is declared twice", v.Name)
		for _, used := range viewer.Variables(string(v.Query)) {
			require.True(t, declared[used], "%s depends on %s, which is resolved later or not at all", v.Name, used)
		}
		declared[v.Name] = true
		require.Equal(t, v.Multi, v.IncludeAll, v.Name)
		if v.IncludeAll {
			require.Equal(t, ".*", v.AllValue, "%s must not lose services of which the catalog says nothing", v.Name)
		}
	}
	used := viewer.Variables(string(file))
	for name := range declared {
		require.Contains(t, used, name, "it is declared and not used")
	}
	for _, p := range d.Panels() {
		for _, target := range p.Targets {
			for _, name := range viewer.Variables(target.Expr) {
				require.True(t, declared[name], "%s, query %s uses %s", p.Title, target.RefID, name)
			}
		}
	}
}

func TestPanelTitleDescriptionUnitsAndNoTargets(t *testing.T) {
	_, _, d := fleet(t)
	for _, p := range d.Panels() {
		require.NotEmpty(t, p.Title)
		require.Greater(t, len(p.Description), 40, "%s says what it shows and what to do", p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.NoValue, p.Title)
		refs := map[string]bool{}
		for _, target := range p.Targets {
			require.False(t, refs[target.RefID], "%s has two queries %s", p.Title, target.RefID)
			refs[target.RefID] = true
			require.NotEqual(t, target.Instant, target.Range, "%s, query %s asks for the present or for a range", p.Title, target.RefID)
			if len(p.Targets) > 1 && p.Type != "table" {
				require.NotEmpty(t, target.Legend, "%s, query %s", p.Title, target.RefID)
			}
		}
		if p.Type == "table" {
			tableShowsWhatIsAsked(t, p)
		}
	}
}

// tableShowsWhatIsAsked checks that every query of a table is a column, and
// that every column is renamed and is of a query or a label.
func tableShowsWhatIsAsked(t *testing.T, p viewer.Panel) {
	t.Helper()
	var organize struct{ RenameByName map[string]string }
	for _, s := range p.Steps {
		if s.ID == "organize" {
			require.NoError(t, json.Unmarshal(s.Options, &organize))
		}
	}
	for _, target := range p.Targets {
		require.Equal(t, "table", target.Format, p.Title)
		name := "Value #" + target.RefID
		if len(p.Targets) == 1 {
			name = "Value"
		}
		require.Contains(t, organize.RenameByName, name, "%s, query %s is in no column", p.Title, target.RefID)
	}
	titles := map[string]bool{}
	for name, title := range organize.RenameByName {
		titles[title] = true
		if !strings.HasPrefix(name, "Value") {
			require.Regexp(t, `\b`+name+`\b`, p.Targets[0].Expr, "%s: the first query has no label for the column %s", p.Title, title)
		}
	}
	require.Len(t, titles, len(organize.RenameByName), "%s: two columns have one title", p.Title)
	for _, o := range p.FieldConfig.Overrides {
		require.Contains(t, titles, o.Matcher.Options, "%s: an override of a column that it does not have", p.Title)
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	_, _, d := fleet(t)
	type placed struct {
		title string
		at    viewer.Position
	}
	var all []placed
	ids := map[int]string{}
	add := func(id int, title string, at viewer.Position) {
		require.Empty(t, ids[id], "two panels have the id %d", id)
		require.Positive(t, id)
		ids[id] = title
		require.Positive(t, at.W*at.H, title)
		require.GreaterOrEqual(t, at.X, 0, title)
		require.LessOrEqual(t, at.X+at.W, 24, title)
		for _, other := range all {
			apart := at.X+at.W <= other.at.X || other.at.X+other.at.W <= at.X || at.Y+at.H <= other.at.Y || other.at.Y+other.at.H <= at.Y
			require.True(t, apart, "%s and %s overlap", title, other.title)
		}
		all = append(all, placed{title, at})
	}
	for _, r := range d.Rows {
		add(r.ID, r.Title, r.Position)
		for _, p := range r.Panels {
			require.Greater(t, p.Position.Y, r.Position.Y, "%s is under its heading", p.Title)
			add(p.ID, p.Title, p.Position)
		}
	}
}

func TestExcusesNameQueriesThatThereAre(t *testing.T) {
	board, _, d := fleet(t)
	for _, e := range board.MayBeEmpty {
		require.NotEmpty(t, e.Reason)
		require.NotEmpty(t, e.Unless)
		require.True(t, slices.ContainsFunc(d.Panels(), func(p viewer.Panel) bool {
			return p.Title == e.Panel && slices.ContainsFunc(p.Targets, func(target viewer.Target) bool { return target.RefID == e.RefID })
		}), "%s, query %s", e.Panel, e.RefID)
	}
}

// eachQuery parses every query, with the variables filled in: everything, one
// value, and two that contain what means something in an expression.
func eachQuery(t *testing.T, check func(name string, target viewer.Target, tree parser.Expr, w viewer.Window)) {
	t.Helper()
	_, _, d := fleet(t)
	now := time.Unix(1_800_000_000, 0)
	w := viewer.Window{From: now.Add(-6 * time.Hour), To: now, Width: 400, Scrape: 17 * time.Second}
	for _, values := range [][]string{nil, {"payments"}, {"a.b", `c\d|e`}} {
		chosen := viewer.Choices{}
		for _, v := range d.Variables {
			switch {
			case v.Type == "query" && v.IncludeAll:
				chosen[v.Name] = viewer.Choice{All: values == nil, Values: values}
			case v.Type == "query":
				chosen[v.Name] = viewer.Choice{Values: []string{"http"}}
			default:
				chosen[v.Name] = viewer.Choice{Values: []string{string(v.Query)}}
			}
		}
		for _, p := range d.Panels() {
			for _, target := range p.Targets {
				name := fmt.Sprintf("%s, query %s", p.Title, target.RefID)
				expr, err := d.Fill(target.Expr, chosen, w)
				require.NoError(t, err, name)
				tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
				require.NoError(t, err, "%s: %s", name, expr)
				check(name, target, tree, w)
			}
		}
	}
}
