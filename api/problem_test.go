package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

func code(t *testing.T, response *http.Response) string {
	t.Helper()
	require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	require.Empty(t, response.Header.Get("ETag"))
	var p struct {
		Type, Title, Detail, Instance, Code string
		RequestID                           string `json:"request_id"`
		Status                              int
	}
	require.NoError(t, json.Unmarshal([]byte(text(t, response)), &p))
	require.Equal(t, "urn:apgar:problem:"+p.Code, p.Type)
	require.Equal(t, response.StatusCode, p.Status)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, response.Header.Get("X-Request-Id"), p.RequestID)
	return p.Code
}

func TestProblemsHaveStableCodes(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	for path, want := range map[string]string{
		"/nowhere":                         "not_found",
		"/api/v1/services/default/nobody":  "not_found",
		"/api/v1/services/UPPER/x":         "invalid_parameter",
		"/api/v1/scorecards?grade=G":       "invalid_parameter",
		"/api/v1/scorecards?cursor=broken": "invalid_cursor",
	} {
		require.Equal(t, want, code(t, b.get(path)), path)
	}
}

func TestABadParameterIsNamed(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	require.Contains(t, text(t, b.get("/api/v1/scorecards?limit=501")), `"parameter":"limit"`)
	require.Contains(t, text(t, b.get("/api/v1/scorecards?limit=501")), "from 1 to 500")
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch, "BREW"} {
		response := b.do(method, "/api/v1/services")
		require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode, method)
		require.Equal(t, "method_not_allowed", code(t, response))
		require.Contains(t, response.Header.Get("Allow"), http.MethodGet)
	}
	require.Equal(t, http.StatusMethodNotAllowed, b.get("/-/reload").StatusCode)
}

func TestAClientThatWantsNoJSONIsToldSo(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	for accept, want := range map[string]int{
		"text/html": 406, "application/json;q=0": 406, "*/*;q=0": 406, "application/json;q=0, */*": 406,
		"application/json": 200, "*/*": 200, "application/*": 200, "text/html, */*;q=0.8": 200, "application/json;q=0.5": 200,
	} {
		response := b.get("/api/v1/services", "Accept", accept)
		require.Equal(t, want, response.StatusCode, accept)
		if want == 406 {
			require.Equal(t, "not_acceptable", code(t, response))
		}
	}
}

func TestBeforeTheFirstSnapshotNothingIsReadyButTheProcessIsHealthy(t *testing.T) {
	b := newBench(t, nil)
	for _, path := range []string{"/api/v1/services", "/api/v1/scorecards/http/default/playlist", "/api/v1/events", "/-/ready"} {
		response := b.get(path)
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, path)
		require.Equal(t, "not_ready", code(t, response))
		require.NotEmpty(t, response.Header.Get("Retry-After"))
	}
	require.Equal(t, http.StatusServiceUnavailable, b.get("/").StatusCode)
	require.Contains(t, text(t, b.get("/")), `http-equiv="refresh"`)
	for _, path := range []string{"/-/healthy", "/metrics", "/openapi.yaml", "/style.css"} {
		require.Equal(t, http.StatusOK, b.get(path).StatusCode, path)
	}
	require.NotContains(t, text(t, b.get("/metrics")), "apgar_api_snapshot_generation")
	b.reader.Set(fixture.Fleet(3), true)
	require.Equal(t, http.StatusOK, b.get("/-/ready").StatusCode)
	require.Contains(t, text(t, b.get("/metrics")), "apgar_api_snapshot_generation 42")
}

func TestANumberThatIsNoneIsAProblemAndNeverServed(t *testing.T) {
	snap := fixture.Fleet(3)
	snap.Scorecards[1].Coverage = math.NaN()
	b := newBench(t, snap)
	response := b.get("/api/v1/scorecards")
	require.Equal(t, http.StatusInternalServerError, response.StatusCode)
	require.Equal(t, "encode_failed", code(t, response))
	require.NotContains(t, text(t, response), "NaN")
	require.Contains(t, b.log.String(), "NaN is no number of JSON")
	require.Contains(t, text(t, b.get("/metrics")), "apgar_api_encode_failures_total 1")
	require.Equal(t, http.StatusOK, b.get("/api/v1/scorecards/http/default/"+snap.Scorecards[0].Service.ID.Name).StatusCode)
	require.Equal(t, http.StatusOK, b.get("/").StatusCode)
}

func TestAPanicIsAProblemAndItsTextStaysInTheLog(t *testing.T) {
	b := newBench(t, fixture.Fleet(3), func(o *api.Options) {
		o.ScorecardMetrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("hunter2") })
	})
	response := b.get("/metrics/scorecards", "Authorization", "Bearer s3cret")
	require.Equal(t, http.StatusInternalServerError, response.StatusCode)
	require.Equal(t, "internal", code(t, response))
	require.NotContains(t, text(t, response), "hunter2")
	require.Contains(t, b.log.String(), "a handler panicked")
	require.NotContains(t, b.log.String(), "s3cret")
	require.Equal(t, http.StatusOK, b.get("/-/healthy").StatusCode)
}

func TestAHandlerMayAbortTheConnection(t *testing.T) {
	b := newBench(t, fixture.Fleet(3), func(o *api.Options) {
		o.ScorecardMetrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { b.get("/metrics/scorecards") })
}

func TestHistoryThatCannotBeReadIsUnavailableAndItsReasonStaysInTheLog(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	b.history.Err = errors.New("dial redis.internal: refused")
	response := b.get("/api/v1/scorecards/http/default/playlist/history")
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "history_unavailable", code(t, response))
	require.NotContains(t, text(t, response), "redis.internal")
	require.Contains(t, b.log.String(), "redis.internal")
	require.Equal(t, http.StatusOK, b.get("/services/default/playlist").StatusCode, "the page does without its sparkline")
	b.history.Err = scorecard.ErrNotFound
	require.JSONEq(t, `{"items":[]}`, text(t, b.get("/api/v1/scorecards/http/default/playlist/history")))
}

func TestReload(t *testing.T) {
	failure := error(nil)
	b := newBench(t, fixture.Fleet(3), func(o *api.Options) { o.Reload = func(context.Context) error { return failure } })
	require.Equal(t, http.StatusOK, b.do(http.MethodPost, "/-/reload").StatusCode)
	require.Equal(t, "cross_origin", code(t, b.do(http.MethodPost, "/-/reload", "Sec-Fetch-Site", "cross-site")))
	failure = errors.New("apgar.yml:3: password hunter2")
	response := b.do(http.MethodPost, "/-/reload")
	require.Equal(t, "reload_failed", code(t, response))
	require.NotContains(t, text(t, response), "hunter2")
}

func TestRoutesWithoutAServantDoNotExist(t *testing.T) {
	b := newBench(t, fixture.Fleet(3), func(o *api.Options) {
		o.Reload, o.History, o.Changes, o.Gatherer, o.ScorecardMetrics = nil, nil, nil, nil, nil
	})
	for _, path := range []string{"/metrics", "/metrics/scorecards", "/api/v1/events", "/api/v1/scorecards/http/default/playlist/history"} {
		require.Equal(t, http.StatusNotFound, b.get(path).StatusCode, path)
	}
	require.Equal(t, http.StatusNotFound, b.do(http.MethodPost, "/-/reload").StatusCode)
	require.Equal(t, http.StatusOK, b.get("/services/default/playlist").StatusCode)
	require.NotContains(t, text(t, b.get("/")), `href="/metrics"`)
}
