package redisstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// How long one look at the store may take.
const (
	pollTimeout  = 2 * time.Second
	syncTimeout  = 20 * time.Second
	syncTries    = 3
	checkupEvery = time.Minute
)

// view is the generation that is served here, with what it was made of, so that
// the next one fetches only what has changed. It is immutable.
type view struct {
	manifest *manifest // nil before the first
	cards    [shardCount]part
	catalog  held[*catalog.Snapshot]
	rubrics  held[[]*rubric.Rubric]
	sources  held[sources]
}

// part is the payload of an object that was fetched.
type part struct {
	name    string
	payload []byte
}

// held is a decoded object.
type held[T any] struct {
	name  string
	value T
}

// sources is what is said of sources and identities.
type sources struct {
	statuses   []scorecard.SourceStatus
	identities []scorecard.IdentityReport
}

func decodeSources(payload []byte) (s sources, err error) {
	s.statuses, s.identities, err = codec.DecodeSources(payload)
	return s, err
}

// Run follows the store until ctx ends: it publishes every generation that
// anybody commits. It returns nil; that Redis is away is logged once, counted,
// and seen in LastAnswer.
func (s *Store) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.o.Poll)
	defer ticker.Stop()
	full, checkup := s.o.Now(), time.Time{}
	failing := false
	for {
		now := s.o.Now()
		if now.Sub(full) >= s.o.FullSync {
			full = now
			s.distrust()
		}
		err := s.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		failing = s.tell(failing, err)
		if err == nil && now.Sub(checkup) >= checkupEvery {
			checkup = now
			s.checkup(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// tell logs that the store went away or came back.
func (s *Store) tell(failing bool, err error) bool {
	switch {
	case err != nil && !failing:
		s.o.Logger.Error("the store cannot be followed: what is known is served on, as stale", "err", err)
	case err == nil && failing:
		s.o.Logger.Info("the store is followed again")
	}
	return err != nil
}

// distrust has the next sync fetch everything, whatever its name.
func (s *Store) distrust() {
	s.following.Lock()
	defer s.following.Unlock()
	s.view.Store(&view{manifest: s.view.Load().manifest})
	s.metrics.syncs.WithLabelValues("full").Inc()
}

// look syncs if there is another generation than the one that is served.
func (s *Store) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	values, err := s.client.HMGet(short, s.keys.manifest(), "incarnation", "generation", "committed_at").Result()
	if err != nil && !isWrongType(err) {
		return s.noted("follow", fmt.Errorf("read %s: %w", s.keys.manifest(), err))
	}
	s.heard()
	if v := s.view.Load(); err == nil && v.manifest != nil && v.complete() && v.manifest.announcedBy(values) {
		return nil
	}
	long, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	return s.Sync(long)
}

// complete reports whether the view has all that it was made of.
func (v *view) complete() bool {
	for shard, name := range v.manifest.body.Cards {
		if v.cards[shard].name != name {
			return false
		}
	}
	return true
}

// announcedBy reports whether the values of a poll are those of m.
func (m *manifest) announcedBy(values []any) bool {
	want := []string{m.incarnation, fmt.Sprint(m.generation), fmt.Sprint(m.committedAt.UnixMicro())}
	for i, w := range want {
		if text, _ := values[i].(string); text != w {
			return false
		}
	}
	return true
}

// Sync publishes the newest generation of the store, if it is not served yet.
// Within an incarnation the tick never goes back: a server that lost its
// newest commits in a failover is waited for.
func (s *Store) Sync(ctx context.Context) error {
	s.following.Lock()
	defer s.following.Unlock()
	var err error
	for range syncTries {
		err = s.sync(ctx)
		if _, missing := errors.AsType[*missingError](err); !missing {
			break // a generation that was swept away while it was read is read anew
		}
	}
	if err != nil {
		return s.noted("sync", fmt.Errorf("read the newest generation: %w", err))
	}
	s.heard()
	return nil
}

func (s *Store) sync(ctx context.Context) error {
	m, err := s.readManifest(ctx)
	if errors.Is(err, errNoManifest) {
		return nil // nothing yet, or nothing any more: what is served grows stale
	}
	if err != nil {
		return err
	}
	old := s.view.Load()
	if old.manifest.before(m) {
		return nil
	}
	next, err := s.fetchView(ctx, old, m)
	if err != nil {
		return err
	}
	if served := s.Snapshot(); served != nil && old.manifest.same(m) {
		s.view.Store(next) // all of it was there; nothing is new to readers
		return nil
	}
	snap, err := s.assemble(next)
	if err != nil {
		return err
	}
	changes, err := s.changesUpTo(ctx, m)
	if err != nil {
		return err
	}
	s.view.Store(next)
	s.Publish(snap, changes)
	s.metrics.syncs.WithLabelValues("changed").Inc()
	return nil
}

// before reports whether newest is older than m, in the same incarnation.
func (m *manifest) before(newest *manifest) bool {
	return m != nil && m.incarnation == newest.incarnation && newest.tick.Before(m.tick)
}

func (m *manifest) same(other *manifest) bool {
	return m != nil && m.incarnation == other.incarnation && m.generation == other.generation && m.committedAt.Equal(other.committedAt)
}

// changesUpTo reads the changes that readers here have not got yet.
func (s *Store) changesUpTo(ctx context.Context, m *manifest) ([]scorecard.Change, error) {
	after := uint64(0)
	if served := s.Snapshot(); served != nil && served.Incarnation == m.incarnation && served.LastChange <= m.lastChange {
		after = served.LastChange
	}
	return s.readChanges(ctx, after, m.lastChange)
}

// fetchView fetches what a generation has and an older view has not.
func (s *Store) fetchView(ctx context.Context, old *view, m *manifest) (*view, error) {
	next := &view{manifest: m, cards: old.cards, catalog: old.catalog, rubrics: old.rubrics, sources: old.sources}
	var wants []want
	for shard, name := range m.body.Cards {
		if name == "" {
			next.cards[shard] = part{}
		} else if old.cards[shard].name != name {
			wants = append(wants, want{shard, name})
		}
	}
	payloads, err := s.fetch(ctx, wants)
	if err != nil {
		return nil, err
	}
	for i, w := range wants {
		next.cards[w.shard] = part{w.name, payloads[i]}
	}
	s.metrics.fetched.Add(float64(len(wants)))
	return next, s.fetchHead(ctx, next)
}

// fetchHead fetches what the shards have in common, where it has changed.
func (s *Store) fetchHead(ctx context.Context, v *view) error {
	body := &v.manifest.body
	if err := refresh(ctx, s, &v.catalog, body.Catalog, codec.DecodeCatalog); err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	if err := refresh(ctx, s, &v.rubrics, body.Rubrics, codec.DecodeRubrics); err != nil {
		return fmt.Errorf("read the rubrics: %w", err)
	}
	if err := refresh(ctx, s, &v.sources, body.Sources, decodeSources); err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	return nil
}

func refresh[T any](ctx context.Context, s *Store, h *held[T], name string, decode func([]byte) (T, error)) error {
	if h.name == name {
		return nil
	}
	var next held[T]
	if name != "" {
		payloads, err := s.fetch(ctx, []want{{headShard, name}})
		if err != nil {
			return err
		}
		if next.value, err = decode(payloads[0]); err != nil {
			return err
		}
		next.name = name
	}
	*h = next
	return nil
}

// assemble makes the snapshot of a view.
func (s *Store) assemble(v *view) (*scorecard.Snapshot, error) {
	m := v.manifest
	snap := &scorecard.Snapshot{
		Tick: m.tick, Interval: m.body.Interval, Catalog: v.catalog.value, Rubrics: v.rubrics.value,
		Sources: v.sources.value.statuses, Identities: v.sources.value.identities,
	}
	m.stamp(snap)
	service := func(id catalog.ID) (*catalog.Service, bool) {
		if v.catalog.value == nil {
			return nil, false
		}
		return v.catalog.value.Service(id)
	}
	var decoded [shardCount][]*scorecard.Scorecard
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for shard, p := range v.cards {
		if p.name == "" {
			continue
		}
		group.Go(func() error {
			cards, err := codec.DecodeCards(p.payload, m.body.common(m.tick), service)
			if err != nil {
				return fmt.Errorf("decode %s of shard %d: %w", p.name, shard, err)
			}
			decoded[shard] = cards
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	snap.Scorecards = slices.Concat(decoded[:]...)
	slices.SortFunc(snap.Scorecards, scorecard.Compare)
	return snap, nil
}
