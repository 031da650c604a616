package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gin-contrib/sse"
	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/scorecard"
)

// The bounds of what a stream takes in one piece.
const (
	eventBatch   = 100      // changes read from the log
	eventPiece   = 16 << 10 // bytes sent before the time of the reader starts anew
	eventRetryMS = 3000     // what clients wait before they connect again
)

// Why the server drops a stream.
const (
	droppedSlow  = "slow"
	droppedError = "error"
)

// stream is one client that follows the changes. It keeps its place and no
// changes: a client that is slow makes nobody hold anything for it.
type stream struct {
	server     *Server
	filter     eventFilter
	out        eventWriter
	at         place       // behind the last change that was sent or passed over
	told       place       // the last id that the client was sent
	resumed    bool        // the client goes on from where it was
	reset      resetReason // why the client is told to begin anew at the start; "" if it is not
	generation uint64      // that the stream has seen
}

// start finds the place where a client goes on whose last event was last.
func (st *stream) start(snap *scorecard.Snapshot, last string) {
	newest := placeOf(snap)
	if last == "" {
		st.at = newest
		return
	}
	at, ok := parsePlace(last)
	switch {
	case !ok:
		st.at, st.reset = newest, resetMalformed
	case at.incarnation != newest.incarnation:
		st.at, st.reset = newest, resetIncarnation
	case at.change > newest.change:
		st.at, st.reset = newest, resetAhead
	default:
		st.at, st.told, st.resumed = at, at, true
	}
}

func placeOf(snap *scorecard.Snapshot) place {
	return place{incarnation: snap.Incarnation, change: snap.LastChange}
}

func (st *stream) setHeaders() {
	h := st.out.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies pass each event on at once
}

// begin sends what every stream begins with. Unless the client goes on from
// where it was, that is its place, so that it can come back to it even if
// nothing else is ever sent.
func (st *stream) begin() error {
	// The server's time for reading a request is over long before a stream is.
	if err := st.out.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("lift the read deadline of an event stream: %w", err)
	}
	fmt.Fprintf(st.out.buf, ": changes of scorecards\nretry: %d\n\n", eventRetryMS)
	switch {
	case st.reset != "":
		st.putReset(st.reset)
	case !st.resumed:
		st.putPlace()
	}
	return st.out.send()
}

// follow sends changes as they become current until ctx ends, which is no
// error, or nothing can be sent any more.
func (st *stream) follow(ctx context.Context) error {
	for {
		more := true
		for more && ctx.Err() == nil {
			var err error
			if more, err = st.step(ctx); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			st.out.allowEnd()
			return nil
		}
		if err := st.wait(ctx); err != nil {
			return err
		}
	}
}

// wait waits for a generation that the stream has not seen, or sends a
// heartbeat when the stream has been silent for long enough.
func (st *stream) wait(ctx context.Context) error {
	beat, cancel := context.WithDeadline(ctx, st.out.sentAt.Add(st.server.streams.options.Heartbeat))
	defer cancel()
	generation, err := st.server.changes.Wait(beat, st.generation)
	switch {
	case err == nil:
		st.generation = generation
		return nil
	case ctx.Err() != nil:
		return nil
	case beat.Err() == nil:
		return &logError{err}
	}
	if st.told == st.at {
		st.out.buf.WriteString(":\n\n")
	} else {
		st.putPlace()
	}
	return st.out.send()
}

