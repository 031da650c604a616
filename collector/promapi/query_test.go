package promapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestQueriesAreSentAsPrometheusExpectsThem(t *testing.T) {
	var got *http.Request
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"` + map[string]string{
			"/eu-west/api/v1/query": "vector", "/eu-west/api/v1/query_range": "matrix",
		}[r.URL.Path] + `","result":[]}}`))
	})
	s := source(t, Options{Replicas: []string{base + "/eu-west/?dedup=true"}, Timeout: 10 * time.Second})

	_, err := s.Query(t.Context(), Query{Expr: `sum by (service) (up{a="b+c & d"})`, Time: time.UnixMilli(1_700_000_000_250)}, &count{})
	require.NoError(t, err)
	require.Equal(t, http.MethodPost, got.Method)
	require.Equal(t, "/eu-west/api/v1/query", got.URL.Path)
	require.Equal(t, "dedup=true", got.URL.RawQuery)
	require.Equal(t, "identity", got.Header.Get("Accept-Encoding"))
	require.Equal(t, "application/x-www-form-urlencoded", got.Header.Get("Content-Type"))
	require.Regexp(t, `^apgar/\S+$`, got.Header.Get("User-Agent"))
	require.Empty(t, got.Header.Get("Authorization"))
	timeout, err := time.ParseDuration(got.PostForm.Get("timeout"))
	require.NoError(t, err)
	require.InDelta(t, 9, timeout.Seconds(), 0.5, "the source gives up a little before we do")
	got.PostForm.Del("timeout")
	require.Equal(t, url.Values{"query": {`sum by (service) (up{a="b+c & d"})`}, "time": {"1700000000.250"}, "stats": {"all"}}, got.PostForm)

	_, err = s.QueryRange(t.Context(), RangeQuery{Expr: "up", Start: time.Unix(100, 0), End: time.Unix(400, 0), Step: 90 * time.Second}, &count{})
	require.NoError(t, err)
	require.Equal(t, "/eu-west/api/v1/query_range", got.URL.Path)
	got.PostForm.Del("timeout")
	require.Equal(t, url.Values{"query": {"up"}, "start": {"100.000"}, "end": {"400.000"}, "step": {"90"}, "stats": {"all"}}, got.PostForm)
}

func TestAnEmptyRangeIsNotSent(t *testing.T) {
	s := offline(t, Options{}, func(*http.Request) (*http.Response, error) {
		t.Error("the range was sent")
		return refuse(nil)
	})
	at := time.Unix(1000, 0)
	for _, q := range []RangeQuery{{Expr: "up", Start: at, End: at}, {Expr: "up", Start: at, End: at.Add(-time.Second), Step: time.Second}} {
		_, err := s.QueryRange(t.Context(), q, &count{})
		require.Equal(t, KindBadQuery, KindOf(err))
	}
}

func TestAServerThatAllowsOnlyGetIsAskedByGet(t *testing.T) {
	var methods []string
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method)
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Query().Get("query") != "up" || r.URL.Query().Get("tenant") != "a" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte(emptyVector))
	})
	s := source(t, Options{Replicas: []string{base + "?tenant=a"}})
	for range 2 {
		_, err := ask(t, s)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"POST", "GET", "GET"}, methods, "it is remembered")
}

func TestForbiddenIsNoReasonToTryGet(t *testing.T) {
	asked := 0
	s := source(t, Options{Replicas: []string{serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
	})}})
	_, err := ask(t, s)
	require.Equal(t, KindUnauthorized, KindOf(err))
	require.Equal(t, 1, asked)
}

func TestCredentialsOfTheURLAreSent(t *testing.T) {
	s := source(t, Options{Replicas: []string{"http://me:p%40ss@" + serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "p@ss" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(emptyVector))
	})[len("http://"):]}})
	_, err := ask(t, s)
	require.NoError(t, err)
}

func TestTheReportSaysWhatAnAnswerCost(t *testing.T) {
	body := `{"status":"success","warnings":["PromQL warning: quantile of what?","store eu-2 is down"],"infos":["PromQL info: not a counter"],
		"data":{"resultType":"vector","stats":{"timings":{"evalTotalTime":0.1},"samples":{"totalQueryableSamples":40,"peakSamples":11,"totalQueryableSamplesPerStep":[[1,2]]}},
		"result":[{"metric":{},"value":[1,"1"]},{"metric":{"a":"b"},"value":[1,"2"]}]}}`
	base := serve(t, replyJSON(200, body))
	s := source(t, Options{Replicas: []string{base}})
	report, err := ask(t, s)
	require.NoError(t, err)
	require.Positive(t, report.Duration)
	report.Duration = 0
	require.Empty(t, cmp.Diff(Report{
		Series: 2, Points: 2, Bytes: int64(len(body)), SamplesTotal: 40, SamplesPeak: 11,
		Warnings: []string{"PromQL warning: quantile of what?", "store eu-2 is down"},
		Infos:    []string{"PromQL info: not a counter"},
		Replica:  base, Number: 1, Attempts: 1,
	}, report))
}

func TestBuildInfoTellsTheVersion(t *testing.T) {
	s := source(t, Options{Replicas: []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/status/buildinfo" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"version": "3.16.0\n", "features": []int{1}}})
	})}})
	version, err := s.BuildInfo(t.Context())
	require.NoError(t, err)
	require.Equal(t, "3.16.0", version)
}

func TestBuildInfoOfSomethingElseIsAnError(t *testing.T) {
	for body, want := range map[string]Kind{
		`{"status":"success","data":{}}`: KindMalformed, `{"status":"success","data":null}`: KindMalformed,
		`{"status":"success","data":[]}`: KindMalformed, `{"ok":true}`: KindMalformed,
	} {
		_, err := source(t, Options{Replicas: []string{serve(t, replyJSON(200, body))}}).BuildInfo(t.Context())
		require.Equal(t, want, KindOf(err), body)
	}
}
