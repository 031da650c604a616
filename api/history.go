package api

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// The bounds of a history request.
const (
	historyDefault   = 24 * time.Hour
	historyMaxPoints = 5000
	historyTimeout   = 2 * time.Second
)

// span is what a history request asks for: the points in (from, to], the last
// one of each step.
type span struct {
	from, to time.Time
	step     time.Duration
}

// listHistory is the one answer that is not in memory: it reads the store, for
// a bounded time.
func (s *Server) listHistory(r request) ([]byte, error) {
	k := scorecardParam(r)
	if _, ok := r.view.scorecards.Find(k); !ok {
		return nil, &problem{code: notFound, detail: fmt.Sprintf("there is no scorecard of %s/%s by rubric %q", k.Namespace, k.Name, k.Rubric)}
	}
	asked, err := parseSpan(r.values, r.view.snap.Tick, r.view.snap.Interval)
	if err != nil {
		return nil, err
	}
	key := scorecard.Key{Rubric: k.Rubric, Service: catalog.ID{Namespace: k.Namespace, Name: k.Name}}
	points, err := s.readHistory(r.ctx, key, asked)
	if err != nil {
		return nil, &problem{
			code: historyUnavailable, cause: err,
			detail: "the store of history does not answer; scores of this moment are not affected, try again later",
		}
	}
	body, err := wire.History(points)
	if err != nil {
		return nil, notEncoded(err)
	}
	return body.Append(r.dst, r.stale), nil
}

// readHistory asks the store within the time that a request may take. A
// scorecard without a past has no points.
func (s *Server) readHistory(ctx context.Context, key scorecard.Key, asked span) ([]scorecard.HistoryPoint, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	points, err := s.history.History(ctx, key, asked.from, asked.to, asked.step)
	if errors.Is(err, scorecard.ErrNotFound) {
		return nil, nil
	}
	return points, err // it says what was being read
}

// parseSpan reads from, to and step. They default to the last day up to tick,
// and to a step that keeps the answer small; a step is at least the interval.
func parseSpan(values url.Values, tick time.Time, interval time.Duration) (span, error) {
	asked := span{to: tick}
	var err error
	if text := values.Get("to"); text != "" {
		if asked.to, err = listing.ParseTime("to", text); err != nil {
			return asked, err
		}
	}
	asked.from = asked.to.Add(-historyDefault)
	if text := values.Get("from"); text != "" {
		if asked.from, err = listing.ParseTime("from", text); err != nil {
			return asked, err
		}
	}
	if !asked.from.Before(asked.to) {
		return asked, &listing.ParamError{Param: "from", Reason: "it is not before to; allowed is any earlier time"}
	}
	asked.step = defaultStep(asked.to.Sub(asked.from), interval)
	if text := values.Get("step"); text != "" {
		step, err := model.ParseDuration(text)
		if err != nil || step <= 0 {
			return asked, &listing.ParamError{Param: "step", Reason: "it is no step; allowed is a duration like 5m"}
		}
		asked.step = max(time.Duration(step), interval)
	}
	if asked.to.Sub(asked.from)/asked.step > historyMaxPoints {
		return asked, &listing.ParamError{Param: "step", Reason: fmt.Sprintf("it gives more than %d points; allowed is a longer step or a shorter time", historyMaxPoints)}
	}
	return asked, nil
}

// defaultStep gives some hundred points, in steps that history is kept in.
func defaultStep(length, interval time.Duration) time.Duration {
	switch {
	case length <= 2*time.Hour:
		return max(interval, time.Second)
	case length <= 48*time.Hour:
		return max(interval, 5*time.Minute)
	case length <= 90*24*time.Hour:
		return time.Hour
	default:
		return 24 * time.Hour
	}
}