// step sends the next changes of the current snapshot and reports whether
// there may be more.
func (st *stream) step(ctx context.Context) (more bool, err error) {
	snap, _ := st.server.reader.Current()
	newest := placeOf(snap)
	switch {
	case st.at.incarnation != newest.incarnation:
		return false, st.beginAnew(resetIncarnation, snap)
	case st.at.change > newest.change:
		return false, st.beginAnew(resetAhead, snap)
	case st.at.change == newest.change:
		return false, nil
	}
	changes, missed, err := st.server.changes.Changes(ctx, st.at.change, eventBatch)
	if ctx.Err() != nil {
		return false, nil
	}
	if err != nil {
		return false, &logError{err}
	}
	if now, _ := st.server.reader.Current(); now.Incarnation != newest.incarnation || now.LastChange < newest.change {
		return true, nil // the store has lost some: what was read may be of another life than the place
	}
	if missed || (len(changes) > 0 && changes[0].ID != st.at.change+1) {
		return true, st.beginAnew(resetDropped, snap)
	}
	from := st.at.change
	if err := st.sendAll(st.server.views.of(snap), changes); err != nil {
		return false, err
	}
	return st.at.change > from, nil
}

// beginAnew tells the client that it has missed changes, and goes on from the
// newest: the lists have what it missed.
func (st *stream) beginAnew(reason resetReason, snap *scorecard.Snapshot) error {
	st.at, st.generation = placeOf(snap), snap.Generation
	st.putReset(reason)
	return st.out.send()
}

// sendAll sends those of the changes that are current and pass the filter.
func (st *stream) sendAll(v *view, changes []scorecard.Change) error {
	for i := range changes {
		c := &changes[i]
		if c.ID > v.snap.LastChange {
			break
		}
		st.at.change = c.ID
		if s := v.service(c.Key.Service); st.filter.passes(c, s) {
			body, err := wire.Change(c, s)
			if err != nil {
				st.server.notSent(err)
				continue
			}
			st.put(string(c.Kind), body.Append(nil, false))
			st.server.metrics.eventsSent.Inc()
		}
		if st.out.buf.Len() >= eventPiece {
			if err := st.out.send(); err != nil {
				return err
			}
		}
	}
	return st.out.send()
}

// notSent tells of a change that cannot be encoded. The client is not told,
// and goes on.
func (s *Server) notSent(err error) {
	s.metrics.encodeFailures.Inc()
	s.logger.Error("a change was left out of an event stream: it holds something that JSON cannot say, which is a defect of Apgar", "err", err)
}

// placeJSON is the data of the events that are about the stream itself.
type placeJSON struct {
	Reason      resetReason `json:"reason,omitempty"`
	Incarnation string      `json:"incarnation"`
	Generation  uint64      `json:"generation"`
}

func (st *stream) putReset(reason resetReason) {
	st.server.metrics.resets.WithLabelValues(string(reason)).Inc()
	st.putAbout("reset", placeJSON{Reason: reason, Incarnation: st.at.incarnation, Generation: st.generation})
}

// putPlace tells the client where it is. An id alone would do as the standard
// has it, but not every client keeps the id of an event without data.
func (st *stream) putPlace() {
	st.putAbout("position", placeJSON{Incarnation: st.at.incarnation, Generation: st.generation})
}

func (st *stream) putAbout(name string, about placeJSON) {
	data, err := json.Marshal(about)
	if err != nil {
		st.server.notSent(err)
		return
	}
	st.put(name, data)
}

// put adds an event with the place as its id to what is sent next.
func (st *stream) put(name string, data []byte) {
	st.told = st.at
	_ = sse.Encode(st.out.buf, sse.Event{Id: st.at.String(), Event: name, Data: data}) // a buffer takes everything
}

// streamEnded counts and logs why the server ended a stream. A client that
// has gone is nobody's failure.
func (s *Server) streamEnded(c *gin.Context, err error) {
	reason, level := "", slog.LevelInfo
	if _, slow := errors.AsType[*slowError](err); slow {
		reason = droppedSlow
	}
	if _, unread := errors.AsType[*logError](err); unread {
		reason, level = droppedError, slog.LevelError
	}
	if reason == "" {
		return
	}
	s.metrics.dropped.WithLabelValues(reason).Inc()
	s.logger.LogAttrs(c.Request.Context(), level, "an event stream was dropped",
		slog.String("reason", reason), slog.String("err", err.Error()), slog.String("request_id", requestID(c)))
}
