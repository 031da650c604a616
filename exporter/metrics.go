package exporter

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the exporter says of itself, on the page that it makes.
type metrics struct {
	series  prometheus.Gauge
	dropped prometheus.Gauge
}

// ownSeries is how many series metrics has.
const ownSeries = 2

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		series: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: Series,
			Help: "Series on this page, this one included.",
		}),
		dropped: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: SeriesDropped,
			Help: "Series left out of this page to stay within the series limit. Metrics are left out whole, those per check first.",
		}),
	}
	reg.MustRegister(m.series, m.dropped)
	return m
}
