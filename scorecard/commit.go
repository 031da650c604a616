package scorecard

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Commit is what a grader hands to a store for one tick. The store takes it
// whole or not at all.
type Commit struct {
	Epoch    uint64 // of the grader's lease; a store refuses any but the one it granted
	Owner    string // of the lease
	Snapshot *Snapshot
	Changes  []Change
	States   map[Key]*State // grading state after the tick
	// Backlog is the history of ticks before this one that could not be
	// committed, oldest first. What is not newer than the last tick committed is
	// passed over.
	Backlog []HistoryRow
	// Ledger are the pages of the ledger that changed since the last commit that
	// was taken; a page without data is dropped.
	Ledger []slo.Page
}

// Validate returns why the commit could not be kept or served, or nil.
func (c *Commit) Validate() error {
	s := c.Snapshot
	if s == nil {
		return errors.New("it has no snapshot")
	}
	if sec := s.Tick.Unix(); sec <= 0 || sec > math.MaxUint32 {
		return fmt.Errorf("its tick %s is not between 1970 and 2106", s.Tick.UTC().Format(time.RFC3339Nano))
	}
	for i, card := range s.Scorecards {
		if card == nil || card.Service == nil {
			return fmt.Errorf("scorecard %d of %d at tick %s has no service", i+1, len(s.Scorecards), s.Tick.UTC().Format(time.RFC3339Nano))
		}
	}
	for _, p := range c.Ledger {
		if p.Shard < 0 || p.Shard >= slo.Shards || p.Name == "" {
			return fmt.Errorf("the page %q of shard %d of its ledger is none", p.Name, p.Shard)
		}
	}
	return nil
}

// BacklogSince returns the rows of the backlog that lie between the last tick
// committed, which is zero before the first, and the one of this commit.
func (c *Commit) BacklogSince(last time.Time) []HistoryRow {
	var rows []HistoryRow
	for _, row := range c.Backlog {
		if row.Tick.After(last) && row.Tick.Before(c.Snapshot.Tick) && row.Tick.Unix() > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// HistoryRow is the history of all scorecards at one tick.
type HistoryRow struct {
	Tick   time.Time
	Points []KeyedPoint
}

// KeyedPoint is what history keeps of one scorecard at one tick.
type KeyedPoint struct {
	Key      Key
	Score    *float64
	Coverage float64
	Level    string
}

// HistoryOf returns what history keeps of a snapshot.
func HistoryOf(s *Snapshot) HistoryRow {
	row := HistoryRow{Tick: s.Tick, Points: make([]KeyedPoint, len(s.Scorecards))}
	for i, c := range s.Scorecards {
		row.Points[i] = KeyedPoint{Key: c.Key(), Score: c.Score, Coverage: c.Coverage, Level: c.Level}
	}
	return row
}

// Lease is the right to commit: a store takes commits only with the epoch
// and owner of the newest lease that it granted.
type Lease struct {
	Owner string
	Epoch uint64 // grows with every grant
}

// The errors of a store that a grader must tell apart.
var (
	// ErrFenced refuses a commit whose lease is not, or is no longer, the newest.
	ErrFenced = errors.New("the commit was refused: another grader holds the lease")
	// ErrOldTick refuses a commit whose tick is not newer than the last.
	ErrOldTick = errors.New("the commit was refused: its tick is not newer than the last committed one")
	// ErrFutureTick refuses a commit whose tick lies far ahead of the store's
	// clock: once it was taken, no tick of now would be.
	ErrFutureTick = errors.New("the commit was refused: its tick lies in the future of the store")
	// ErrForgotten refuses a commit because the store has lost what earlier ones
	// brought: the grader hands over all pages of its ledger and commits again.
	ErrForgotten = errors.New("the commit was refused: the store has lost what was committed before")
	// ErrNotFound says that the store has nothing under this key.
	ErrNotFound = errors.New("not found")
)
