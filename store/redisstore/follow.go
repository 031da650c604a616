package redisstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
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
	failing, evicts := false, false
	for {
		now := s.o.Now()
		if now.Sub(full) >= s.o.FullSync {
			full = now
			s.doubted.Store(true)
		}
		err := s.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		failing = s.tell(failing, err)
		if err == nil && now.Sub(checkup) >= checkupEvery {
			checkup = now
			evicts = s.checkup(ctx, evicts)
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
		s.o.Logger.Error("the store cannot be followed: what is known is served on, and called stale when that lasts", "err", err)
	case err == nil && failing:
		s.o.Logger.Info("the store is followed again")
	}
	return err != nil
}

// look syncs if there is another generation than the one that is served.
func (s *Store) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	newest, err := s.client.HGet(short, s.keys.manifest(), "commit").Result()
	if err != nil && !errors.Is(err, redis.Nil) && !isWrongType(err) {
		return s.noted("follow", fmt.Errorf("read %s: %w", s.keys.manifest(), err))
	}
	s.heard()
	if m := s.view.Load().manifest; m != nil && newest == m.commit && !s.doubted.Load() {
		return nil
	}
	long, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	return s.Sync(long)
}

// Sync publishes the newest generation of the store, if it is not served yet.
// Within an incarnation the tick never goes back: a server that lost its
// newest commits in a failover is waited for. A store that has lost everything
// changes nothing: what is served grows stale. Where the newest generation is
// damaged, or objects of it are gone, the error is scorecard.ErrForgotten: only
// another commit will mend that.
func (s *Store) Sync(ctx context.Context) error {
	const doing = "read the newest generation"
	if err := s.following.take(ctx); err != nil {
		return wrap(err, doing)
	}
	defer s.following.give()
	var err error
	for range syncTries {
		err = s.sync(ctx)
		if !isMissing(err) && !errors.Is(err, errOvertaken) {
			break // a generation that was swept away while it was read is read anew
		}
	}
	if errors.Is(err, errOvertaken) {
		err = nil // by commits of this very process
	}
	damaged := isLoss(err)
	if err = s.noted("sync", err); damaged {
		err = refusal{error: err, kind: scorecard.ErrForgotten}
	}
	return wrap(err, doing)
}

// errOvertaken says that another generation was published while one was read.
var errOvertaken = errors.New("another generation was published meanwhile")

func (s *Store) sync(ctx context.Context) error {
	m, err := s.readManifest(ctx)
	if errors.Is(err, errNoManifest) {
		return nil
	}
	if err != nil {
		return err
	}
	served, doubted := s.view.Load(), s.doubted.Load()
	if was := served.manifest; was != nil {
		if m.Incarnation == was.Incarnation && m.Tick.Before(was.Tick) || m.same(was) && !doubted {
			return nil
		}
	}
	old := served
	if doubted {
		old = &view{}
	}
	next, err := s.fetchView(ctx, old, m)
	if err != nil {
		return err
	}
	snap, err := s.assemble(next)
	if err != nil {
		return err
	}
	changes, err := s.changesUpTo(ctx, served.manifest, m)
	if err != nil {
		return err
	}
	if !s.serve(served, next, snap, changes) {
		return errOvertaken
	}
	s.tellOfLoss(served.manifest, m)
	kind := "changed"
	if doubted {
		kind = "full"
		s.doubted.Store(false)
	}
	s.metrics.syncs.WithLabelValues(kind).Inc()
	return nil
}

// tellOfLoss logs that a generation is of another incarnation than the one that
// was served.
func (s *Store) tellOfLoss(was, m *manifest) {
	if was != nil && m.Incarnation != was.Incarnation {
		s.o.Logger.Warn("the store has begun anew: readers of changes start over, and history from before is gone", "tick", m.Tick)
	}
}

// serve publishes a generation in place of an older one. It reports false, and
// does nothing, when that is not served any more.
func (s *Store) serve(old, next *view, snap *scorecard.Snapshot, changes []scorecard.Change) bool {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if !s.view.CompareAndSwap(old, next) {
		return false
	}
	s.Publish(snap, changes)
	return true
}

// changesUpTo reads the changes that readers here have not got yet.
func (s *Store) changesUpTo(ctx context.Context, served, m *manifest) ([]scorecard.Change, error) {
	after := uint64(0)
	if served != nil && m.follows(served) {
		after = served.LastChange
	}
	return s.readChanges(ctx, after, m.LastChange)
}

// fetchView fetches what a generation has and an older view has not.
func (s *Store) fetchView(ctx context.Context, old *view, m *manifest) (*view, error) {
	next := &view{manifest: m, cards: old.cards, catalog: old.catalog, rubrics: old.rubrics, sources: old.sources}
	var wants []want
	for shard, name := range m.Cards {
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
		Tick: m.Tick, Interval: m.Interval, Catalog: v.catalog.value, Rubrics: v.rubrics.value,
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
			cards, err := codec.DecodeCards(p.payload, m.common(), service)
			if err != nil {
				return fmt.Errorf("decode %s of %s: %w", p.name, shardName(shard), err)
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
