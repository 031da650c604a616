// Package promservertest gives tests a Prometheus over HTTP that answers with
// its own engine.
package promservertest

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/promserver"
)

// Load serves series in Prometheus' test notation until the test ends, and
// returns the URL. Time 0 of the series is the Unix epoch.
func Load(t testing.TB, load string) string {
	t.Helper()
	loaded := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = loaded.Close() })
	return Serve(t, loaded)
}

// Serve serves what is stored until the test ends, and returns the URL.
func Serve(t testing.TB, stored storage.Queryable) string {
	t.Helper()
	server, err := promserver.New(promserver.Options{
		Databases: []promserver.Database{{Name: "prom", Queryable: stored}},
		Registry:  prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	return listener.URL + "/prom"
}
