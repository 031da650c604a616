package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo"
)

// testHostileSources runs the service on one Prometheus that behaves and four
// sources that do not.
func testHostileSources(t *testing.T, binary string) {
	t.Parallel()
	world := runWorld(t)
	known := servicesOf(t, world.PrometheusURL()+"/eu-west")
	hostile := newHostile(t)
	p := start(t, binary, "serve", "--web.listen-address=127.0.0.1:0", "--config.file="+writeHostileConfig(t, world, hostile.URL))
	url := p.says(t, 30*time.Second, `msg=listening url=(http://\S+)`)
	eventually(t, time.Minute, func() (bool, string) {
		why := hostileState(t, url, known)
		return why == "", why
	})
	for source := range misbehaviour() {
		var status struct {
			Failed    int
			LastError string `json:"last_error"`
		}
		eventually(t, time.Minute, func() (bool, string) { // it may be the next tick that its answers come in time for
			require.NoError(t, json.Unmarshal([]byte(fetch(t, url+"/api/v1/sources/"+source)), &status))
			return status.Failed > 0, source + " has answered everything"
		})
		require.Less(t, len(status.LastError), 2000, "an error does not repeat what a source sends")
	}
	t.Logf("the peak of memory is %d MiB", p.peak(t)>>20)
	require.Less(t, p.peak(t), int64(256<<20), "memory is bounded whatever sources send")
	p.end(t)
}

// runWorld lets a small demo world live until the test ends.
func runWorld(t *testing.T) *demo.Demo {
	t.Helper()
	world, err := demo.New(t.Context(), demo.Options{
		Services: 12, Seed: 1, PrometheusAddress: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), History: 2 * time.Hour,
	})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- world.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		require.NoError(t, world.Close())
		require.NoError(t, <-ended)
	})
	return world
}

// servicesOf asks a Prometheus which services it scrapes.
func servicesOf(t *testing.T, prometheus string) map[string]bool {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Metric struct{ Service string } }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(fetch(t, prometheus+"/api/v1/query?query=count+by+(service)+(up)")), &answer))
	services := map[string]bool{}
	for _, r := range answer.Data.Result {
		services[r.Metric.Service] = true
	}
	require.NotEmpty(t, services)
	return services
}

// hostileState says what is not yet as it should be: after several ticks,
// whatever the good source knows is scored, as if the others did not exist.
func hostileState(t *testing.T, url string, known map[string]bool) string {
	t.Helper()
	page := fetch(t, url+"/metrics")
	ticks, _ := strconv.Atoi(series(page, "apgar_collector_ticks_total")[""])
	if ticks < 3 {
		return fmt.Sprintf("there were %d ticks", ticks)
	}
	for _, c := range items[card](t, url+"/api/v1/scorecards") {
		if known[c.Service.Name] && c.Status != "scored" {
			return fmt.Sprintf("%s is unknown: %+v", c.path(), c.Results)
		}
	}
	for source, kind := range misbehaviour() {
		if failures(page, source, kind) == 0 {
			return source + " has not failed yet by " + kind
		}
	}
	return ""
}

// misbehaviour names the sources that misbehave, and the errors they cause.
func misbehaviour() map[string]string {
	return map[string]string{
		"stalls": "timeout", "endless": "response_too_large", "million": "too_many_series", "garbage": "malformed",
	}
}

// failures counts the questions that a source failed in one way.
func failures(metrics, source, kind string) int {
	sum := 0
	for labels, text := range series(metrics, "apgar_source_queries_total") {
		n, err := strconv.Atoi(text)
		if err == nil && strings.Contains(labels, fmt.Sprintf("source=%q", source)) &&
			strings.Contains(labels, fmt.Sprintf("result=%q", kind)) {
			sum += n
		}
	}
	return sum
}

// writeHostileConfig writes a configuration for the demo's first cluster and
// the sources that misbehave, with the demo's own catalog.
func writeHostileConfig(t *testing.T, world *demo.Demo, hostile string) string {
	t.Helper()
	var config bytes.Buffer
	fmt.Fprintf(&config, "global: {evaluation_interval: 5s, query_delay: 1s, query_timeout: 3s}\nsources:\n  - {name: good, replicas: [{url: %q}]}\n", world.PrometheusURL()+"/eu-west")
	for name := range misbehaviour() {
		fmt.Fprintf(&config, "  - {name: %s, replicas: [{url: %q}], limits: {response_bytes: 16MiB, series: 100000}}\n", name, hostile+"/"+name)
	}
	fmt.Fprintf(&config, "catalog: {files: [%q]}\nrubrics: {packs: [http]}\n", filepath.Join(filepath.Dir(world.ConfigFile()), "catalog"))
	path := filepath.Join(t.TempDir(), "apgar.yml")
	require.NoError(t, os.WriteFile(path, config.Bytes(), 0o600))
	return path
}

// newHostile serves the sources that misbehave, each below its name.
func newHostile(t *testing.T) *httptest.Server {
	t.Helper()
	over := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/stalls/", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	})
	mux.HandleFunc("/endless/", func(w http.ResponseWriter, r *http.Request) { answer(w, r, math.MaxInt, strings.Repeat("x", 1000)) })
	mux.HandleFunc("/million/", func(w http.ResponseWriter, r *http.Request) { answer(w, r, 1_000_000, "service") })
	mux.Handle("/garbage/", garbage())
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		close(over)
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// answer answers with a number of series, each of which is fine.
func answer(w http.ResponseWriter, r *http.Request, n int, name string) {
	kind, value := "vector", `"value":[1,"1"]`
	if strings.HasSuffix(r.URL.Path, "/query_range") {
		kind, value = "matrix", `"values":[[1,"1"]]`
	}
	out := bufio.NewWriterSize(w, 1<<16)
	_, _ = fmt.Fprintf(out, `{"status":"success","data":{"resultType":%q,"result":[`, kind)
	separator := ""
	for i := range n {
		if _, err := fmt.Fprintf(out, `%s{"metric":{"service":"%s-%d"},%s}`, separator, name, i, value); err != nil {
			return // whoever asked has seen enough
		}
		separator = ","
	}
	_, _ = out.WriteString(`]}}`)
	_ = out.Flush()
}

// garbage answers each request with another kind of it.
func garbage() http.Handler {
	noise := make([]byte, 1<<16)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(noise)
	kinds := [][]byte{
		noise, []byte("<html><body>502 Bad Gateway</body></html>"), nil, []byte("null"), []byte("[]"),
		[]byte(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"service":"`),
		[]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}`),
		[]byte(`{"status":"success","data":{"resultType":"vector","result":{"metric":7}}}`),
		bytes.Repeat([]byte(`{"data":`), 10_000),
	}
	var turn atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(kinds[turn.Add(1)%uint64(len(kinds))])
	})
}
