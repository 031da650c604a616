package collector

import (
	"context"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// Committer takes the scorecards of a tick, whole or not at all. It returns
// scorecard.ErrFenced or scorecard.ErrOldTick when it refuses them.
type Committer interface {
	Commit(ctx context.Context, c scorecard.Commit) error
}

// Leases grant the right to commit, to one holder at a time.
type Leases interface {
	Acquire(ctx context.Context, owner string, ttl time.Duration) (scorecard.Lease, error)
	Renew(ctx context.Context, lease scorecard.Lease, ttl time.Duration) error
	Release(ctx context.Context, lease scorecard.Lease) error
}

// ScoreHistory remembers scores, and the grading state that they came with.
type ScoreHistory interface {
	ScoresAt(ctx context.Context, at time.Time) (map[scorecard.Key]float64, error)
	States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error)
}

// Store is all that the collector needs of a store.
type Store interface {
	Committer
	Leases
	ScoreHistory
}
