// Package exporter serves /metrics/scorecards: the newest scorecards as
// Prometheus metrics, and it keeps the list of their names.
//
// It reads snapshots, and knows nothing of where they come from. It never
// decides anything about a score: what is unknown there is absent here.
package exporter

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"weak"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/apgarhq/apgar/scorecard"
)

// defaultSeriesLimit is the limit unless Options say otherwise.
const defaultSeriesLimit = 500_000

// Options are the settings of an Exporter. The zero value is usable.
type Options struct {
	// SeriesLimit is how many series the page has at most, the exporter's own
	// two included, which are always there; 0 or less is 500,000. When the
	// scorecards have more, metrics are left out whole, because a part of one
	// would give wrong sums that look right: the credits of checks first, then
	// their budgets, then the info, timestamps, levels, coverage, rollups, and in
	// the end the scores.
	SeriesLimit int
	// Logger is told once when metrics begin to be left out; nil is silence.
	Logger *slog.Logger
}

// Exporter makes the page of the newest snapshot. It is safe for concurrent
// use.
type Exporter struct {
	snapshot func() *scorecard.Snapshot
	limit    int
	logger   *slog.Logger

	mu       sync.Mutex // guards all below; a page is made by one at a time
	registry *prometheus.Registry
	own      *metrics
	dropping bool // metrics were left out of the newest page
	pages    [formats]page
}

// page is an encoded page. It remembers its snapshot without keeping it alive.
type page struct {
	of      weak.Pointer[scorecard.Snapshot]
	gzipped []byte // nil before the first
}

// New returns an exporter of the snapshots that the function returns: the
// newest, or nil while there is none. A snapshot must not change.
func New(snapshot func() *scorecard.Snapshot, o Options) *Exporter {
	if o.SeriesLimit <= 0 {
		o.SeriesLimit = defaultSeriesLimit
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{snapshot: snapshot, limit: o.SeriesLimit, logger: o.Logger, registry: prometheus.NewRegistry()}
	e.own = newMetrics(e.registry)
	return e
}

// Gather returns the metrics of the newest snapshot. It makes Exporter a
// prometheus.Gatherer.
func (e *Exporter) Gather() ([]*dto.MetricFamily, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*dto.MetricFamily
	err := e.gather(e.snapshot(), func(f *dto.MetricFamily) error {
		all = append(all, f)
		return nil
	})
	return all, err
}

// gather calls emit with one metric after the other, in the order of their
// names. Each is built just before, so that they need not all be in memory at
// once. The caller holds mu.
func (e *Exporter) gather(s *scorecard.Snapshot, emit func(*dto.MetricFamily) error) error {
	if s == nil {
		s = &scorecard.Snapshot{}
	}
	t := newTable(s)
	kept := e.fit(t)
	own, err := e.registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range own {
		kept = append(kept, counted{family: family{name: f.GetName()}, built: f})
	}
	slices.SortFunc(kept, func(a, b counted) int { return cmp.Compare(a.name, b.name) })
	for _, f := range kept {
		if f.built == nil {
			f.built = f.build(t, f.n)
		}
		if err := emit(f.built); err != nil {
			return err
		}
	}
	return nil
}

// counted is a metric with at least one series.
type counted struct {
	family
	n     int
	built *dto.MetricFamily // nil until it is built
}

// fit returns the metrics that fit into the limit, and says on the page and in
// the log what did not.
func (e *Exporter) fit(t *table) []counted {
	var (
		kept    []counted
		left    []string
		series  = ownSeries
		dropped = 0
	)
	for _, f := range families() {
		n := f.count(t)
		switch {
		case n == 0:
		case len(left) > 0 || series+n > e.limit:
			left = append(left, f.name)
			dropped += n
		default:
			kept = append(kept, counted{family: f, n: n})
			series += n
		}
	}
	e.own.series.Set(float64(series))
	e.own.dropped.Set(float64(dropped))
	if dropped > 0 && !e.dropping {
		e.logger.Warn("The scorecards have more series than exporter.series_limit allows: metrics are left out of /metrics/scorecards. Raise the limit, or grade fewer services or rubrics.",
			"series_limit", e.limit, "series", series+dropped, "left_out", left)
	}
	e.dropping = dropped > 0
	return kept
}
