package collector

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// fakeStore keeps commits. Its faults can be set while it is used.
type fakeStore struct {
	mu      sync.Mutex
	holder  string // who has the lease
	epoch   uint64
	states  map[scorecard.Key]*scorecard.State
	commits []scorecard.Commit
	times   []time.Time
	fail    error         // of everything
	slow    time.Duration // of a commit
	lastErr error
}

func (s *fakeStore) Acquire(_ context.Context, owner string, _ time.Duration) (scorecard.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fail != nil:
		return scorecard.Lease{}, s.fail
	case s.holder != "" && s.holder != owner:
		return scorecard.Lease{}, scorecard.ErrFenced
	}
	s.holder = owner
	s.epoch++
	return scorecard.Lease{Owner: owner, Epoch: s.epoch}, nil
}

func (s *fakeStore) Renew(_ context.Context, l scorecard.Lease, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check(l.Owner, l.Epoch)
}

func (s *fakeStore) check(owner string, epoch uint64) error {
	switch {
	case s.fail != nil:
		return s.fail
	case s.holder != owner || s.epoch != epoch:
		return scorecard.ErrFenced
	}
	return nil
}

func (s *fakeStore) Release(_ context.Context, l scorecard.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(l.Owner, l.Epoch); err != nil {
		return err
	}
	s.holder = ""
	return nil
}

func (s *fakeStore) Commit(_ context.Context, c scorecard.Commit) error {
	s.mu.Lock()
	slow := s.slow
	s.slow = 0
	s.mu.Unlock()
	<-time.After(slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastErr = s.check(c.Owner, c.Epoch)
	if n := len(s.commits); s.lastErr == nil && n > 0 && !c.Snapshot.Tick.After(s.commits[n-1].Snapshot.Tick) {
		s.lastErr = scorecard.ErrOldTick
	}
	if s.lastErr != nil {
		return s.lastErr
	}
	s.states = maps.Clone(c.States)
	s.commits = append(s.commits, c)
	s.times = append(s.times, time.Now())
	return nil
}

func (s *fakeStore) ScoresAt(context.Context, time.Time) (map[scorecard.Key]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, s.fail
}

func (s *fakeStore) States(context.Context) (map[scorecard.Key]*scorecard.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.states), s.fail
}

// give hands the lease to another, or to nobody.
func (s *fakeStore) give(holder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holder = holder
	s.epoch++
}

func (s *fakeStore) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// ticks returns the committed ticks.
func (s *fakeStore) ticks() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []time.Time
	for _, c := range s.commits {
		out = append(out, c.Snapshot.Tick)
	}
	return out
}

func (s *fakeStore) all() []scorecard.Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commits)
}

func (s *fakeStore) newest() *scorecard.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits[len(s.commits)-1].Snapshot
}

var _ Store = (*fakeStore)(nil)
