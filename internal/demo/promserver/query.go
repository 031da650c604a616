package promserver

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/stats"
)

var errTruncated = errors.New("results truncated due to limit")

// answerOfQuery is the data of query and query_range.
type answerOfQuery struct {
	value promqlValue
	stats *stats.BuiltinStats
}

func (s *Server) query(db Database, r *http.Request) result {
	at, err := timeParam(r, "time", s.now())
	if err != nil {
		return failed(badData, err)
	}
	return s.execute(db, r, func(ctx context.Context, opts promql.QueryOpts) (promql.Query, error) {
		return s.engine.NewInstantQuery(ctx, db.Queryable, opts, r.FormValue("query"), at)
	})
}

func (s *Server) queryRange(db Database, r *http.Request) result {
	span, err := rangeParams(r)
	if err != nil {
		return failed(badData, err)
	}
	return s.execute(db, r, func(ctx context.Context, opts promql.QueryOpts) (promql.Query, error) {
		return s.engine.NewRangeQuery(ctx, db.Queryable, opts, r.FormValue("query"), span.start, span.end, span.step)
	})
}

// execute runs the query that create makes, within the request's timeout, and adds the statistics asked for.
func (s *Server) execute(db Database, r *http.Request, create func(context.Context, promql.QueryOpts) (promql.Query, error)) result {
	limit, err := countParam(r, "limit")
	if err != nil {
		return failed(badData, err)
	}
	timeout, err := durationParam(r, "timeout", queryTimeout)
	if err != nil {
		return failed(badData, err)
	}
	lookback, err := durationParam(r, "lookback_delta", 0)
	if err != nil {
		return failed(badData, err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(timeout, queryTimeout))
	defer cancel()
	q, err := create(ctx, promql.NewPrometheusQueryOpts(false, lookback, nil))
	if err != nil {
		return failed(badData, invalidParam("query", err))
	}
	res := q.Exec(ctx)
	s.metrics.samples.WithLabelValues(db.Name).Add(float64(q.Stats().Samples.TotalSamples))
	if res.Err != nil {
		out := failed(kindOf(res.Err), res.Err)
		out.warnings, out.close = res.Warnings, q.Close
		return out
	}
	warnings := res.Warnings
	value, truncated := truncate(res.Value, limit)
	if truncated {
		warnings = warnings.Add(errTruncated)
	}
	answer := answerOfQuery{value: value}
	if r.FormValue("stats") != "" {
		builtin := stats.NewQueryStats(q.Stats()).Builtin()
		answer.stats = &builtin
	}
	return result{data: answer, warnings: warnings, query: r.FormValue("query"), close: q.Close}
}

func truncate(v promqlValue, limit int) (promqlValue, bool) {
	if limit <= 0 {
		return v, false
	}
	switch v := v.(type) {
	case promql.Vector:
		if len(v) > limit {
			return v[:limit], true
		}
	case promql.Matrix:
		if len(v) > limit {
			return v[:limit], true
		}
	}
	return v, false
}

// errorKind is what Prometheus calls errorType.
type errorKind string

const (
	badData   errorKind = "bad_data"
	execution errorKind = "execution"
	timedOut  errorKind = "timeout"
	canceled  errorKind = "canceled"
	internal  errorKind = "internal"
	notFound  errorKind = "not_found"
)

// status returns the HTTP status that goes with the kind.
func (k errorKind) status() int {
	switch k {
	case badData:
		return http.StatusBadRequest
	case execution:
		return http.StatusUnprocessableEntity
	case timedOut:
		return http.StatusServiceUnavailable
	case canceled:
		return 499
	case notFound:
		return http.StatusNotFound
	default:
		return http.StatusInternalServerError
	}
}

func kindOf(err error) errorKind {
	if _, ok := errors.AsType[promql.ErrQueryTimeout](err); ok {
		return timedOut
	}
	if _, ok := errors.AsType[promql.ErrQueryCanceled](err); ok {
		return canceled
	}
	if _, ok := errors.AsType[promql.ErrStorage](err); ok {
		return internal
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut
	case errors.Is(err, context.Canceled):
		return canceled
	default:
		return execution
	}
}

// result is the outcome of one endpoint, before it is rendered.
type result struct {
	data     any
	err      error
	kind     errorKind
	warnings annotations.Annotations
	query    string // for the positions in warnings
	close    func() // frees the data, once rendered
}

func failed(kind errorKind, err error) result { return result{kind: kind, err: err} }

// span is a checked range of a query.
type span struct {
	start, end time.Time
	step       time.Duration
}
