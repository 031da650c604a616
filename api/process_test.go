package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
)

func TestMetricsAreNamedAsThePrometheusFamilyNamesThem(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	b.get("/api/v1/services")
	problems, err := testutil.GatherAndLint(b.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestRequestsAreCountedByRouteAndNeverByPath(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	b.get("/api/v1/services/default/playlist")
	b.get("/api/v1/services/default/nobody")
	b.get("/made/up/path")
	b.do("BREW", "/made/up/path")
	got := text(t, b.get("/metrics"))
	for _, want := range []string{
		`apgar_api_requests_total{code="200",method="GET",route="/api/v1/services/:namespace/:name"} 1`,
		`apgar_api_requests_total{code="404",method="GET",route="/api/v1/services/:namespace/:name"} 1`,
		`apgar_api_requests_total{code="404",method="GET",route="unmatched"} 1`,
		`apgar_api_requests_total{code="404",method="other",route="unmatched"} 1`,
		`apgar_api_request_duration_seconds_bucket{route="/api/v1/services/:namespace/:name",le="0.005"}`,
		`apgar_api_snapshot_age_seconds 0`,
		`apgar_api_snapshot_generation 42`,
		`apgar_api_encode_failures_total 0`,
	} {
		require.Contains(t, got, want)
	}
	require.NotContains(t, got, "nobody")
}

func TestTheLogHasRoutesButNeitherQueriesNorHeaders(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	b.get("/api/v1/services?q=s3cret", "Authorization", "Bearer s3cret", "Cookie", "s3cret")
	require.Contains(t, b.log.String(), "route=/api/v1/services method=GET status=200")
	require.NotContains(t, b.log.String(), "s3cret")
}

func TestNoHeaderSaysWhoTheClientIs(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	b.get("/-/healthy", "X-Forwarded-For", "1.2.3.4", "X-Real-IP", "1.2.3.4")
	require.Contains(t, b.log.String(), "client=192.0.2.1")
	require.NotContains(t, b.log.String(), "1.2.3.4")
}

func TestTheRequestIDIsOurs(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	first := b.get("/-/healthy", "X-Request-Id", "chosen-by-a-client").Header.Get("X-Request-Id")
	require.NotEqual(t, "chosen-by-a-client", first)
	require.NotEqual(t, first, b.get("/-/healthy").Header.Get("X-Request-Id"))
}

func TestPathsHaveOneSpelling(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	for _, path := range []string{
		"/api/v1/services/", "//api/v1/services", "/api/v1//services", "/API/v1/services", "/api/v1/services/default%2Fplaylist", "/api/v1/%2e%2e/v1/services",
	} {
		w := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "http://apgar.example/", nil)
		request.URL.Path, request.URL.RawPath = path, ""
		if strings.Contains(path, "%") {
			request = httptest.NewRequest(http.MethodGet, path, nil)
		}
		b.handler.ServeHTTP(w, request)
		require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, w.Code, path)
		require.Empty(t, w.Header().Get("Location"), path)
	}
}
