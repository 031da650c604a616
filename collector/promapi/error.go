package promapi

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error says why a source did not answer a question. Its text names the question, the source, the reason and what to do
// about it, and holds no secret, so it may be logged and shown.
type Error struct {
	Kind   Kind
	Source string
	// Op is query, query_range, build_info or start_time.
	Op string
	// Replica is the URL asked, without userinfo and query; empty if none was.
	Replica string
	// Status is the HTTP status of the answer; 0 if there was none.
	Status int
	// Detail is the reason; remote text in it is cut to 256 bytes and stripped of control characters and secrets.
	Detail string

	// answered says that the source itself did its work and the question is what is wrong with it.
	answered bool
	// gaveUp says that the source itself ended the evaluation for time.
	gaveUp     bool
	retryAfter time.Duration
	err        error
}

// Kind classifies an [*Error]. The set is bounded, so a kind may be a metric label.
type Kind string

const (
	// KindUnreachable is a connection that could not be made or broke.
	KindUnreachable Kind = "unreachable"
	// KindTimeout is no complete answer in time, or a source that says its own limit was reached.
	KindTimeout Kind = "timeout"
	// KindUnauthorized is missing, wrong or insufficient credentials.
	KindUnauthorized Kind = "unauthorized"
	// KindBadQuery is a question the source does not understand.
	KindBadQuery Kind = "bad_query"
	// KindTooManySamples is a question that touches more than the source allows; smaller questions may succeed.
	KindTooManySamples Kind = "too_many_samples"
	// KindExecution is any other failure in evaluating the expression.
	KindExecution Kind = "execution"
	// KindUnavailable is a source that says it cannot answer now.
	KindUnavailable Kind = "unavailable"
	// KindRateLimited is a source that asks to be asked less.
	KindRateLimited Kind = "rate_limited"
	// KindResponseTooLarge is an answer, or one series of it, beyond the byte limit.
	KindResponseTooLarge Kind = "response_too_large"
	// KindTooManySeries is an answer beyond the series limit.
	KindTooManySeries Kind = "too_many_series"
	// KindMalformed is an answer that is not what Prometheus would say to this question.
	KindMalformed Kind = "malformed"
	// KindBreakerOpen is a question not asked, because the source failed too often in a row.
	KindBreakerOpen Kind = "breaker_open"
	// KindCanceled is a question the caller gave up, or whose deadline passed before it could be asked.
	KindCanceled Kind = "canceled"
	// KindNotPrometheus is an endpoint without Prometheus' API.
	KindNotPrometheus Kind = "not_prometheus"
	// KindRejected is an answer that the caller's sink refused; its error is wrapped.
	KindRejected Kind = "rejected"
)

// Error is the whole story in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "asking source %q", e.Source)
	if e.Replica != "" {
		fmt.Fprintf(&b, " (%s)", e.Replica)
	}
	fmt.Fprintf(&b, " for %s: %s", e.Op, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	fmt.Fprintf(&b, ": %s", e.Detail)
	if advice := e.Kind.advice(); advice != "" {
		fmt.Fprintf(&b, "; %s", advice)
	}
	return b.String()
}

// Unwrap gives the cause, where there is one that can be shown: a context's error or the sink's.
func (e *Error) Unwrap() error { return e.err }

// KindOf is the kind of the [*Error] in err's chain, or "" if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// IsTooManySamples says that the question touches more than the source, or this client, lets through at once: splitting
// it may help.
func IsTooManySamples(err error) bool {
	switch KindOf(err) {
	case KindTooManySamples, KindResponseTooLarge, KindTooManySeries:
		return true
	}
	return false
}

// IsTooManyRows says that an answer was larger than we take: fewer rows may do.
func IsTooManyRows(err error) bool {
	k := KindOf(err)
	return k == KindResponseTooLarge || k == KindTooManySeries
}

// IsTooSlow says that the source itself gave the question up because evaluating it took too long: splitting it may help. A
// source that merely stays silent is not among them: more questions would make that worse.
func IsTooSlow(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == KindTimeout && e.gaveUp
}

// IsCanceled says that the caller gave up, so that the error says nothing about the source.
func IsCanceled(err error) bool { return KindOf(err) == KindCanceled }

// faultf starts an error; [Error.of] completes it.
func faultf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// of completes an error with what was asked of whom.
func (e *Error) of(source, op, replica string) *Error {
	e.Source, e.Op, e.Replica = source, op, replica
	return e
}

// inWords takes a limit of time for the source's own that the source itself says was reached. Waiting in its queue is not
// the question's fault.
func (e *Error) inWords(text string) {
	e.answered = e.Kind == KindTimeout
	e.gaveUp = e.answered && !strings.Contains(text, "query queue")
}

// againstSource says whether the source, rather than the question or the caller, is to blame: five such in a row open
// the breaker.
func (e *Error) againstSource() bool {
	if e.answered {
		return false
	}
	switch e.Kind {
	case KindUnreachable, KindTimeout, KindUnavailable, KindRateLimited, KindUnauthorized, KindMalformed, KindNotPrometheus:
		return true
	}
	return false
}

// againstReplica says whether another replica may do better.
func (e *Error) againstReplica() bool {
	return e.againstSource() && e.Kind != KindRateLimited && e.Kind != KindUnauthorized
}

// retryable says whether the same question may be sent again at once.
func (e *Error) retryable() bool {
	switch e.Kind {
	case KindUnreachable, KindUnavailable, KindRateLimited:
		return true
	}
	return false
}

// advice says what the reader can do about an error of this kind.
func (k Kind) advice() string {
	switch k {
	case KindUnreachable:
		return "is the URL right, and is the server up and reachable from here?"
	case KindTimeout:
		return "ask for less at once, or raise query_timeout"
	case KindUnauthorized:
		return "check the credentials and headers in the source's http_config"
	case KindBadQuery:
		return "correct the query"
	case KindTooManySamples:
		return "ask for less at once, or raise the limit of the source"
	case KindExecution:
		return "try the query on the source itself"
	case KindUnavailable:
		return "look at the health of the source"
	case KindRateLimited:
		return "lower the source's concurrency, or raise its quota"
	case KindResponseTooLarge:
		return "aggregate more, or raise the source's limits.response_bytes"
	case KindTooManySeries:
		return "aggregate more, or raise the source's limits.series"
	case KindMalformed:
		return "is the URL right? It must be the one before /api/v1 of a Prometheus-compatible server"
	case KindNotPrometheus:
		return "is the URL right? It must be the one before /api/v1, with the path prefix if there is one"
	}
	return ""
}
