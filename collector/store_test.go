package collector

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// fakeServer keeps commits, for all processes that are clients of it.
type fakeServer struct {
	mu       sync.Mutex
	holder   string // who has the lease
	expires  time.Time
	epoch    uint64
	states   map[scorecard.Key]*scorecard.State
	commits  []scorecard.Commit
	times    []time.Time
	pages    map[slo.PageKey]slo.Page
	lost     map[slo.PageKey]bool // pages to be handed over again before anything else
	life     int                  // how often it has lost everything
	snapshot *scorecard.Snapshot
}

// fakeStore is one process' client. Its faults can be set while it is used. It
// honours contexts, except while the process is paused.
type fakeStore struct {
	*fakeServer
	known  *scorecard.Snapshot
	base   string        // the life of the server that was committed to last
	fail   error         // of everything
	refuse error         // of commits
	slow   time.Duration // what a commit takes; twice as much after one that failed
	failed bool
	hang   bool  // nothing answers
	vague  error // of the next commit, which is taken
	scores error // of earlier scores alone
	paused time.Time
	gaps   bool // of the pages, one is lost
}

func newFakeStore() *fakeStore {
	return &fakeStore{fakeServer: &fakeServer{pages: map[slo.PageKey]slo.Page{}}}
}

// client returns the store as another process sees it.
func (s *fakeStore) client() *fakeStore { return &fakeStore{fakeServer: s.fakeServer} }

// begin locks the server, unless the call fails.
func (s *fakeStore) begin(ctx context.Context) error {
	s.mu.Lock()
	fail, hang, pause := s.fail, s.hang, time.Until(s.paused)
	s.mu.Unlock()
	if pause > 0 {
		<-time.After(pause) // and then the call goes out, whatever its context
		ctx = context.WithoutCancel(ctx)
	}
	if hang {
		<-ctx.Done()
	}
	if err := errors.Join(ctx.Err(), fail); err != nil {
		return err
	}
	s.mu.Lock()
	return nil
}

func (s *fakeStore) Acquire(ctx context.Context, owner string, ttl time.Duration) (scorecard.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return scorecard.Lease{}, err
	}
	defer s.mu.Unlock()
	expired := !s.expires.IsZero() && !time.Now().Before(s.expires)
	if s.holder != "" && s.holder != owner && !expired {
		return scorecard.Lease{}, scorecard.ErrFenced
	}
	s.holder, s.expires = owner, time.Now().Add(ttl)
	s.epoch++
	return scorecard.Lease{Owner: owner, Epoch: s.epoch}, nil
}

func (s *fakeStore) Renew(ctx context.Context, l scorecard.Lease, ttl time.Duration) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := s.check(l.Owner, l.Epoch); err != nil {
		return err
	}
	s.expires = time.Now().Add(ttl)
	return nil
}

func (s *fakeServer) check(owner string, epoch uint64) error {
	if s.holder != owner || s.epoch != epoch {
		return scorecard.ErrFenced
	}
	return nil
}

func (s *fakeStore) Release(ctx context.Context, l scorecard.Lease) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := s.check(l.Owner, l.Epoch); err != nil {
		return err
	}
	s.holder = ""
	return nil
}

// dawdle takes the time of a commit over a slow line.
func (s *fakeStore) dawdle(ctx context.Context) error {
	s.mu.Lock()
	wait := s.slow
	if s.failed {
		wait *= 2
	}
	s.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = ctx.Err() != nil || s.hang
	return ctx.Err()
}

func (s *fakeStore) Commit(ctx context.Context, c scorecard.Commit) error {
	if err := s.dawdle(ctx); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := s.check(c.Owner, c.Epoch); err != nil {
		return err
	}
	if s.refuse != nil {
		return s.refuse
	}
	if s.snapshot != nil && !c.Snapshot.Tick.After(s.snapshot.Tick) {
		return scorecard.ErrOldTick
	}
	life := strconv.Itoa(s.life)
	if s.base != "" && s.base != life {
		s.base = life
		return scorecard.ErrForgotten
	}
	s.base = life
	sent := map[slo.PageKey]bool{}
	for _, p := range c.Ledger {
		sent[p.PageKey] = true
	}
	for key := range s.lost {
		if !sent[key] {
			return scorecard.ErrForgotten
		}
	}
	s.lost = nil
	for _, p := range c.Ledger {
		if p.Data == nil {
			delete(s.pages, p.PageKey)
		} else {
			s.pages[p.PageKey] = p
		}
	}
	next := *c.Snapshot
	next.Epoch, next.Incarnation, next.Generation = c.Epoch, life, 1
	if s.snapshot != nil {
		next.Generation = s.snapshot.Generation + 1
	}
	s.snapshot, s.known = &next, &next
	s.states = maps.Clone(c.States)
	s.commits = append(s.commits, c)
	s.times = append(s.times, time.Now())
	err := s.vague
	s.vague = nil
	return err
}

func (s *fakeStore) ScoresAt(ctx context.Context, _ time.Time) (map[scorecard.Key]float64, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return nil, s.scores
}

func (s *fakeStore) States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return maps.Clone(s.states), nil
}

func (s *fakeStore) Snapshot() *scorecard.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

func (s *fakeStore) Sync(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.snapshot != nil { // else what is known grows stale
		s.known = s.snapshot
	}
	return nil
}

func (s *fakeStore) Pages(ctx context.Context, have map[slo.PageKey]string, yield func(slo.Page) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	pages := maps.Clone(s.pages)
	s.mu.Unlock()
	for key := range have {
		if _, there := pages[key]; !there {
			pages[key] = slo.Page{PageKey: key}
		}
	}
	for key, p := range pages {
		if have[key] == p.Version {
			continue
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	if s.gaps {
		return scorecard.ErrForgotten
	}
	return nil
}

// set changes something of the store while it is used.
func (s *fakeStore) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// give hands the lease to another, or to nobody.
func (s *fakeStore) give(holder string) {
	s.set(func() {
		s.holder, s.expires = holder, time.Time{}
		s.epoch++
	})
}

func (s *fakeStore) setFail(err error) { s.set(func() { s.fail = err }) }

// restartEmpty loses everything.
func (s *fakeStore) restartEmpty() {
	s.set(func() {
		s.life++
		s.holder, s.snapshot, s.states = "", nil, nil
		s.pages = map[slo.PageKey]slo.Page{}
	})
}

// ticks returns the committed ticks.
func (s *fakeServer) ticks() []time.Time {
	var out []time.Time
	for _, c := range s.all() {
		out = append(out, c.Snapshot.Tick)
	}
	return out
}

// lease returns who holds the lease, and its epoch.
func (s *fakeServer) lease() (holder string, epoch uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holder, s.epoch
}

// held returns all pages.
func (s *fakeServer) held() map[slo.PageKey]slo.Page {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.pages)
}

func (s *fakeServer) all() []scorecard.Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commits)
}

func (s *fakeServer) newest() *scorecard.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits[len(s.commits)-1].Snapshot
}

var _ Store = (*fakeStore)(nil)
