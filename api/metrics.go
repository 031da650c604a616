package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's own. Labels are bounded: routes are templates,
// methods those of HTTP.
type metrics struct {
	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	encodeFailures prometheus.Counter
	streams        prometheus.Gauge
	eventsSent     prometheus.Counter
	resets         *prometheus.CounterVec
	dropped        *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, reader Reader, now func() time.Time) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: Requests,
			Help: "HTTP requests answered, by route template, method and status code.",
		}, []string{LabelRoute, LabelMethod, LabelCode}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    RequestDuration,
			Help:    "Time from the first byte of a request to its answer, or to the first byte of a stream, by route template.",
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5},
		}, []string{LabelRoute}),
		encodeFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: EncodeFailures,
			Help: "Answers that could not be encoded. Any increase is a defect of Apgar.",
		}),
	}
	m.describeStreams()
	for _, c := range []prometheus.Collector{
		m.requests, m.duration, m.encodeFailures, m.streams, m.eventsSent, m.resets, m.dropped, newSnapshotCollector(reader, now),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of the API: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) describeStreams() {
	m.streams = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "apgar_api_event_streams",
		Help: "Event streams that are open.",
	})
	m.eventsSent = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "apgar_api_events_sent_total",
		Help: "Changes sent over event streams, each once per stream that it was sent over.",
	})
	m.resets = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "apgar_api_event_resets_total",
		Help: "Readers of event streams told to begin anew, by reason.",
	}, []string{"reason"})
	for _, reason := range resetReasons() {
		m.resets.WithLabelValues(string(reason))
	}
	m.dropped = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "apgar_api_event_streams_dropped_total",
		Help: "Event streams that the server ended, by reason: slow, the reader took too little for too long; error, the changes could not be read.",
	}, []string{"reason"})
	for _, reason := range []string{droppedSlow, droppedError} {
		m.dropped.WithLabelValues(reason)
	}
}

func (m *metrics) observe(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// snapshotCollector tells of the snapshot that is served. Its series are
// absent before the first one.
type snapshotCollector struct {
	reader     Reader
	now        func() time.Time
	age        *prometheus.Desc
	generation *prometheus.Desc
}

func newSnapshotCollector(reader Reader, now func() time.Time) *snapshotCollector {
	return &snapshotCollector{
		reader: reader, now: now,
		age: prometheus.NewDesc(SnapshotAge,
			"Time since the tick of the snapshot that is served; absent before the first.", nil, nil),
		generation: prometheus.NewDesc(SnapshotGeneration,
			"Generation of the snapshot that is served; absent before the first.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *snapshotCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.age
	ch <- c.generation
}

// Collect implements prometheus.Collector.
func (c *snapshotCollector) Collect(ch chan<- prometheus.Metric) {
	snap, _ := c.reader.Current()
	if snap == nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, c.now().Sub(snap.Tick).Seconds())
	ch <- prometheus.MustNewConstMetric(c.generation, prometheus.GaugeValue, float64(snap.Generation))
}

// processMetrics answers /metrics. What cannot be gathered is logged, the
// rest is served: a broken collector must not blind whoever looks for it.
func processMetrics(g prometheus.Gatherer, logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(logger.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 8,
	})
}
