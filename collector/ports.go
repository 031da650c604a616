package collector

import (
	"context"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// Committer takes the scorecards of a tick, whole or not at all. It returns
// scorecard.ErrFenced, ErrOldTick, ErrFutureTick or ErrForgotten when it refuses
// them; after any other error they may have been taken.
type Committer interface {
	Commit(ctx context.Context, c scorecard.Commit) error
}

// Leases grant the right to commit, to one holder at a time. What is refused
// because another holds, or has held, the lease is scorecard.ErrFenced.
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

// Follower knows what was committed last, by whomever.
type Follower interface {
	// Snapshot is the newest that is known here; nil before the first. It may
	// stay when the store has lost everything.
	Snapshot() *scorecard.Snapshot
	// Sync makes Snapshot, States and Pages those of the newest commit. It is
	// scorecard.ErrForgotten where that is damaged, for good: States and Pages have
	// what is left of it.
	Sync(ctx context.Context) error
}

// LedgerPages are the pages that came with commits.
type LedgerPages interface {
	// Pages hands every page of the newest commit to yield, except those whose
	// version is the one in have. A page in have that is no more comes without
	// version and data; one whose data is lost comes with its version and without
	// data, or else scorecard.ErrForgotten comes after all others. It ends with
	// the first error of yield. What was handed over before an error counts.
	Pages(ctx context.Context, have map[slo.PageKey]string, yield func(slo.Page) error) error
}

// Store is all that the collector needs of a store. Every method returns soon
// after its context has ended.
type Store interface {
	Committer
	Leases
	Records
}

// Records are what a store keeps of commits.
type Records interface {
	ScoreHistory
	Follower
	LedgerPages
}
