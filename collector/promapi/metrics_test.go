package promapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

const expectedMetrics = `
# HELP apgar_source_breaker_open 1 while a source is left alone because it failed too often in a row, else 0.
# TYPE apgar_source_breaker_open gauge
apgar_source_breaker_open{source="eu-west"} 0
apgar_source_breaker_open{source="us-east"} 0
# HELP apgar_source_inflight Questions being asked of a source now.
# TYPE apgar_source_inflight gauge
apgar_source_inflight{source="eu-west"} 0
# HELP apgar_source_queries_total Questions asked of a source, retries not counted, by result: ok or the kind of error.
# TYPE apgar_source_queries_total counter
apgar_source_queries_total{result="bad_query",source="eu-west"} 1
apgar_source_queries_total{result="ok",source="eu-west"} 1
# HELP apgar_source_response_bytes_total Bytes of answers read from a source, after decompression.
# TYPE apgar_source_response_bytes_total counter
apgar_source_response_bytes_total{source="eu-west"} 141
# HELP apgar_source_retries_total Attempts beyond the first of a question to a source.
# TYPE apgar_source_retries_total counter
apgar_source_retries_total{source="eu-west"} 1
# HELP apgar_source_samples_total Samples that questions made a source look at, as its query statistics say.
# TYPE apgar_source_samples_total counter
apgar_source_samples_total{source="eu-west"} 40
# HELP apgar_source_series_total Series decoded from the answers of a source.
# TYPE apgar_source_series_total counter
apgar_source_series_total{source="eu-west"} 1
`

func TestMetricsCountWhatASourceCosts(t *testing.T) {
	reg := prometheus.NewRegistry()
	asked := 0
	body := `{"status":"success","data":{"resultType":"vector","stats":{"samples":{"totalQueryableSamples":40}},"result":[{"metric":{},"value":[1,"1"]}]}}`
	answers := []int{503, 200, 400}
	s := offline(t, Options{Registerer: reg}, func(r *http.Request) (*http.Response, error) {
		asked++
		if answers[asked-1] != 200 {
			return response(r, answers[asked-1], ""), nil
		}
		return response(r, 200, body), nil
	})
	other := source(t, Options{Name: "us-east", Registerer: reg, Replicas: []string{"http://b"}})
	_, err := ask(t, s)
	require.NoError(t, err)
	_, err = ask(t, s)
	require.Error(t, err)

	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(expectedMetrics), "apgar_source_breaker_open", "apgar_source_inflight", "apgar_source_queries_total", "apgar_source_response_bytes_total",
		"apgar_source_retries_total", "apgar_source_samples_total", "apgar_source_series_total"))
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)

	s.Close()
	n, err := testutil.GatherAndCount(reg)
	require.NoError(t, err)
	require.Equal(t, 1, n, "a closed source leaves the metrics; the other one stays")
	other.Close()
}

func TestABreakerThatOpensShowsInTheMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := offline(t, Options{Registerer: reg}, func(r *http.Request) (*http.Response, error) { return response(r, 404, ""), nil })
	for range breakerFailures + 2 {
		_, _ = ask(t, s)
	}
	require.Equal(t, 1.0, testutil.ToFloat64(s.metrics.open.WithLabelValues("eu-west")))
	require.Equal(t, 2.0, testutil.ToFloat64(s.metrics.queries.WithLabelValues("eu-west", "breaker_open")))
}

func TestAMetricOfTheSameNameIsAnErrorNotAPanic(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "apgar_source_inflight", Help: "Another."}))
	_, err := NewSource(Options{Name: "a", Replicas: []string{"http://a"}, Registerer: reg})
	require.ErrorContains(t, err, `metrics of source "a"`)
}
