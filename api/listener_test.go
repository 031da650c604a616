package api_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// listener is a client of the stream, and the connection that it reads from.
type listener struct {
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}

	mu        sync.Mutex
	header    http.Header
	status    int
	sent      bytes.Buffer // not flushed yet
	received  string       // not taken yet
	deadline  time.Time
	unguarded int // writes without a deadline
}

func (l *listener) Header() http.Header { return l.header }

func (l *listener) WriteHeader(status int) { l.status = status }

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deadline.IsZero() {
		l.unguarded++
	}
	return l.sent.Write(b)
}

func (l *listener) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received += l.sent.String()
	l.sent.Reset()
}

func (l *listener) SetWriteDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = at
	return nil
}

// listen asks for the stream; headers are pairs of name and value.
func (b *bench) listen(t *testing.T, query string, headers ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{t: t, cancel: cancel, ended: make(chan struct{}), header: http.Header{}}
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/events"+query, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	go func() {
		defer close(l.ended)
		b.handler.ServeHTTP(l, request)
	}()
	t.Cleanup(func() { cancel(); <-l.ended })
	synctest.Wait()
	return l
}

// take returns what has come since the last time, once all is still.
func (l *listener) take() string {
	l.t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Empty(l.t, l.sent.String(), "everything written is flushed")
	require.Zero(l.t, l.unguarded, "every write has a deadline")
	require.True(l.t, l.deadline.IsZero(), "no deadline stands while nothing is written")
	text := l.received
	l.received = ""
	return text
}

// event is one block of a stream.
type event struct{ id, name, data string }

// events returns the events that have come, without comments.
func (l *listener) events() []event {
	l.t.Helper()
	return parse(l.t, l.take())
}

func parse(t testing.TB, text string) []event {
	t.Helper()
	var list []event
	for block := range strings.SplitSeq(text, "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			name, value, _ := strings.Cut(line, ":")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				require.Empty(t, e.data, "data are on one line")
				e.data = value
			case "", "retry":
			default:
				require.Fail(t, "a line of no kind", "%q", line)
			}
		}
		if e != (event{}) {
			list = append(list, e)
		}
	}
	return list
}

// ids returns the ids of events of changes.
func ids(list []event) []string {
	found := []string{}
	for _, e := range list {
		found = append(found, e.id)
	}
	return found
}
