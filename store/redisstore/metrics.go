package redisstore

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// metrics are the store's own.
type metrics struct {
	registerer prometheus.Registerer // nil: nobody takes them
	collectors []prometheus.Collector

	errors        *prometheus.CounterVec
	corrupt       *prometheus.CounterVec
	syncs         *prometheus.CounterVec
	fetched       prometheus.Counter
	commitSeconds prometheus.Histogram
	commitBytes   prometheus.Gauge
	evicts        prometheus.Gauge
	skew          prometheus.Gauge
}

// corruptKinds are the kinds of what may be damaged.
func corruptKinds() []string {
	kinds := []string{"manifest", "changes", "key"}
	for _, k := range []kind{kindCards, kindStates, kindRoot, kindHistory, kindPage, kindCatalog, kindRubrics, kindSources} {
		kinds = append(kinds, string(k))
	}
	return kinds
}

// newMetrics registers the metrics. A nil registerer is fine.
func newMetrics(reg prometheus.Registerer, s *Store) (*metrics, error) {
	m := &metrics{
		registerer: reg,
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apgar_store_errors_total",
			Help: "Operations on the store that failed, by operation and class of error.",
		}, []string{"operation", "class"}),
		corrupt: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apgar_store_corrupt_objects_total",
			Help: "Objects in the store that were damaged or of another type, by kind. They count as missing.",
		}, []string{"kind"}),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apgar_store_syncs_total",
			Help: "Generations read from the store: changed, or full when all was fetched anew.",
		}, []string{"kind"}),
		fetched: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "apgar_store_fetched_chunks_total",
			Help: "Chunks of scorecards read from the store, of 64 a generation.",
		}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "apgar_store_commit_duration_seconds",
			Help:    "Time that a commit took, from encoding to the flip.",
			Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}),
		commitBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_store_commit_bytes",
			Help: "Compressed bytes that the newest commit wrote.",
		}),
		evicts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_store_eviction_possible",
			Help: "1 while Redis may evict keys of the store when its memory is full, which loses data; set maxmemory-policy to noeviction.",
		}),
		skew: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_store_clock_skew_seconds",
			Help: "How far the clock of Redis is ahead of this machine's.",
		}),
	}
	for _, kind := range corruptKinds() {
		m.corrupt.WithLabelValues(kind) // so that the first of a kind is seen to come
	}
	m.collectors = []prometheus.Collector{
		m.errors, m.corrupt, m.syncs, m.fetched, m.commitSeconds, m.commitBytes, m.evicts, m.skew, newStoreCollector(s),
	}
	if reg == nil {
		return m, nil
	}
	for i, c := range m.collectors {
		if err := reg.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister()
			return nil, fmt.Errorf("register the metrics of the store: %w", err)
		}
	}
	return m, nil
}

// unregister takes the metrics away, so that another store can have them.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}

// storeCollector tells of what the store knows anyway: its newest generation,
// its last answer and its pool of connections.
type storeCollector struct {
	store      *Store
	answer     *prometheus.Desc
	generation *prometheus.Desc
	pool       []poolMetric
}

// poolMetric is one number of the library's pool.
type poolMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*redis.PoolStats) float64
}

func newStoreCollector(s *Store) *storeCollector {
	c := &storeCollector{
		store: s,
		answer: prometheus.NewDesc("apgar_store_last_answer_timestamp_seconds",
			"When the store last did what it was asked, in Unix seconds; absent before the first time.", nil, nil),
		generation: prometheus.NewDesc("apgar_store_generation",
			"The newest generation known here; absent before the first.", nil, nil),
	}
	add := func(name, help string, kind prometheus.ValueType, value func(*redis.PoolStats) float64) {
		c.pool = append(c.pool, poolMetric{prometheus.NewDesc("apgar_store_pool_"+name, help, nil, nil), kind, value})
	}
	add("connections", "Connections to the store.", prometheus.GaugeValue, func(p *redis.PoolStats) float64 { return float64(p.TotalConns) })
	add("idle_connections", "Connections to the store that nobody uses.", prometheus.GaugeValue, func(p *redis.PoolStats) float64 { return float64(p.IdleConns) })
	add("hits_total", "Times that a connection was free.", prometheus.CounterValue, func(p *redis.PoolStats) float64 { return float64(p.Hits) })
	add("misses_total", "Times that no connection was free.", prometheus.CounterValue, func(p *redis.PoolStats) float64 { return float64(p.Misses) })
	add("timeouts_total", "Times that no connection came free in time.", prometheus.CounterValue, func(p *redis.PoolStats) float64 { return float64(p.Timeouts) })
	add("stale_total", "Connections that were removed as stale.", prometheus.CounterValue, func(p *redis.PoolStats) float64 { return float64(p.StaleConns) })
	return c
}

// Describe implements prometheus.Collector.
func (c *storeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.answer
	ch <- c.generation
	for _, p := range c.pool {
		ch <- p.desc
	}
}

// Collect implements prometheus.Collector.
func (c *storeCollector) Collect(ch chan<- prometheus.Metric) {
	if at := c.store.answered.Load(); at != 0 {
		ch <- prometheus.MustNewConstMetric(c.answer, prometheus.GaugeValue, float64(at)/1e9)
	}
	if snap := c.store.Snapshot(); snap != nil {
		ch <- prometheus.MustNewConstMetric(c.generation, prometheus.GaugeValue, float64(snap.Generation))
	}
	stats := c.store.client.PoolStats()
	for _, p := range c.pool {
		ch <- prometheus.MustNewConstMetric(p.desc, p.kind, p.value(stats))
	}
}
