package memstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// Commit takes one tick whole or not at all: it publishes a copy of the
// snapshot under the next generation, replaces the grading state, and appends
// the changes, which get their ids and generation in the store's own copy, and
// one point of history per scorecard. Nothing of c is changed; what it points
// to must not be changed afterwards.
//
// The error is scorecard.ErrFenced unless epoch and owner are those of the
// newest lease, however old that is, and scorecard.ErrOldTick unless the tick
// is newer than the last.
func (s *Store) Commit(ctx context.Context, c scorecard.Commit) error {
	if err := validate(c.Snapshot); err != nil {
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
	last := s.snapshot.Load()
	if last != nil && !tick.After(last.Tick) {
		return refuse(scorecard.ErrOldTick, "commit tick %s: tick %s has been committed already; go on with a later one",
			instant(tick), instant(last.Tick))
	}
	points, err := s.history.stage(c.Snapshot)
	if err != nil {
		return fmt.Errorf("commit tick %s: %w", instant(tick), err)
	}

	// Nothing fails from here on.
	next := *c.Snapshot
	next.Generation = generationOf(last) + 1
	next.Epoch = c.Epoch
	next.CommittedAt = s.now()
	s.history.append(points, &next)
	s.changes.append(c.Changes, next.Generation)
	s.states = maps.Clone(c.States)
	s.snapshot.Store(&next)
	close(s.committed)
	s.committed = make(chan struct{})
	return nil
}

// validate refuses a snapshot that could not be kept or served.
func validate(s *scorecard.Snapshot) error {
	if s == nil {
		return errors.New("it has no snapshot")
	}
	if sec := s.Tick.Unix(); sec <= 0 || sec > math.MaxUint32 {
		return fmt.Errorf("its tick %s is not between 1970 and 2106", instant(s.Tick))
	}
	for i, c := range s.Scorecards {
		if c == nil || c.Service == nil {
			return fmt.Errorf("scorecard %d of %d at tick %s has no service", i+1, len(s.Scorecards), instant(s.Tick))
		}
	}
	return nil
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
