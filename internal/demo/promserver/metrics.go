package promserver

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what clients ask, so that a demonstration can show how few queries are enough.
type metrics struct {
	queries *prometheus.CounterVec
	samples *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "demo_prometheus_queries_total",
			Help: "Requests to the HTTP API of the demo's Prometheus servers.",
		}, []string{"handler", "cluster"}),
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "demo_prometheus_samples_total",
			Help: "Samples that queries to the demo's Prometheus servers have read.",
		}, []string{"cluster"}),
	}
	for _, c := range []prometheus.Collector{m.queries, m.samples} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of the demo's Prometheus: %w", err)
		}
	}
	return m, nil
}

// announce makes the series of the given databases exist before their first query, so that none is missed by increase.
func (m *metrics) announce(databases []string) {
	for _, name := range databases {
		m.samples.WithLabelValues(name)
		m.queries.WithLabelValues("query", name)
		m.queries.WithLabelValues("query_range", name)
	}
}
