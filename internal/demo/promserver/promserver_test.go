package promserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	apiv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/promserver"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

type fixture struct {
	url      string
	client   apiv1.API
	registry *prometheus.Registry
}

// serve starts a server of one database, "here", with two counters that grow by one a second until noon.
func serve(t *testing.T) fixture {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	app := db.AppenderV2(t.Context())
	for _, code := range []string{"200", "500"} {
		set := labels.FromStrings(model.MetricNameLabel, "requests_total", "code", code, "text", `quotes " and <brackets>`)
		for s := 600; s >= 0; s -= 15 {
			at := noon().Add(-time.Duration(s) * time.Second)
			_, err := app.Append(0, set, 0, at.UnixMilli(), float64(1000-s), nil, nil, storage.AOptions{})
			require.NoError(t, err)
		}
	}
	require.NoError(t, app.Commit())
	f := fixture{registry: prometheus.NewRegistry()}
	server, err := promserver.New(promserver.Options{
		Databases: []promserver.Database{{Name: "here", Queryable: db, Metadata: func() []promserver.Metadata {
			return []promserver.Metadata{{Name: "requests_total", Type: "counter", Help: "Requests."}, {Name: "up", Type: "gauge"}}
		}}},
		Registry: f.registry, Logger: slog.New(slog.DiscardHandler), Now: noon,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	f.url = listener.URL
	client, err := api.NewClient(api.Config{Address: listener.URL + "/here"})
	require.NoError(t, err)
	f.client = apiv1.NewAPI(client)
	return f
}

func TestTheOfficialClientUnderstandsEveryKindOfResult(t *testing.T) {
	f := serve(t)
	for name, test := range map[string]struct{ query, want string }{
		"a vector":            {`sum by (code) (increase(requests_total[5m]))`, "{code=\"200\"} => 300 @[1795435200]\n{code=\"500\"} => 300 @[1795435200]"},
		"a scalar":            {`2.5`, "scalar: 2.5 @[1795435200]"},
		"nothing":             {`absent_metric`, ""},
		"a tiny number":       {`1e-9`, "scalar: 0.000000001 @[1795435200]"},
		"infinity":            {`-1/0`, "scalar: -Inf @[1795435200]"},
		"a matrix":            {`count_over_time(requests_total{code="200"}[30s:15s])[30s:15s]`, "{code=\"200\", text=\"quotes \\\" and <brackets>\"} =>\n2 @[1795435185]\n2 @[1795435200]"},
		"text that is quoted": {`requests_total{code="200"}`, "requests_total{code=\"200\", text=\"quotes \\\" and <brackets>\"} => 1000 @[1795435200]"},
	} {
		t.Run(name, func(t *testing.T) {
			value, warnings, infos, err := f.client.Query(t.Context(), test.query, noon())
			require.NoError(t, err)
			require.Empty(t, warnings)
			require.Empty(t, infos)
			require.Equal(t, test.want, value.String())
		})
	}
}

func TestNotANumberIsText(t *testing.T) {
	value, _, _, err := serve(t).client.Query(t.Context(), `0/0`, noon().Add(123*time.Millisecond))
	require.NoError(t, err)
	require.True(t, math.IsNaN(float64(value.(*model.Scalar).Value)))
	require.Equal(t, noon().Add(123*time.Millisecond).UnixMilli(), int64(value.(*model.Scalar).Timestamp))
}

func TestARangeIsAnsweredStepByStep(t *testing.T) {
	value, _, _, err := serve(t).client.QueryRange(t.Context(), `requests_total{code="500"}`,
		apiv1.Range{Start: noon().Add(-time.Minute), End: noon(), Step: 30 * time.Second})
	require.NoError(t, err)
	matrix := value.(model.Matrix)
	require.Len(t, matrix, 1)
	require.Equal(t, []model.SamplePair{
		{Timestamp: model.TimeFromUnix(noon().Unix() - 60), Value: 940},
		{Timestamp: model.TimeFromUnix(noon().Unix() - 30), Value: 970},
		{Timestamp: model.TimeFromUnix(noon().Unix()), Value: 1000},
	}, matrix[0].Values)
}

func TestWhatTheDatabaseHoldsCanBeListed(t *testing.T) {
	f, start := serve(t), noon().Add(-time.Hour)
	names, _, _, err := f.client.LabelNames(t.Context(), nil, start, noon())
	require.NoError(t, err)
	require.Equal(t, model.LabelNames{"__name__", "code", "text"}, names)
	values, _, _, err := f.client.LabelValues(t.Context(), "code", []string{`requests_total{code!="500"}`, `{code="200"}`}, start, noon())
	require.NoError(t, err)
	require.Equal(t, model.LabelValues{"200"}, values)
	series, _, _, err := f.client.Series(t.Context(), []string{"requests_total", `{code="500"}`}, start, noon())
	require.NoError(t, err)
	require.Len(t, series, 2)
	series, warnings, _, err := f.client.Series(t.Context(), []string{"requests_total"}, time.Time{}, time.Time{}, apiv1.WithLimit(1))
	require.NoError(t, err)
	require.Len(t, series, 1)
	require.Equal(t, apiv1.Warnings{"results truncated due to limit"}, warnings)
	metadata, err := f.client.Metadata(t.Context(), "", "")
	require.NoError(t, err)
	require.Equal(t, []apiv1.Metadata{{Type: "counter", Help: "Requests."}}, metadata["requests_total"])
	require.Len(t, metadata, 2)
	build, err := f.client.Buildinfo(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^3\.\d+\.\d+$`, build.Version)
}

func TestMistakesAreAnsweredAsPrometheusAnswersThem(t *testing.T) {
	f := serve(t)
	for name, test := range map[string]struct {
		path, form string
		status     int
		want       string
	}{
		"a query that does not parse":    {"query", "query=sum(", 400, `"errorType":"bad_data","error":"invalid parameter \"query\"`},
		"no query":                       {"query", "", 400, `"errorType":"bad_data"`},
		"a time that is none":            {"query", "query=up&time=noon", 400, `invalid parameter \"time\"`},
		"a time beyond all bounds":       {"query", "query=up&time=1e300", 400, `invalid parameter \"time\"`},
		"matching that is ambiguous":     {"query", "query=" + url.QueryEscape(`requests_total + on (text) requests_total`), 422, `"errorType":"execution"`},
		"a timeout that has passed":      {"query", "query=requests_total&timeout=0.000000001", 503, `"errorType":"timeout"`},
		"a range without a step":         {"query_range", "query=up&start=0&end=1", 400, `invalid parameter \"step\"`},
		"a step of zero":                 {"query_range", "query=up&start=0&end=1&step=0", 400, "zero or negative query resolution"},
		"a range that ends first":        {"query_range", "query=up&start=2&end=1&step=1", 400, "must not be before start"},
		"too many points":                {"query_range", "query=up&start=0&end=100000&step=1", 400, "11,000 points"},
		"series without a matcher":       {"series", "", 400, "no match[] parameter provided"},
		"series of everything":           {"series", "match[]={a=~\".*\"}", 400, "invalid parameter"},
		"a matcher that does not parse":  {"labels", "match[]=a{", 400, "invalid parameter"},
		"a limit that is negative":       {"labels", "limit=-1", 400, "non-negative"},
		"an endpoint that is not served": {"rules", "", 404, `"errorType":"not_found"`},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" by "+method, func(t *testing.T) {
				status, body := f.ask(t, method, "/here/api/v1/"+test.path, test.form)
				require.Equal(t, test.status, status, body)
				require.True(t, strings.HasPrefix(body, `{"status":"error"`), body)
				require.Contains(t, body, test.want)
			})
		}
	}
}

