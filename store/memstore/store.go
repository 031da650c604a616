// Package memstore keeps scorecards, their history, grading state, changes and
// the grading lease in the memory of one process. It is what Apgar uses
// without Redis, and what the other stores are measured against. All of it is
// gone when the process ends.
//
// It may know the vocabulary of package scorecard and nothing else: no rubric
// logic, no transport, no other store.
package memstore

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// defaultEventLimit is how many changes are kept unless Options say otherwise.
const defaultEventLimit = 10_000

// Options are the settings of a Store. The zero value is usable.
type Options struct {
	// Now is the clock of leases and of Snapshot.CommittedAt; nil is time.Now.
	// Retention goes by the ticks committed, never by this clock.
	Now func() time.Time
	// EventLimit is how many of the newest changes are kept for readers that
	// resume; 0 or less is 10,000.
	EventLimit int
}

// Store is a store in memory. It is safe for concurrent use. Its methods do
// nothing and return the context's error when the context is already done.
type Store struct {
	now func() time.Time

	// snapshot is swapped while mu is held, as the last step of a commit: who
	// has seen a generation here finds all of it behind mu.
	snapshot atomic.Pointer[scorecard.Snapshot]

	mu        sync.RWMutex // guards all below
	lease     lease
	states    map[scorecard.Key]*scorecard.State
	history   *history
	changes   changeLog
	committed chan struct{} // closed by the next commit, which puts a new one in its place
}

// New returns an empty store.
func New(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.EventLimit <= 0 {
		o.EventLimit = defaultEventLimit
	}
	return &Store{
		now:       o.Now,
		history:   newHistory(),
		changes:   changeLog{limit: o.EventLimit},
		committed: make(chan struct{}),
	}
}

// Snapshot returns the newest generation, or nil before the first commit. It
// never blocks, not even on a commit under way. The result is immutable and
// shared by all callers.
func (s *Store) Snapshot() *scorecard.Snapshot { return s.snapshot.Load() }

// States returns the grading state of the newest commit. The map is the
// caller's; the states in it are shared and must not be changed.
func (s *Store) States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the grading state: %w", err)
	}
	if s.states == nil {
		return map[scorecard.Key]*scorecard.State{}, nil
	}
	return maps.Clone(s.states), nil
}

// Changes returns the changes after the one with the given id, oldest first,
// at most limit of them; a limit of 0 or less is all. With after = 0 it starts
// at the first. When changes after it have been dropped from the log, or it
// has not been given out yet, reset is true and the changes start with the
// oldest one kept: the reader has to begin anew from a snapshot. The result is
// the caller's.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) (changes []scorecard.Change, reset bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, false, fmt.Errorf("read the changes after %d: %w", after, err)
	}
	changes, reset = s.changes.after(after, limit)
	return changes, reset, nil
}

// Wait blocks until a generation newer than the given one has been committed,
// and returns the newest. Snapshot is then at least as new. It returns an
// error only when ctx is done first.
func (s *Store) Wait(ctx context.Context, generation uint64) (uint64, error) {
	for {
		s.mu.RLock()
		newest, committed := generationOf(s.snapshot.Load()), s.committed
		s.mu.RUnlock()
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("wait for a generation after %d: %w", generation, err)
		}
		if newest > generation {
			return newest, nil
		}
		select {
		case <-committed:
		case <-ctx.Done():
		}
	}
}

func generationOf(s *scorecard.Snapshot) uint64 {
	if s == nil {
		return 0
	}
	return s.Generation
}
