package rubrictest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/promapi"
)

// newEngine returns Prometheus' query engine, with the settings of a Prometheus
// that was given none.
func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: querySamples, Timeout: queryTimeout, LookbackDelta: lookbackDelta,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
}

// prometheus answers the questions of the collector from series in memory. It
// is safe for concurrent use.
type prometheus struct {
	engine    *promql.Engine
	queryable storage.Queryable
}

var _ gather.Prometheus = (*prometheus)(nil)

// Status says that everything is well: there is no network to fail.
func (p *prometheus) Status() promapi.Status { return promapi.Status{State: promapi.StateOK} }

// Query answers an instant query.
func (p *prometheus) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	prepared, err := p.engine.NewInstantQuery(ctx, p.queryable, promql.NewPrometheusQueryOpts(false, 0, nil), q.Expr, q.Time)
	return answer(ctx, asked{prepared, q.Expr, parser.ValueTypeVector}, err, sink)
}

// QueryRange answers a range query.
func (p *prometheus) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	prepared, err := p.engine.NewRangeQuery(ctx, p.queryable, promql.NewPrometheusQueryOpts(false, 0, nil), q.Expr, q.Start, q.End, q.Step)
	return answer(ctx, asked{prepared, q.Expr, parser.ValueTypeMatrix}, err, sink)
}

// asked is a question and what kind of answer it must have.
type asked struct {
	promql.Query
	expr string
	want parser.ValueType
}

// answer runs a query that has been prepared, unless that failed, and hands on
// what it yields.
func answer(ctx context.Context, q asked, err error, sink promapi.Sink) (promapi.Report, error) {
	report := promapi.Report{Attempts: 1}
	if err != nil {
		return report, fmt.Errorf("preparing %s: %w", q.expr, err)
	}
	defer q.Close()
	result := q.Exec(ctx)
	report.SamplesTotal = q.Stats().Samples.TotalSamples
	report.Warnings, report.Infos = textsOf(result.Warnings, q.expr)
	if result.Err != nil {
		return report, fmt.Errorf("running %s: %w", q.expr, result.Err)
	}
	if kind := result.Value.Type(); kind != q.want {
		return report, fmt.Errorf("running %s: it yields a %s, not a %s", q.expr, kind, q.want)
	}
	sink.Reset()
	give := func(ls labels.Labels, floats []promapi.Point, histograms []promapi.HistogramPoint) error {
		report.Series++
		report.Points += len(floats) + len(histograms)
		return sink.Series(promapi.NewSeries(ls.Map(), floats, histograms))
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		err = giveVector(v, give)
	case promql.Matrix:
		err = giveMatrix(v, give)
	}
	return report, err
}

func textsOf(found annotations.Annotations, expr string) (warnings, infos []string) {
	const most = 32
	return found.AsStrings(expr, most, most)
}

type giver func(labels.Labels, []promapi.Point, []promapi.HistogramPoint) error

func giveVector(v promql.Vector, give giver) error {
	for _, s := range v {
		var err error
		if s.H != nil {
			err = give(s.Metric, nil, []promapi.HistogramPoint{histogramPoint(s.T, s.H)})
		} else {
			err = give(s.Metric, []promapi.Point{{T: s.T, V: s.F}}, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func giveMatrix(m promql.Matrix, give giver) error {
	for _, s := range m {
		floats := make([]promapi.Point, len(s.Floats))
		for i, p := range s.Floats {
			floats[i] = promapi.Point{T: p.T, V: p.F}
		}
		histograms := make([]promapi.HistogramPoint, len(s.Histograms))
		for i, p := range s.Histograms {
			histograms[i] = histogramPoint(p.T, p.H)
		}
		if err := give(s.Metric, floats, histograms); err != nil {
			return err
		}
	}
	return nil
}

// histogramPoint writes a histogram as the API of Prometheus does: with the
// populated buckets only.
func histogramPoint(t int64, h *histogram.FloatHistogram) promapi.HistogramPoint {
	out := promapi.HistogramPoint{T: t, Count: h.Count, Sum: h.Sum}
	for it := h.AllBucketIterator(); it.Next(); {
		b := it.At()
		if b.Count == 0 {
			continue
		}
		boundaries := promapi.OpenBoth
		switch {
		case b.LowerInclusive && b.UpperInclusive:
			boundaries = promapi.ClosedBoth
		case b.LowerInclusive:
			boundaries = promapi.OpenRight
		case b.UpperInclusive:
			boundaries = promapi.OpenLeft
		}
		out.Buckets = append(out.Buckets, promapi.Bucket{Boundaries: boundaries, Lower: b.Lower, Upper: b.Upper, Count: b.Count})
	}
	return out
}
