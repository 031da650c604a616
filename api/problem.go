package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/listing"
)

// problem is an error that a client is told about, as RFC 9457 has it.
type problem struct {
	code   code
	detail string // what was asked, why it failed, what to do; safe to show
	param  string // the parameter at fault, or ""
	cause  error  // for the log only
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.detail + ": " + p.cause.Error()
	}
	return p.detail
}

func (p *problem) Unwrap() error { return p.cause }

// code names a kind of problem. Codes are part of the API: they stay.
type code string

const (
	invalidParameter   code = "invalid_parameter"
	invalidCursor      code = "invalid_cursor"
	crossOrigin        code = "cross_origin"
	notFound           code = "not_found"
	methodNotAllowed   code = "method_not_allowed"
	notAcceptable      code = "not_acceptable"
	encodeFailed       code = "encode_failed"
	internal           code = "internal"
	reloadFailed       code = "reload_failed"
	historyUnavailable code = "history_unavailable"
	notReady           code = "not_ready"
	tooManyStreams     code = "too_many_streams"
	stopping           code = "stopping"
)

// expected reports whether a server that does well may answer so: no error of
// the log.
func (c code) expected() bool { return c == notReady || c == tooManyStreams || c == stopping }

// noSnapshot is the problem of whatever is asked before the first snapshot.
func noSnapshot() *problem {
	return &problem{code: notReady, detail: "nothing has been graded yet, or the store has not answered yet; try again in a few seconds, and see the log of the grader if it lasts"}
}

// answer is how a kind of problem is told over HTTP.
type answer struct {
	status int
	title  string
}

// answers is the one table from codes to HTTP.
func answers() map[code]answer {
	return map[code]answer{
		invalidParameter:   {http.StatusBadRequest, "A parameter cannot be served"},
		invalidCursor:      {http.StatusBadRequest, "The cursor cannot be used"},
		crossOrigin:        {http.StatusForbidden, "The request came from another site"},
		notFound:           {http.StatusNotFound, "There is no such thing"},
		methodNotAllowed:   {http.StatusMethodNotAllowed, "The method is not allowed here"},
		notAcceptable:      {http.StatusNotAcceptable, "Nothing that the client accepts is served here"},
		encodeFailed:       {http.StatusInternalServerError, "The answer could not be encoded"},
		internal:           {http.StatusInternalServerError, "Something went wrong"},
		reloadFailed:       {http.StatusInternalServerError, "The configuration was not reloaded"},
		historyUnavailable: {http.StatusServiceUnavailable, "History cannot be read at the moment"},
		notReady:           {http.StatusServiceUnavailable, "Nothing has been graded yet"},
		tooManyStreams:     {http.StatusServiceUnavailable, "No further stream is taken"},
		stopping:           {http.StatusServiceUnavailable, "The server is about to stop"},
	}
}

// problemJSON is the document of RFC 9457, with our extensions.
type problemJSON struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance"`
	Code      code   `json:"code"`
	Parameter string `json:"parameter,omitempty"`
	RequestID string `json:"request_id"`
}

// asProblem finds what a client may be told about an error. What is no
// problem of ours is told as internal, without its text.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if p, ok := errors.AsType[*listing.ParamError](err); ok {
		return &problem{code: invalidParameter, detail: p.Error(), param: p.Param}
	}
	if p, ok := errors.AsType[*listing.CursorError](err); ok {
		return &problem{code: invalidCursor, detail: p.Error(), param: "cursor"}
	}
	return &problem{code: internal, detail: "the request failed for a reason that is ours; the log has it under the request id", cause: err}
}

// fail is the one exit for errors: it logs and counts them and answers.
func (s *Server) fail(c *gin.Context, err error) {
	p := asProblem(err)
	a := s.report(c, p)
	body, err := json.Marshal(problemJSON{
		Type: "urn:apgar:problem:" + string(p.code), Title: a.title, Status: a.status, Detail: p.detail,
		Instance: c.Request.URL.EscapedPath(), Code: p.code, Parameter: p.param, RequestID: requestID(c),
	})
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Abort()
	c.Header("Cache-Control", "no-store")
	write(c, a.status, "application/problem+json", body)
}

// report logs and counts a problem, and returns how it is answered.
func (s *Server) report(c *gin.Context, p *problem) answer {
	if p.code == encodeFailed {
		s.metrics.encodeFailures.Inc()
	}
	a := answers()[p.code]
	if a.status >= http.StatusInternalServerError && !p.code.expected() {
		s.logger.LogAttrs(c.Request.Context(), p.code.level(), "request failed",
			slog.String("code", string(p.code)), slog.String("error", p.Error()),
			slog.String("route", routeOf(c)), slog.String("request_id", requestID(c)))
	}
	if a.status == http.StatusServiceUnavailable {
		c.Header("Retry-After", "5")
	}
	return a
}

// level is how loud the log tells of a failed request: what others tell of
// already, once and not at every request, is for those who look for it.
func (c code) level() slog.Level {
	if c == historyUnavailable || c == reloadFailed {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func (s *Server) noRoute(c *gin.Context) {
	s.fail(c, &problem{code: notFound, detail: "no route answers this path; /openapi.yaml lists those that exist"})
}

func (s *Server) noMethod(c *gin.Context) {
	s.fail(c, &problem{code: methodNotAllowed, detail: "this path answers other methods only; the Allow header lists them"})
}
