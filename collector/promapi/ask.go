package promapi

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

const (
	// maxAttempts is the first attempt and two retries.
	maxAttempts = 3
	// retryPause is about how long to wait before the first retry of the same replica; the second waits twice as long.
	retryPause = 200 * time.Millisecond
)

// ask takes one question through everything that stands between a caller and the wire, and counts its outcome.
func (s *Source) ask(ctx context.Context, r *request) (Report, error) {
	started := time.Now()
	var report Report
	fault := s.admit(ctx, r, &report)
	report.Duration = time.Since(started)
	if fault == nil || r.op != opStartTime { // not to say since when it runs is no failure of a server
		s.metrics.asked(s.name, fault)
	}
	if fault != nil {
		return report, fault
	}
	return report, nil
}

// admit waits for a place and for the breaker's leave. The time limit starts when there is a place: waiting behind
// other questions is no fault of the source.
func (s *Source) admit(ctx context.Context, r *request, report *Report) *Error {
	if err := s.slots.Acquire(ctx, 1); err != nil {
		// Even if it was a deadline that passed, this is no timeout: a smaller question would have waited as long.
		fault := faultf(KindCanceled, "never asked: the caller gave up waiting for one of the source's %d places", s.places)
		fault.err = err
		return fault.of(s.name, r.op, "")
	}
	defer s.slots.Release(1)
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	defer s.metrics.enter(s.name)()

	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if r.only != 0 {
		return s.askOnly(ctx, r, report)
	}
	done, err := s.breaker.enter(ctx)
	if err != nil {
		return s.notAsked(ctx, err).of(s.name, r.op, "")
	}
	started := time.Now()
	fault := &Error{Kind: KindCanceled} // what the breaker sees if the sink panics
	defer func() { done(asError(fault)) }()
	fault = s.attempts(ctx, r, report)
	s.metrics.took(s.name, time.Since(started))
	s.health.record(time.Now(), fault)
	return fault
}

// askOnly asks one replica once. Nothing follows from a failure: it is no reason to leave the source alone.
func (s *Source) askOnly(ctx context.Context, r *request, report *Report) *Error {
	replica := s.replicas.numbered(r.only)
	switch {
	case replica == nil:
		return faultf(KindUnreachable, "the source has no replica %d: it has %d", r.only, len(s.replicas.all)).of(s.name, r.op, "")
	case !s.breaker.closed():
		return s.notAsked(ctx, gobreaker.ErrOpenState).of(s.name, r.op, "")
	}
	started := time.Now()
	fault := s.attempt(ctx, replica, r, report)
	s.metrics.took(s.name, time.Since(started))
	return fault
}

// notAsked explains why the breaker gave no leave.
func (s *Source) notAsked(ctx context.Context, err error) *Error {
	if !errors.Is(err, gobreaker.ErrOpenState) {
		if e := contextFault(ctx, "waiting for a probe of the source to end"); e != nil && e.Kind == KindCanceled {
			return e
		}
		return faultf(KindBreakerOpen, "not asked: the source failed too often in a row, and the probe under way has no answer yet")
	}
	return faultf(KindBreakerOpen, "not asked: the source failed %d times in a row and is left alone for %s; the last failure was: %s",
		breakerFailures, breakerPause, s.health.cause())
}

// attempts asks until there is an answer, the budget or the time is up, or asking again makes no sense.
func (s *Source) attempts(ctx context.Context, r *request, report *Report) *Error {
	s.budget.earn()
	var fault *Error
	pace := &backoff.ExponentialBackOff{
		InitialInterval: retryPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: 10 * retryPause,
	}
	_, _ = backoff.Retry(ctx, func() (struct{}, error) {
		replica := s.replicas.current()
		fault = s.attempt(ctx, replica, r, report)
		if fault == nil {
			return struct{}{}, nil
		}
		return struct{}{}, s.next(ctx, replica, fault, report.Attempts)
	}, backoff.WithBackOff(pace), backoff.WithMaxElapsedTime(0))
	return fault
}

// attempt sends the question once.
func (s *Source) attempt(ctx context.Context, replica *replica, r *request, report *Report) *Error {
	*report = Report{Attempts: report.Attempts + 1, Replica: replica.shown, Number: replica.number()}
	r.sink.Reset()
	fault := s.exchange(ctx, replica, r, report)
	s.metrics.attempt(s.name, report.Attempts > 1, report)
	if fault == nil {
		return nil
	}
	fault = fault.of(s.name, r.op, replica.shown)
	s.log.LogAttrs(ctx, slog.LevelDebug, "Attempt failed", slog.String("replica", replica.shown),
		slog.Int("attempt", report.Attempts), slog.Any("err", fault))
	return fault
}

// next decides what follows a failed attempt, in the words of backoff: a permanent error ends it, a wait is given, or the
// pace decides on it. A failing replica loses its preference, whether or not this question is asked again.
func (s *Source) next(ctx context.Context, failed *replica, fault *Error, attempts int) error {
	if fault.againstReplica() && s.replicas.moveFrom(failed) {
		s.metrics.moved(s.name)
		s.log.Warn("Replica failed, another is preferred now",
			"failed", failed.shown, "preferred", s.replicas.current().shown, "err", fault)
	}
	// Another replica is asked at once, but none of them twice without a pause.
	another := s.replicas.current() != failed && attempts < len(s.replicas.all)
	deadline, _ := ctx.Deadline()
	switch {
	case !fault.retryable(), attempts >= maxAttempts, ctx.Err() != nil:
		return backoff.Permanent(fault)
	case !another && fault.retryAfter >= time.Until(deadline):
		return backoff.Permanent(fault)
	case !s.budget.spend():
		return backoff.Permanent(fault)
	case another:
		return &backoff.RetryAfterError{}
	case fault.retryAfter > 0:
		return &backoff.RetryAfterError{Duration: fault.retryAfter}
	}
	return fault
}

// asError avoids the nil pointer that is no nil error.
func asError(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}
