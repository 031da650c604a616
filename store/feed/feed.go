// Package feed is what the readers of a store are served from: the newest
// snapshot and the newest changes, in the memory of one process. Whoever
// commits or follows a store publishes here; readers never wait for more than
// a lock that is held for the length of a copy.
//
// It knows nothing of where generations come from.
package feed

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/apgarhq/apgar/scorecard"
)

// Feed holds one snapshot at a time and the newest changes that led to it. It
// is safe for concurrent use.
type Feed struct {
	// snapshot is swapped while mu is held, as the last step of a publication:
	// who has seen a generation here finds all of it behind mu.
	snapshot atomic.Pointer[scorecard.Snapshot]

	mu        sync.RWMutex // guards all below
	log       changeLog
	published chan struct{} // closed by the next publication, which puts a new one in its place
}

// New returns a feed that keeps the newest changes, at least one.
func New(changes int) *Feed {
	return &Feed{log: changeLog{limit: max(1, changes)}, published: make(chan struct{})}
}

// Publish swaps the snapshot and appends the changes, which are copied and have
// their ids already, in order and without gaps. When the snapshot belongs to
// another incarnation than the one before, when the store has lost what came
// last and goes on without it, or when these do not join on to those that are
// kept, the log starts anew with them.
func (f *Feed) Publish(s *scorecard.Snapshot, changes []scorecard.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.snapshot.Load(); last != nil && (s.LastChange < f.log.lastID || !follows(s, last)) {
		f.log = changeLog{limit: f.log.limit}
	}
	f.log.append(changes)
	f.log.moveTo(s.LastChange)
	f.snapshot.Store(s)
	close(f.published)
	f.published = make(chan struct{})
}

// follows reports whether a snapshot comes after another one, or is the same:
// not so of a generation that takes the place of one that was lost.
func follows(s, last *scorecard.Snapshot) bool {
	return s.Incarnation == last.Incarnation && (s.Generation > last.Generation || s.CommittedAt.Equal(last.CommittedAt))
}

// Snapshot returns the newest snapshot, or nil before the first. It never
// blocks. The result is immutable and shared by all callers.
func (f *Feed) Snapshot() *scorecard.Snapshot { return f.snapshot.Load() }

// Changes returns the changes after the one with the given id, oldest first,
// at most limit of them; a limit of 0 or less is all. With after = 0 it starts
// at the first. When changes after it have been dropped from the log, or it
// has not been given out yet, reset is true and the changes start with the
// oldest one kept: the reader has to begin anew from a snapshot. The result is
// the caller's. The error is the context's, when that is done.
func (f *Feed) Changes(ctx context.Context, after uint64, limit int) (changes []scorecard.Change, reset bool, err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, false, fmt.Errorf("read the changes after %d: %w", after, err)
	}
	changes, reset = f.log.after(after, limit)
	return changes, reset, nil
}

// Wait blocks until the newest generation is another one than that given, and
// returns it. It is a newer one, unless the store has lost everything and
// counts anew. Snapshot is then at least as new. Wait returns an error only
// when ctx is done first.
func (f *Feed) Wait(ctx context.Context, generation uint64) (uint64, error) {
	for {
		f.mu.RLock()
		newest, published := generationOf(f.snapshot.Load()), f.published
		f.mu.RUnlock()
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("wait for another generation than %d: %w", generation, err)
		}
		if newest != 0 && newest != generation {
			return newest, nil
		}
		select {
		case <-published:
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
