package promapi

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are shared by all sources of one registerer.
type metrics struct {
	queries  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	samples  *prometheus.CounterVec
	series   *prometheus.CounterVec
	inFlight *prometheus.GaugeVec
	retries  *prometheus.CounterVec
	open     *prometheus.GaugeVec
	moves    *prometheus.CounterVec
}

// newMetrics registers the metrics, or finds those that another source registered. A nil registerer is fine.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	bySource := []string{LabelSource}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(bySource[:1:1], labels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, bySource)
	}
	m := &metrics{
		queries: counter(Queries,
			"Questions asked of a source, retries not counted, by result: ok or the kind of error.", LabelResult),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    QueryDuration,
			Help:    "Time from sending a question to the end of its answer, with retries; waiting for a place is not part of it.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, bySource),
		bytes: counter(ResponseBytes, "Bytes of answers read from a source, after decompression."),
		samples: counter(Samples,
			"Samples that questions made a source look at, as its query statistics say."),
		series:   counter(AnsweredSeries, "Series decoded from the answers of a source."),
		inFlight: gauge(InFlight, "Questions being asked of a source now."),
		retries:  counter(Retries, "Attempts beyond the first of a question to a source."),
		open:     gauge(BreakerOpen, "1 while a source is left alone because it failed too often in a row, else 0."),
		moves:    counter(ReplicaMoves, "Times that another replica of a source became the preferred one."),
	}
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(
		share(reg, &m.queries), share(reg, &m.duration), share(reg, &m.bytes), share(reg, &m.samples),
		share(reg, &m.series), share(reg, &m.inFlight), share(reg, &m.retries), share(reg, &m.open),
		share(reg, &m.moves),
	)
}

// share registers a collector, or puts the one registered before in its place.
func share[C prometheus.Collector](reg prometheus.Registerer, collector *C) error {
	err := reg.Register(*collector)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := already.ExistingCollector.(C); ok {
			*collector = existing
			return nil
		}
	}
	return err
}

// attempt counts what one attempt read, whether or not it succeeded.
func (m *metrics) attempt(source string, retry bool, r *Report) {
	if retry {
		m.retries.WithLabelValues(source).Inc()
	}
	m.bytes.WithLabelValues(source).Add(float64(r.Bytes))
	m.series.WithLabelValues(source).Add(float64(r.Series))
	m.samples.WithLabelValues(source).Add(float64(r.SamplesTotal))
}

// asked counts the outcome of one question.
func (m *metrics) asked(source string, err *Error) {
	result := ResultOK
	if err != nil {
		result = string(err.Kind)
	}
	m.queries.WithLabelValues(source, result).Inc()
}

func (m *metrics) took(source string, d time.Duration) {
	m.duration.WithLabelValues(source).Observe(d.Seconds())
}

// enter counts a question as being asked until the function it returns is called.
func (m *metrics) enter(source string) (leave func()) {
	gauge := m.inFlight.WithLabelValues(source)
	gauge.Inc()
	return gauge.Dec
}

// moved counts that another replica is preferred now.
func (m *metrics) moved(source string) { m.moves.WithLabelValues(source).Inc() }

func (m *metrics) setBreaker(source string, open bool) {
	value := 0.0
	if open {
		value = 1
	}
	m.open.WithLabelValues(source).Set(value)
}

// forget takes away everything said about a source.
func (m *metrics) forget(source string) {
	labels := prometheus.Labels{LabelSource: source}
	m.queries.DeletePartialMatch(labels)
	m.duration.DeletePartialMatch(labels)
	m.bytes.DeletePartialMatch(labels)
	m.samples.DeletePartialMatch(labels)
	m.series.DeletePartialMatch(labels)
	m.inFlight.DeletePartialMatch(labels)
	m.retries.DeletePartialMatch(labels)
	m.open.DeletePartialMatch(labels)
	m.moves.DeletePartialMatch(labels)
}
