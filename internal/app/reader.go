package app

import (
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// committed is where the newest snapshot of a store is, and whether the store
// still answers; it never blocks.
type committed interface {
	Snapshot() *scorecard.Snapshot
	answering(now time.Time) bool
}

// reader tells the API and the exporter what is current, and whether it still
// is. While the store takes no commits, that is what was graded last and could
// not be committed.
type reader struct {
	store committed
	now   func() time.Time
	ahead atomic.Pointer[scorecard.Snapshot] // what was graded and not committed; nil: nothing
}

// uncommitted takes a snapshot that the store did not take. It is shown as
// part of the generation that the store has, so that readers of changes go on
// from there.
func (r *reader) uncommitted(snap *scorecard.Snapshot) {
	own := *snap
	if last := r.store.Snapshot(); last != nil {
		own.Incarnation, own.Generation, own.Epoch = last.Incarnation, last.Generation, last.Epoch
		own.CommittedAt, own.LastChange = last.CommittedAt, last.LastChange
	}
	r.ahead.Store(&own)
}

// Current returns the newest snapshot, nil before the first. It is stale when
// it was not committed, or more than two intervals ago, or when the store does
// not answer any more.
func (r *reader) Current() (*scorecard.Snapshot, bool) {
	snap := r.store.Snapshot()
	if ahead := r.ahead.Load(); ahead != nil && (snap == nil || ahead.Tick.After(snap.Tick)) {
		return ahead, true
	}
	if snap == nil {
		return nil, false
	}
	now := r.now()
	return snap, now.Sub(snap.CommittedAt) > 2*snap.Interval || !r.store.answering(now)
}

// snapshot is Current without its age.
func (r *reader) snapshot() *scorecard.Snapshot {
	snap, _ := r.Current()
	return snap
}
