package promapi

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startPrometheus runs the installed server, which scrapes itself every second, until the test ends.
func startPrometheus(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(
		"global: {scrape_interval: 1s}\nscrape_configs: [{job_name: self, metrics_path: /prefix/metrics, static_configs: [{targets: ['"+address+"']}]}]\n"), 0o600))

	var output strings.Builder
	cmd := exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--web.external-url=http://"+address+"/prefix", "--query.max-samples=100", "--log.level=warn")
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start(), "this test needs the package prometheus, as users run it")
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	require.Eventually(t, func() bool {
		resp, err := client.Get("http://" + address + "/prefix/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond)
	return "http://" + address + "/prefix/"
}

func TestARealPrometheusIsUnderstood(t *testing.T) {
	began := time.Now()
	s := source(t, Options{Replicas: []string{startPrometheus(t)}})
	scraped := &collect{}
	require.Eventually(t, func() bool {
		_, err := s.Query(t.Context(), Query{Expr: `count_over_time(up{job="self"}[1m]) >= 2`}, scraped)
		require.NoError(t, err)
		return len(scraped.series) == 1
	}, 30*time.Second, 100*time.Millisecond)

	t.Run("build info", func(t *testing.T) {
		version, err := s.BuildInfo(t.Context())
		require.NoError(t, err)
		require.Regexp(t, `^\d+\.\d+\.\d+`, version)
	})
	t.Run("since when it runs", func(t *testing.T) {
		started, err := s.StartTime(t.Context(), 1)
		require.NoError(t, err)
		require.WithinRange(t, started, began.Add(-time.Second), time.Now())
	})
	t.Run("an instant query", func(t *testing.T) {
		at := time.Now()
		sink := &collect{}
		report, err := s.Query(t.Context(), Query{Expr: `up`, Time: at}, sink)
		require.NoError(t, err)
		require.Len(t, sink.series, 1)
		require.Equal(t, "self", sink.series[0].Labels["job"])
		require.Equal(t, []Point{{T: at.UnixMilli(), V: 1}}, sink.series[0].Points)
		require.Equal(t, 1, report.Series)
		require.Positive(t, report.SamplesTotal)
		require.Positive(t, report.SamplesPeak)
		require.Empty(t, report.Warnings)
	})
	t.Run("a range query", func(t *testing.T) {
		start := time.Now().Add(-10 * time.Second)
		sink := &collect{}
		report, err := s.QueryRange(t.Context(), RangeQuery{Expr: `vector(1)`, Start: start, End: start.Add(10 * time.Second), Step: 2500 * time.Millisecond}, sink)
		require.NoError(t, err)
		require.Equal(t, 5, report.Points)
		require.Equal(t, start.Add(2500*time.Millisecond).UnixMilli(), sink.series[0].Points[1].T)
	})
	t.Run("a result that is no number", func(t *testing.T) {
		sink := &collect{}
		_, err := s.Query(t.Context(), Query{Expr: `vector(-1) / 0`}, sink)
		require.NoError(t, err)
		require.Negative(t, sink.series[0].Points[0].V)
	})
	mistakesAreUnderstood(t, s)
	require.Equal(t, StateOK, s.Status().State)
}

func mistakesAreUnderstood(t *testing.T, s *Source) {
	t.Helper()
	for _, tt := range []struct {
		name, expr string
		kind       Kind
	}{
		{"a query with a mistake", `sum by (`, KindBadQuery},
		{"a query that touches too much", `{__name__=~".+"}`, KindTooManySamples},
		{"a query that cannot be evaluated", `label_replace(up, "0", "", "", "")`, KindExecution},
		{"a scalar", `1`, KindMalformed},
		{"a matrix", `up[5s]`, KindMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Query(t.Context(), Query{Expr: tt.expr}, &count{})
			require.Equal(t, tt.kind, KindOf(err), err)
		})
	}
}
