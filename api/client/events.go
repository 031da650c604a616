package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Event is one event of the stream. A change has Change; a reset has Reset,
// after which the lists have to be read again; an event with neither says that
// ID has moved on.
type Event struct {
	ID     string // where to go on from: LastEventID of the next Follow
	Name   string // the kind of the change, reset or position
	Change *Change
	Reset  *Reset
}

// The times of a client that follows the stream.
const (
	silence    = 45 * time.Second // three heartbeats: the server or the way to it is gone
	retryFirst = 3 * time.Second  // unless the server names another time
	retryMost  = 30 * time.Second
)

// Follow gives the events that the server sends, and connects again where it
// was whenever a stream ends. It goes on until the loop is left, ctx ends or
// the server refuses what is asked; the last two are its one error, and its
// last value. The HTTP client of c must have no Timeout, which would end each
// stream; a silent stream is given up after 45 seconds.
func Follow(ctx context.Context, c ClientInterface, params *GetEventsParams) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := newFollower(c, params)
		for {
			more, err := f.stream(ctx, func(e Event) bool { return yield(e, nil) })
			if !more {
				return
			}
			if permanent, ok := errors.AsType[*backoff.PermanentError](err); ok {
				yield(Event{}, permanent.Unwrap())
				return
			}
			if err := f.pause(ctx, err); err != nil {
				yield(Event{}, fmt.Errorf("follow the events of the API: %w", err))
				return
			}
		}
	}
}

// follower is one Follow.
type follower struct {
	client ClientInterface
	params GetEventsParams
	delays *backoff.ExponentialBackOff
}

func newFollower(c ClientInterface, params *GetEventsParams) *follower {
	f := &follower{client: c, delays: backoff.NewExponentialBackOff()}
	if params != nil {
		f.params = *params
	}
	if f.params.LastEventID == nil {
		f.params.LastEventID = f.params.QueryLastEventID
	}
	f.params.QueryLastEventID = nil // the header is what moves on
	f.delays.InitialInterval, f.delays.MaxInterval = retryFirst, retryMost
	f.delays.Reset()
	return f
}

// pause waits before the next stream, longer each time that none comes about.
func (f *follower) pause(ctx context.Context, why error) error {
	delay := f.delays.NextBackOff()
	if after, ok := errors.AsType[*backoff.RetryAfterError](why); ok {
		delay = max(delay, after.Duration)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stream reads one stream to its end. It reports false when take wants no more
// events. A permanent error is one that another attempt would not mend.
func (f *follower) stream(ctx context.Context, take func(Event) bool) (more bool, _ error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alive := time.AfterFunc(silence, cancel)
	defer alive.Stop()
	response, err := f.client.GetEvents(ctx, &f.params, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Accept", "text/event-stream")
		return nil
	})
	if err != nil {
		return true, err
	}
	defer func() { _ = response.Body.Close() }()
	if err := refusal(response); err != nil {
		return true, err
	}
	lines := newLineReader(response.Body)
	var parts eventParts
	for {
		line, err := lines.next()
		if err != nil {
			return true, err
		}
		alive.Reset(silence)
		if !parts.add(line) {
			continue
		}
		event, ok, err := f.dispatch(&parts)
		if err != nil {
			return true, err
		}
		if alive.Stop(); ok && !take(event) { // which may take its time
			return false, nil
		}
		alive.Reset(silence)
	}
}

// refusal returns why an answer is no stream, nil if it is one.
func refusal(response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != "text/event-stream" {
			return backoff.Permanent(fmt.Errorf("follow the events of the API: the answer is %q and no event stream; is this the address of an Apgar?", response.Header.Get("Content-Type")))
		}
		return nil
	}
	err := fmt.Errorf("follow the events of the API: the server answers %s: %s", response.Status, detail(response.Body))
	switch response.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
	default:
		if response.StatusCode < http.StatusInternalServerError {
			return backoff.Permanent(err)
		}
	}
	if seconds, parsed := strconv.Atoi(response.Header.Get("Retry-After")); parsed == nil && seconds > 0 {
		return errors.Join(err, backoff.RetryAfter(seconds))
	}
	return err
}

// detail returns what a problem says.
func detail(body io.Reader) string {
	var p Problem
	if err := json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(&p); err != nil || p.Detail == "" {
		return "without a reason"
	}
	return p.Detail
}

// dispatch makes an event of its parts, and begins the next. It reports false
// for parts that are none, such as a comment.
func (f *follower) dispatch(p *eventParts) (Event, bool, error) {
	defer p.clear()
	if p.retry > 0 {
		f.delays.InitialInterval = min(p.retry, retryMost)
	}
	if p.id != nil {
		f.params.LastEventID = p.id
	}
	f.delays.Reset() // the stream has come about
	if len(p.data) == 0 {
		return Event{}, false, nil
	}
	event := Event{Name: p.name}
	if f.params.LastEventID != nil {
		event.ID = *f.params.LastEventID
	}
	var err error
	switch {
	case event.Name == "reset":
		err = json.Unmarshal(p.data, &event.Reset)
	case ChangeKind(event.Name).Valid():
		err = json.Unmarshal(p.data, &event.Change)
	}
	if err != nil {
		return Event{}, false, backoff.Permanent(fmt.Errorf("read the event %s of the API, a %s: %w; the server may be of a newer version", event.ID, event.Name, err))
	}
	return event, true, nil
}
