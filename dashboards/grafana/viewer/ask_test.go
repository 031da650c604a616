package viewer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/dashboards/grafana/viewer"
)

// answering is a Prometheus that gives one answer to everything.
func answering(t *testing.T, status int, body string, asked *http.Request) *viewer.Viewer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if asked != nil {
			*asked = *r
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return &viewer.Viewer{Dashboard: board(), URL: server.URL, Client: server.Client(), Window: sixHours()}
}

func TestAnswersAreReadOrRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		err    string // "" if it is an answer
	}{
		"a vector":           {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2.5"]}]}}`, ""},
		"a matrix":           {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"],[2,"2.5"]]}]}}`, ""},
		"a scalar":           {200, `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`, "scalar"},
		"an error":           {400, `{"status":"error","error":"many-to-many matching not allowed"}`, "status 400: many-to-many"},
		"a warning":          {200, `{"status":"success","warnings":["half of it"],"data":{"resultType":"vector","result":[]}}`, "half of it"},
		"a note":             {200, `{"status":"success","infos":["might not be a counter"],"data":{"resultType":"vector","result":[]}}`, "might not be a counter"},
		"no JSON":            {502, `Bad Gateway`, "status 502 and no JSON"},
		"a value of no kind": {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}`, "is no text"},
	} {
		t.Run(name, func(t *testing.T) {
			series, err := answering(t, c.status, c.body, nil).Query(t.Context(), "up", true)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, series, 1)
			require.Equal(t, map[string]string{"a": "b"}, series[0].Labels)
			require.InDelta(t, 2.5, series[0].Values[len(series[0].Values)-1], 0)
		})
	}
}

func TestQueriesAreSentAsGrafanaSendsThem(t *testing.T) {
	const nothing = `{"status":"success","data":{"resultType":"vector","result":[]}}`
	var asked http.Request
	v := answering(t, 200, nothing, &asked)
	_, err := v.Ask(t.Context(), viewer.Target{Expr: `up{r="$rubric"}`, Instant: true}, viewer.Choices{"rubric": {Values: []string{"http"}}})
	require.NoError(t, err)
	require.Equal(t, "POST /api/v1/query", asked.Method+" "+asked.URL.Path)
	require.Equal(t, []string{`up{r="http"}`}, asked.PostForm["query"])
	require.Equal(t, []string{"1800000000.000"}, asked.PostForm["time"])

	_, err = v.Query(t.Context(), "up", false)
	require.NoError(t, err)
	require.Equal(t, "POST /api/v1/query_range", asked.Method+" "+asked.URL.Path)
	require.Equal(t, []string{"30"}, asked.PostForm["step"])
	require.Equal(t, []string{"1799978400.000"}, asked.PostForm["start"])
}

func TestVariablesAreResolvedWhenADashboardIsOpened(t *testing.T) {
	var asked http.Request
	v := answering(t, 200, `{"status":"success","data":["a","b"]}`, &asked)
	v.Dashboard.Variables = []viewer.Variable{
		{Name: "search", Type: "textbox", Query: "x"},
		{Name: "rubric", Type: "query", Query: "label_values(apgar_score, rubric)"},
		{Name: "owner", Type: "query", Query: `label_values(apgar_service_info{r="$rubric"},owner)`, Multi: true, IncludeAll: true},
	}
	chosen, err := v.Open(t.Context())
	require.NoError(t, err)
	require.Equal(t, viewer.Choices{
		"search": {Values: []string{"x"}},
		"rubric": {Values: []string{"a"}, Offered: []string{"a", "b"}},
		"owner":  {All: true, Offered: []string{"a", "b"}},
	}, chosen)
	require.Equal(t, "GET /api/v1/label/owner/values", asked.Method+" "+asked.URL.Path)
	require.Equal(t, []string{`apgar_service_info{r="a"}`}, asked.Form["match[]"])

	v.Dashboard.Variables[1].Query = "metrics(up)"
	_, err = v.Open(t.Context())
	require.ErrorContains(t, err, "only knows label_values")
}

func TestADashboardIsRead(t *testing.T) {
	d, err := viewer.Read([]byte(`{"uid": "u", "title": "T", "templating": {"list": [
		{"name": "a", "type": "query", "query": {"query": "label_values(up,job)", "refId": "x"}}, {"name": "b", "type": "textbox", "query": "z"}]},
		"panels": [{"id": 1, "type": "stat", "title": "above"},
			{"id": 2, "type": "row", "title": "open", "panels": []}, {"id": 3, "type": "stat", "title": "below"},
			{"id": 4, "type": "row", "title": "closed", "collapsed": true, "panels": [{"id": 5, "type": "stat", "title": "within"}]}]}`))
	require.NoError(t, err)
	require.Equal(t, viewer.Query("label_values(up,job)"), d.Variables[0].Query)
	require.Equal(t, viewer.Query("z"), d.Variables[1].Query)
	var found []string
	for _, r := range d.Rows {
		for _, p := range r.Panels {
			found = append(found, r.Title+"/"+p.Title)
		}
	}
	require.Equal(t, []string{"/above", "open/below", "closed/within"}, found)
	require.Len(t, d.Panels(), 3)

	for _, text := range []string{`{`, `{}`, `{"elements": {}}`, `{"panels": [3]}`, `{"panels": [{}], "templating": {"list": [{"query": 3}]}}`} {
		_, err := viewer.Read([]byte(text))
		require.Error(t, err, text)
	}
}
