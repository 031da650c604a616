package collector

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/slo"
)

// metrics are the collector's own.
type metrics struct {
	ticks         prometheus.Counter
	ticksMissed   prometheus.Counter
	tickSeconds   prometheus.Histogram
	lastTick      prometheus.Gauge
	sourceMissed  *prometheus.CounterVec
	birthsDropped *prometheus.CounterVec
	comparisons   *prometheus.CounterVec
	commits       *prometheus.CounterVec
	services      prometheus.Gauge
	scorecards    *prometheus.GaugeVec
	queries       *prometheus.GaugeVec
	unmatched     *prometheus.GaugeVec
	slow          *prometheus.GaugeVec
	backfillLeft  prometheus.Gauge
	panics        prometheus.Counter
	slots         slotCounter
	stageDuration *prometheus.GaugeVec
	leader        prometheus.Gauge
	leaseEpoch    prometheus.Gauge
	takeovers     prometheus.Counter
	backlog       prometheus.Gauge
	pageErrors    prometheus.Counter
}

// newMetrics registers the metrics, or goes on with those of the collector
// that was there before a reload. A nil registerer is fine.
func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Name: name, Help: help}
	}
	bySource := []string{LabelSource}
	m := &metrics{
		ticks:       prometheus.NewCounter(counter(Ticks, "Ticks graded and committed.")),
		ticksMissed: prometheus.NewCounter(counter(TicksMissed, "Ticks that were not graded, because the process was behind or paused.")),
		tickSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: TickDuration, Help: "Time from a tick to the commit of its scorecards, the query delay included.",
			Buckets: []float64{0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120},
		}),
		lastTick: prometheus.NewGauge(gauge(LastTick, "The newest committed tick, in Unix seconds.")),
		sourceMissed: prometheus.NewCounterVec(counter(SourceTicksMissed,
			"Ticks that a source was not asked about, because it was still busy with an earlier one."), bySource),
		birthsDropped: prometheus.NewCounterVec(counter(BirthsDropped,
			"Answers of a source about errors that series began with that were too large to be believed, and were left out."), bySource),
		comparisons: prometheus.NewCounterVec(counter(ReplicaComparisons,
			"Times that another replica of a source was asked beside the preferred one, by reason (error, warning, restart, rows), and whether its answers were taken."),
			[]string{LabelSource, LabelReason, LabelTaken}),
		commits: prometheus.NewCounterVec(counter(Commits,
			"Ticks handed to the store, by result: ok, fenced, old_tick, future_tick, forgotten, timeout or error."), []string{LabelResult}),
		services:   prometheus.NewGauge(gauge(CatalogServices, "Services in the catalog.")),
		scorecards: prometheus.NewGaugeVec(gauge(Scorecards, "Scorecards of the newest tick, by status."), []string{LabelStatus}),
		queries:    prometheus.NewGaugeVec(gauge(TickQueries, "Queries sent to a source for the newest tick."), bySource),
		slow: prometheus.NewGaugeVec(gauge(SlowServices,
			"Services of a source that are not counted, because all their targets in some cell are scraped more seldom than every 75s."), bySource),
		unmatched: prometheus.NewGaugeVec(gauge(UnmatchedRows,
			"Rows of a source that name no service of the catalog: the most in one answer of the newest tick."), bySource),
		backfillLeft: prometheus.NewGauge(gauge(BackfillRemaining, "Slots of five minutes that are still to be asked about the past.")),
		panics:       prometheus.NewCounter(counter(PanicsRecovered, "Panics while grading that were recovered; each is a defect.")),
		stageDuration: prometheus.NewGaugeVec(gauge(StageDuration,
			"Time that a stage of the newest tick took: ledger, grade or commit."), []string{LabelStage}),
		leader:     prometheus.NewGauge(gauge(Leader, "1 while this process holds the lease to grade, 0 while it stands by.")),
		leaseEpoch: prometheus.NewGauge(gauge(LeaseEpoch, "Epoch of the newest lease that this process was granted.")),
		takeovers:  prometheus.NewCounter(counter(Takeovers, "Times that this process began to grade from what is in the store.")),
		backlog:    prometheus.NewGauge(gauge(BacklogTicks, "Graded ticks that are not in the store, and go with the next commit as history.")),
		pageErrors: prometheus.NewCounter(counter(LedgerPageErrors, "Pages of the ledger in the store that could not be read.")),
	}
	slots := newSlotsVec()
	if reg != nil {
		m.share(reg)
		share(reg, &slots)
	}
	m.slots = newSlotCounter(slots)
	for _, result := range commitResults() {
		m.commits.WithLabelValues(result) // so that the first of a kind is seen to come
	}
	m.queries.Reset() // sources may be gone
	m.unmatched.Reset()
	m.slow.Reset()
	return m
}

