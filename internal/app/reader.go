package app

import (
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// snapshots is where the newest snapshot is; it never blocks.
type snapshots interface {
	Snapshot() *scorecard.Snapshot
}

// reader tells the API what is current, and whether it still is.
type reader struct {
	store snapshots
	now   func() time.Time
}

// Current returns the newest snapshot. It is stale when it was committed more
// than two intervals ago.
func (r *reader) Current() (*scorecard.Snapshot, bool) {
	snap := r.store.Snapshot()
	if snap == nil {
		return nil, false
	}
	return snap, r.now().Sub(snap.CommittedAt) > 2*snap.Interval
}
