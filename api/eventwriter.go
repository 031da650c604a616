package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
)

// eventWriter sends to one client, which has a time for each piece.
type eventWriter struct {
	w       gin.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	buf     *bytes.Buffer // what is sent next
	sentAt  time.Time
}

func newEventWriter(w gin.ResponseWriter, timeout time.Duration) eventWriter {
	return eventWriter{w: w, control: http.NewResponseController(unwrapped(w)), timeout: timeout, buf: new(bytes.Buffer)}
}

// unwrapped returns the writer below Gin's, whose Flush keeps errors to itself.
func unwrapped(w http.ResponseWriter) http.ResponseWriter {
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return w
}

// send sends what is in the buffer, if anything. The deadline is lifted after
// it: HTTP/2 would end a stream whose deadline passes in silence.
func (w *eventWriter) send() error {
	if w.buf.Len() == 0 {
		return nil
	}
	start := time.Now()
	err := w.deadline(start.Add(w.timeout))
	if err == nil {
		_, err = w.w.Write(w.buf.Bytes())
	}
	if err == nil {
		err = w.control.Flush()
	}
	if err == nil {
		err = w.deadline(time.Time{})
	}
	w.sentAt = time.Now()
	if w.buf.Reset(); w.buf.Cap() > 4*eventPiece {
		w.buf = new(bytes.Buffer)
	}
	if err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || w.sentAt.Sub(start) >= w.timeout) {
		return &slowError{err}
	}
	return err
}

// allowEnd gives the client a time to take the end of the stream.
func (w *eventWriter) allowEnd() { _ = w.deadline(time.Now().Add(w.timeout)) }

// deadline sets the write deadline, where the connection has one.
func (w *eventWriter) deadline(at time.Time) error {
	if err := w.control.SetWriteDeadline(at); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("set the write deadline of an event stream: %w", err)
	}
	return nil
}

// slowError ends a stream whose client took too little for too long.
type slowError struct{ error }

// Unwrap returns what the connection said.
func (e *slowError) Unwrap() error { return e.error }

// logError ends a stream because the log of changes cannot be read.
type logError struct{ error }

// Unwrap returns what the log said.
func (e *logError) Unwrap() error { return e.error }
