// Package storetest is the conformance suite that every store of scorecards
// has to pass: memory, Redis, and fakes. It asks only what the ports promise,
// so a store that passes it can take the place of another.
//
// A backend calls Run from a test named TestConformance, so that
// `go test ./store/... -run Conformance` goes through the cases of all.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// Store is a store under test: all that graders and readers ask of one, and
// the clock that it lives by.
type Store interface {
	GraderStore
	ReaderStore
	Clock
}

// GraderStore is what the one who grades asks of a store.
type GraderStore interface {
	Leaser
	Committer
	Memory
}

// Memory is what the next grader goes on from.
type Memory interface {
	StateReader
	Pager
}

// ReaderStore is what those who show scorecards ask of a store.
type ReaderStore interface {
	Publisher
	Historian
	ChangeReader
}

// Leaser grants the right to commit to one owner at a time.
type Leaser interface {
	Acquire(ctx context.Context, owner string, ttl time.Duration) (scorecard.Lease, error)
	Renew(ctx context.Context, l scorecard.Lease, ttl time.Duration) error
	Release(ctx context.Context, l scorecard.Lease) error
}

// Committer takes a tick whole or not at all.
type Committer interface {
	Commit(ctx context.Context, c scorecard.Commit) error
}

// Publisher serves the newest generation. Once a Commit, a Wait or a Sync of
// the same process has returned, Snapshot is at least that new.
type Publisher interface {
	Snapshot() *scorecard.Snapshot
	Wait(ctx context.Context, generation uint64) (uint64, error)
	Sync(ctx context.Context) error
}

// Historian serves the past.
type Historian interface {
	History(ctx context.Context, key scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error)
	ScoresAt(ctx context.Context, at time.Time) (map[scorecard.Key]float64, error)
}

// StateReader serves the grading state of the newest generation.
type StateReader interface {
	States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error)
}

// Pager serves the pages of the ledger as of the newest commit.
type Pager interface {
	Pages(ctx context.Context, have map[slo.PageKey]string, yield func(slo.Page) error) error
}

// ChangeReader serves the log of changes.
type ChangeReader interface {
	Changes(ctx context.Context, after uint64, limit int) (changes []scorecard.Change, reset bool, err error)
}

// Clock is the time by which a store's leases expire.
type Clock interface {
	// Advance returns when d has passed. A store whose time cannot be set
	// waits; the suite asks for a second in all at most.
	Advance(d time.Duration)
}

// EventLimit is how many changes the stores that Run opens must keep.
const EventLimit = 100

// Run runs every case against a store of its own. open returns an empty store
// that keeps EventLimit changes, and cleans up with the test.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// testCase is one promise. It may be run with a testing.TB that only records.
type testCase struct {
	name string
	run  func(tb testing.TB, s Store)
}

func cases() []testCase {
	all := leaseCases()
	for _, more := range [][]testCase{fencingCases(), commitCases(), readerCases(), changeCases(), historyCases(), ledgerCases()} {
		all = append(all, more...)
	}
	return all
}
