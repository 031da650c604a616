package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// EventOptions are the limits of event streams. The zero value has the
// defaults.
type EventOptions struct {
	// Heartbeat is the longest time that a stream is silent; 0: 15 s.
	Heartbeat time.Duration
	// WriteTimeout is how long a reader may take for what is sent in one piece,
	// some 16 KiB; 0: 5 s. A reader that takes longer is dropped.
	WriteTimeout time.Duration
	// Streams is how many may be open at a time; 0: 500.
	Streams int
}

// streams knows the event streams that are open.
type streams struct {
	options EventOptions
	open    prometheus.Gauge

	mu      sync.Mutex // guards all below
	ended   bool
	last    uint64
	cancels map[uint64]context.CancelFunc
}

func newStreams(o EventOptions, open prometheus.Gauge) *streams {
	if o.Heartbeat <= 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 5 * time.Second
	}
	if o.Streams <= 0 {
		o.Streams = 500
	}
	return &streams{options: o, open: open, cancels: make(map[uint64]context.CancelFunc)}
}

// begin takes a stream, which lasts as long as the context that it returns.
// Done must be called when the stream is over. The error is a *problem.
func (s *streams) begin(ctx context.Context) (_ context.Context, done func(), _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return nil, nil, &problem{code: stopping, detail: "no stream is begun while the server stops; connect again, another one may answer"}
	case len(s.cancels) >= s.options.Streams:
		return nil, nil, &problem{code: tooManyStreams, detail: fmt.Sprintf(
			"%d event streams are open, which is all that this server takes; try again later, or read the lists", s.options.Streams)}
	}
	ctx, cancel := context.WithCancel(ctx)
	s.last++
	id := s.last
	s.cancels[id] = cancel
	s.open.Inc()
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cancels, id)
		s.open.Dec()
	}, nil
}

// end ends all streams and takes no more.
func (s *streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, cancel := range s.cancels {
		cancel()
	}
}