func (f fixture) ask(t *testing.T, method, path, form string) (int, string) {
	t.Helper()
	address, body := f.url+path, strings.NewReader("")
	if method == http.MethodGet {
		address += "?" + form
	} else {
		body = strings.NewReader(form)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestTextIsAnsweredAsAString(t *testing.T) {
	_, body := serve(t).ask(t, http.MethodGet, "/here/api/v1/query", "query=\"so\"")
	require.JSONEq(t, `{"status":"success","data":{"resultType":"string","result":[1795435200,"so"]}}`, body)
}

func TestStatisticsAreGivenWhenAskedFor(t *testing.T) {
	f := serve(t)
	_, body := f.ask(t, http.MethodGet, "/here/api/v1/query", "stats=all&query=requests_total")
	require.Contains(t, body, `"stats":{"timings":{"evalTotalTime":`)
	require.Contains(t, body, `"totalQueryableSamples":2`)
	require.Contains(t, body, `"peakSamples":2`)
	_, body = f.ask(t, http.MethodGet, "/here/api/v1/query", "query=requests_total")
	require.NotContains(t, body, `"stats"`)
}

func TestWhatIsOddAboutAQueryIsSaid(t *testing.T) {
	_, body := serve(t).ask(t, http.MethodGet, "/here/api/v1/query", "query="+url.QueryEscape(`rate({__name__="requests_total"}[5m]) or histogram_quantile(2, requests_total)`))
	require.Contains(t, body, `PromQL warning: quantile value should be between 0 and 1`)
	_, body = serve(t).ask(t, http.MethodGet, "/here/api/v1/query", "limit=1&query=requests_total")
	require.Contains(t, body, `"warnings":["results truncated due to limit"]`)
}

func TestQueriesAreCounted(t *testing.T) {
	f := serve(t)
	for range 3 {
		f.ask(t, http.MethodPost, "/here/api/v1/query", "query=requests_total")
	}
	f.ask(t, http.MethodGet, "/here/api/v1/labels", "")
	require.NoError(t, testutil.GatherAndCompare(f.registry, strings.NewReader(`
# HELP demo_prometheus_queries_total Requests to the HTTP API of the demo's Prometheus servers.
# TYPE demo_prometheus_queries_total counter
demo_prometheus_queries_total{cluster="here",handler="labels"} 1
demo_prometheus_queries_total{cluster="here",handler="query"} 3
demo_prometheus_queries_total{cluster="here",handler="query_range"} 0
# HELP demo_prometheus_samples_total Samples that queries to the demo's Prometheus servers have read.
# TYPE demo_prometheus_samples_total counter
demo_prometheus_samples_total{cluster="here"} 6
`), "demo_prometheus_queries_total", "demo_prometheus_samples_total"))
	status, body := f.ask(t, http.MethodGet, "/metrics", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `demo_prometheus_queries_total{cluster="here",handler="query"} 3`)
}

func TestPagesBesideTheAPI(t *testing.T) {
	f := serve(t)
	for path, test := range map[string]struct {
		status int
		want   string
	}{
		"/":                               {200, `href="/here/api/v1/query?query=up"`},
		"/here/-/healthy":                 {200, "Prometheus Server is Healthy."},
		"/here/-/ready":                   {200, "Prometheus Server is Ready."},
		"/elsewhere/-/ready":              {404, ""},
		"/elsewhere/api/v1/query?query=1": {404, `there is no Prometheus named \"elsewhere\" here`},
	} {
		status, body := f.ask(t, http.MethodGet, path, "")
		require.Equal(t, test.status, status, path)
		require.Contains(t, body, test.want, path)
	}
}

func TestALinkToTheGraphOfAnExpressionLeadsToItsValue(t *testing.T) {
	f := serve(t)
	expr := `sum by (code) (increase(requests_total{code="500"}[5m]))`
	link := f.url + "/here/graph?" + url.Values{"g0.expr": {expr}, "g0.tab": {"0"}, "g0.range_input": {"1h"}}.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusFound, response.StatusCode)
	location, err := response.Location()
	require.NoError(t, err)
	require.Equal(t, "/here/api/v1/query", location.Path)
	require.Equal(t, expr, location.Query().Get("query"))

	_, body := f.ask(t, http.MethodGet, "/here/graph", url.Values{"g0.expr": {expr}}.Encode())
	require.Contains(t, body, `"value":[1795435200,"300"]`, "clients that follow see the value")
	status, _ := f.ask(t, http.MethodGet, "/here/graph", "")
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = f.ask(t, http.MethodGet, "/elsewhere/graph", "g0.expr=up")
	require.Equal(t, http.StatusNotFound, status)
}

func TestAClientThatLeavesEndsItsQuery(t *testing.T) {
	f := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _, err := f.client.Query(ctx, "requests_total", noon())
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
}

func TestTwoDatabasesOfOneNameAreRefused(t *testing.T) {
	_, err := promserver.New(promserver.Options{
		Databases: []promserver.Database{{Name: "a"}, {Name: "a"}}, Registry: prometheus.NewRegistry(),
	})
	require.ErrorContains(t, err, `"a"`)
}
