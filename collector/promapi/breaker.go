package promapi

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	// breakerFailures in a row open the breaker.
	breakerFailures = 5
	// breakerPause is how long an open breaker asks nothing before it lets one probe through.
	breakerPause = 15 * time.Second
)

// breaker keeps a failing source from being asked.
//
//	closed ──5 failures in a row──▶ open ──15s──▶ half-open ──probe succeeds──▶ closed
//	                                 ▲                │
//	                                 └──probe fails───┘
//
// While a probe is under way, other questions wait for its outcome instead of failing: the questions of a tick come
// together, and a source that has recovered should not lose all but one of them.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu    sync.Mutex
	ended chan struct{} // closed, and replaced, when a question ends
}

// newBreaker reports openings and closings to changed, which must not call the breaker.
func newBreaker(changed func(open bool)) *breaker {
	return &breaker{
		ended: make(chan struct{}),
		circuit: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			MaxRequests: 1,
			Timeout:     breakerPause,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFailures },
			IsSuccessful: func(err error) bool {
				e, ok := errors.AsType[*Error](err)
				return !ok || !e.againstSource()
			},
			IsExcluded: IsCanceled,
			OnStateChange: func(_ string, from, to gobreaker.State) {
				if from == gobreaker.StateClosed || to == gobreaker.StateClosed {
					changed(to != gobreaker.StateClosed)
				}
			},
		}),
	}
}

// enter asks for leave to ask. The caller reports the outcome to done exactly once. The error is gobreaker.ErrOpenState,
// or the context's while a probe is under way.
func (b *breaker) enter(ctx context.Context) (done func(error), err error) {
	for {
		ended := b.nextEnd()
		report, err := b.circuit.Allow()
		switch {
		case err == nil:
			return func(err error) {
				report(err)
				b.announceEnd()
			}, nil
		case !errors.Is(err, gobreaker.ErrTooManyRequests):
			return nil, err
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// closed says whether questions go through freely.
func (b *breaker) closed() bool { return b.circuit.State() == gobreaker.StateClosed }

func (b *breaker) nextEnd() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

func (b *breaker) announceEnd() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ended)
	b.ended = make(chan struct{})
}
