package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
)

// The keys of what a request carries along.
const (
	requestIDKey = "request_id"
	answeredKey  = "answered" // when the answer of a stream began
)

// requestID returns the id under which the log has a request.
func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// routeOf returns the template of the route that answers, never the path: a
// path is chosen by the client and would make labels and logs unbounded.
func routeOf(c *gin.Context) string {
	if path := c.FullPath(); path != "" {
		return path
	}
	return "unmatched"
}

// observe counts, times and logs a request. Neither the query string nor any
// header is logged.
func (s *Server) observe(c *gin.Context) {
	start := time.Now()
	id := rand.Text()
	c.Set(requestIDKey, id)
	c.Header("X-Request-Id", id)
	c.Next()
	took := time.Since(start)
	route, method, status := routeOf(c), methodLabel(c.Request.Method), c.Writer.Status()
	s.metrics.observe(route, method, status, answerTime(c, start, took))
	level := slog.LevelDebug
	if !s.logger.Enabled(c.Request.Context(), level) {
		return
	}
	s.logger.LogAttrs(c.Request.Context(), level, "request",
		slog.String("route", route), slog.String("method", method), slog.Int("status", status),
		slog.Duration("took", took), slog.Int("bytes", max(0, c.Writer.Size())),
		slog.String("client", c.RemoteIP()), slog.String("request_id", id))
}

// answerTime is what a client has waited for its answer: took, unless the
// answer is a stream, which it has long before the stream ends.
func answerTime(c *gin.Context, start time.Time, took time.Duration) time.Duration {
	if began := c.GetTime(answeredKey); !began.IsZero() {
		return began.Sub(start)
	}
	return took
}

// methodLabel keeps methods that a client makes up out of labels and logs.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// recover turns a panic of a handler into a problem. The log gets the stack,
// and nothing of the request but its route and id.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v) //nolint:forbidigo // this is how net/http is told to drop the connection
		}
		s.logger.LogAttrs(c.Request.Context(), slog.LevelError, "a handler panicked",
			slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())),
			slog.String("route", routeOf(c)), slog.String("request_id", requestID(c)))
		if c.Writer.Written() {
			c.Abort()
			return
		}
		s.fail(c, &problem{code: internal, detail: "the request failed for a reason that is ours; the log has it under the request id"})
	}()
	c.Next()
}

// apiPolicy is for answers that are data: nothing in them may load anything.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"

// maxBodyBytes bounds what is read of a request.
const maxBodyBytes = 1 << 20

// secure sets the headers that every answer has and bounds the body.
func secure(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", apiPolicy)
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBodyBytes)
	c.Next()
}
