package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// Commit takes one tick whole or not at all: it publishes a copy of the
// snapshot under the next generation, replaces the grading state, and appends
// the changes, which get their ids and generation in the store's own copy, and
// one point of history per scorecard and tick. Nothing of c is changed; what it points
// to must not be changed afterwards.
//
// The error is scorecard.ErrFenced unless epoch and owner are those of the
// newest lease, however old that is, and scorecard.ErrOldTick unless the tick
// is newer than the last.
func (s *Store) Commit(ctx context.Context, c scorecard.Commit) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("commit a tick of %q: %w", c.Owner, err)
	}
	tick := c.Snapshot.Tick
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit tick %s: %w", instant(tick), err)
	}
	if !s.lease.is(scorecard.Lease{Owner: c.Owner, Epoch: c.Epoch}) {
		return refuse(scorecard.ErrFenced, "commit tick %s of %q, epoch %d: %s; stop grading and acquire a new lease",
			instant(tick), c.Owner, c.Epoch, s.lease.newest())
	}
	last := s.Snapshot()
	if last != nil && !tick.After(last.Tick) {
		return refuse(scorecard.ErrOldTick, "commit tick %s: tick %s has been committed already; go on with a later one",
			instant(tick), instant(last.Tick))
	}
	rows := append(c.BacklogSince(tickOf(last)), scorecard.HistoryOf(c.Snapshot))
	points, err := s.history.stage(rows)
	if err != nil {
		return fmt.Errorf("commit tick %s: %w", instant(tick), err)
	}

	// Nothing fails from here on.
	for i, row := range rows {
		s.history.append(row.Tick.Unix(), points[i], c.Snapshot.Interval)
	}
	for _, page := range c.Ledger {
		if page.Data == nil {
			delete(s.pages, page.PageKey)
			continue
		}
		s.pages[page.PageKey] = page
	}
	s.states = maps.Clone(c.States)
	next := s.next(last, c)
	s.Publish(next, number(c.Changes, last, next.Generation))
	return nil
}

// next is the snapshot of a commit as it is published.
func (s *Store) next(last *scorecard.Snapshot, c scorecard.Commit) *scorecard.Snapshot {
	next := *c.Snapshot
	next.Incarnation = s.incarnation
	next.Generation = 1
	next.LastChange = uint64(len(c.Changes))
	if last != nil {
		next.Generation = last.Generation + 1
		next.LastChange += last.LastChange
	}
	next.Epoch = c.Epoch
	next.CommittedAt = s.now()
	return &next
}

// number returns copies of changes with their ids and generation.
func number(changes []scorecard.Change, last *scorecard.Snapshot, generation uint64) []scorecard.Change {
	id := uint64(0)
	if last != nil {
		id = last.LastChange
	}
	numbered := slices.Clone(changes)
	for i := range numbered {
		id++
		numbered[i].ID, numbered[i].Generation = id, generation
	}
	return numbered
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func tickOf(s *scorecard.Snapshot) time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.Tick
}
