package collector

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/internal/demo/promserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spec makes plans.
type spec fixture.Spec

func (s spec) plan(t testing.TB) *question.Plan {
	t.Helper()
	plan, err := question.NewPlan(question.PlanOptions(fixture.Spec(s).Load(t)))
	require.NoError(t, err)
	return plan
}

// realPrometheus serves series in Prometheus' test notation with its own
// engine, over HTTP. Time 0 of the series is the Unix epoch.
func realPrometheus(t testing.TB, load string) string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = storage.Close() })
	server, err := promserver.New(promserver.Options{
		Databases: []promserver.Database{{Name: "prom", Queryable: storage}},
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