func (m *metrics) share(reg prometheus.Registerer) {
	share(reg, &m.ticks)
	share(reg, &m.ticksMissed)
	share(reg, &m.tickSeconds)
	share(reg, &m.lastTick)
	share(reg, &m.sourceMissed)
	share(reg, &m.birthsDropped)
	share(reg, &m.comparisons)
	share(reg, &m.commits)
	share(reg, &m.services)
	share(reg, &m.scorecards)
	share(reg, &m.queries)
	share(reg, &m.unmatched)
	share(reg, &m.slow)
	share(reg, &m.backfillLeft)
	share(reg, &m.panics)
	share(reg, &m.stageDuration)
	share(reg, &m.leader)
	share(reg, &m.leaseEpoch)
	share(reg, &m.takeovers)
	share(reg, &m.backlog)
	share(reg, &m.pageErrors)
}

// initialize has the counters of a source start at 0: a rate sees the first one.
func (m *metrics) initialize(source gather.Source) {
	m.sourceMissed.WithLabelValues(source.Name)
	m.birthsDropped.WithLabelValues(source.Name)
	if !source.Replicated() {
		return
	}
	for _, why := range gather.Doubts() {
		for _, taken := range []bool{false, true} {
			m.comparisons.WithLabelValues(source.Name, string(why), strconv.FormatBool(taken))
		}
	}
}

// heard counts what the gatherer says beside its blocks.
func (m *metrics) heard() gather.Heard {
	return gather.Heard{
		Missed:        func(source string) { m.sourceMissed.WithLabelValues(source).Inc() },
		BirthsDropped: func(source string, n int) { m.birthsDropped.WithLabelValues(source).Add(float64(n)) },
		Compared: func(source string, why gather.Doubt, taken bool) {
			m.comparisons.WithLabelValues(source, string(why), strconv.FormatBool(taken)).Inc()
		},
	}
}

// share registers a metric, or puts the one registered before in its place.
func share[C prometheus.Collector](reg prometheus.Registerer, metric *C) {
	err := reg.Register(*metric)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := already.ExistingCollector.(C); ok {
			*metric = existing
		}
	}
}

// slotCounter counts what became of slots.
type slotCounter struct{ measured, gap, shrunk prometheus.Counter }

func newSlotsVec() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: Slots,
		Help: "Slots entered into the ledger, by outcome: measured, gap, or shrunk (a later answer had less than the earlier one and was refused).",
	}, []string{LabelOutcome})
}

func newSlotCounter(vec *prometheus.CounterVec) slotCounter {
	return slotCounter{vec.WithLabelValues("measured"), vec.WithLabelValues("gap"), vec.WithLabelValues("shrunk")}
}

func (c slotCounter) add(outcomes map[slo.Outcome]int) {
	c.measured.Add(float64(outcomes[slo.Measured]))
	c.gap.Add(float64(outcomes[slo.Gap]))
	c.shrunk.Add(float64(outcomes[slo.Shrunk]))
}
