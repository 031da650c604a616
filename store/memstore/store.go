// Package memstore keeps scorecards, their history, grading state, the pages of
// the ledger, changes and the grading lease in the memory of one process. It is
// what Apgar uses without Redis, and what the other stores are measured
// against. All of it is gone when the process ends.
//
// It may know the vocabulary of package scorecard and nothing else: no rubric
// logic, no transport, no other store.
package memstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/feed"
)

// defaultEventLimit is how many changes are kept unless Options say otherwise.
const defaultEventLimit = 10_000

// Options are the settings of a Store. The zero value is usable.
type Options struct {
	// Now is the clock of leases and of Snapshot.CommittedAt; nil is time.Now.
	// Retention goes by the ticks committed, never by this clock.
	Now func() time.Time
	// EventLimit is how many of the newest changes are kept for readers that
	// resume; 0 or less is 10,000.
	EventLimit int
}

// Store is a store in memory. It is safe for concurrent use. Its methods do
// nothing and return the context's error when the context is already done.
// Readers are served by its Feed.
type Store struct {
	*feed.Feed
	now         func() time.Time
	incarnation string

	mu      sync.RWMutex // guards all below
	lease   lease
	states  map[scorecard.Key]*scorecard.State
	history *history
	pages   map[slo.PageKey]slo.Page
}

// New returns an empty store.
func New(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.EventLimit <= 0 {
		o.EventLimit = defaultEventLimit
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return &Store{
		Feed:        feed.New(o.EventLimit),
		now:         o.Now,
		incarnation: hex.EncodeToString(id[:]),
		history:     newHistory(),
		pages:       map[slo.PageKey]slo.Page{},
	}
}

// Sync does nothing: who commits to a store in memory has published it.
func (s *Store) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read the newest generation: %w", err)
	}
	return nil
}

// States returns the grading state of the newest commit. The map is the
// caller's; the states in it are shared and must not be changed.
func (s *Store) States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the grading state: %w", err)
	}
	if s.states == nil {
		return map[scorecard.Key]*scorecard.State{}, nil
	}
	return maps.Clone(s.states), nil
}

// Pages calls yield with every page of the ledger whose version is not the one
// in have, and with a page without data for each in have that is no more. The
// error is that of yield or of the context.
func (s *Store) Pages(ctx context.Context, have map[slo.PageKey]string, yield func(slo.Page) error) error {
	s.mu.RLock()
	pages := maps.Clone(s.pages)
	s.mu.RUnlock()
	for key := range have {
		if _, kept := pages[key]; !kept {
			pages[key] = slo.NewPage(key, nil)
		}
	}
	for key, page := range pages {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read the pages of the ledger: %w", err)
		}
		if page.Version == have[key] {
			continue
		}
		if err := yield(page); err != nil {
			return err
		}
	}
	return nil
}
