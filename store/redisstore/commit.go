package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// errMoved says that the manifest is not the one that a commit was built upon.
var errMoved = errors.New("another generation has been committed meanwhile")

// Commit takes one tick whole or not at all, and publishes it here. The error
// is scorecard.ErrFenced unless epoch and owner are those of the newest lease,
// however old that is; scorecard.ErrOldTick unless the tick is newer than the
// last; scorecard.ErrForgotten when the store has lost pages of the ledger that
// earlier commits brought: then the same commit with all pages is taken. Any
// other error leaves it open whether the commit was taken; it was if a later
// call with the same tick says scorecard.ErrOldTick.
func (s *Store) Commit(ctx context.Context, c scorecard.Commit) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("commit a tick of %q: %w", c.Owner, err)
	}
	began := s.o.Now()
	s.committing.Lock()
	defer s.committing.Unlock()
	err := s.commit(ctx, &c)
	if errors.Is(err, errMoved) {
		err = s.commit(ctx, &c)
	}
	if err != nil {
		return fmt.Errorf("commit tick %s: %w", instant(c.Snapshot.Tick), err)
	}
	s.metrics.commitSeconds.Observe(s.o.Now().Sub(began).Seconds())
	return nil
}

func (s *Store) commit(ctx context.Context, c *scorecard.Commit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := s.loadBase(ctx)
	if err != nil {
		return s.noted("commit", err)
	}
	if m := b.manifest; m != nil && !c.Snapshot.Tick.After(m.tick) {
		s.base = nil
		return oldTick(m.tick)
	}
	if err := s.checkLoss(b, c); err != nil {
		return err
	}
	if err := s.loadOpenBlocks(ctx, b, c); err != nil {
		return s.noted("commit", err)
	}
	d, err := s.draft(b, c)
	if err != nil {
		s.base = nil // some of its history may have been written to
		return err
	}
	if err := s.stage(ctx, b, d); err != nil {
		s.base = nil // what is there now has to be looked up
		return s.noted("commit", err)
	}
	return s.flip(ctx, b, d, c)
}

// checkLoss refuses a commit where pages of the ledger that the base names are
// gone. They are forgotten, so that the same commit with all pages is taken.
func (s *Store) checkLoss(b *base, c *scorecard.Commit) error {
	lost, ledger := b.forget()
	if lost > 0 {
		s.o.Logger.Error("the store has lost objects that it had: what can be is written anew", "objects", lost)
		b.open = newOpenBlocks()
	}
	if ledger && !complete(b, c) {
		return refuse(scorecard.ErrForgotten, "%d objects are gone from redis: hand over all pages of the ledger", lost)
	}
	return nil
}

// complete reports whether a commit brings all pages that the base knows.
func complete(b *base, c *scorecard.Commit) bool {
	brought := map[int]names{}
	for _, page := range c.Ledger {
		if brought[page.Shard] == nil {
			brought[page.Shard] = names{}
		}
		brought[page.Shard][page.Name] = struct{}{}
	}
	for shard := range b.roots {
		for page := range b.roots[shard].Ledger {
			if !brought[shard].has(page) {
				return false
			}
		}
	}
	return true
}

// stage writes the objects of a draft and deletes those of former generations.
// Readers of the generation before this one are not in the way: what the base
// names stays.
func (s *Store) stage(ctx context.Context, b *base, d *draft) error {
	garbage := b.garbage()
	if err := s.sweep(ctx, garbage); err != nil {
		return err
	}
	for shard, list := range garbage {
		for _, name := range list {
			delete(b.found[shard], name)
		}
	}
	if err := s.write(ctx, d.objects); err != nil {
		return err
	}
	size := 0
	for _, o := range d.objects {
		if b.found[o.shard] == nil {
			b.found[o.shard] = names{}
		}
		b.found[o.shard][o.name] = struct{}{}
		size += len(o.data)
	}
	s.metrics.commitBytes.Set(float64(size))
	return nil
}

// flip makes a staged draft the newest generation, or learns why not.
func (s *Store) flip(ctx context.Context, b *base, d *draft, c *scorecard.Commit) error {
	body, err := json.Marshal(&d.body)
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	sealed, err := s.codec.Seal(body)
	if err != nil {
		return fmt.Errorf("seal the manifest: %w", err)
	}
	incarnation, generation := "", uint64(0)
	if b.manifest != nil {
		incarnation, generation = b.manifest.incarnation, b.manifest.generation
	}
	args := append([]any{
		c.Owner, c.Epoch, schema, c.Snapshot.Tick.UnixMicro(), incarnation, generation,
		randomID(), randomID(), s.o.EventLimit, sealed.Data,
	}, d.changes...)
	v, err := run(ctx, s.client, s.scripts.commit, []string{s.keys.lease(), s.keys.manifest(), s.keys.events()}, args...)
	if err != nil {
		s.base = nil // it may have been taken: a repetition must look again
		return s.noted("commit", fmt.Errorf("set the manifest: %w", err))
	}
	s.heard()
	if v.word() != "ok" {
		return s.refused(v, b, c)
	}
	s.taken(v, b, d, c)
	return nil
}

// refused turns an answer of the script into an error.
func (s *Store) refused(v verdict, b *base, c *scorecard.Commit) error {
	s.base = nil
	switch v.word() {
	case "fenced":
		return refuse(scorecard.ErrFenced, "of %q, epoch %d: %s; stop grading and acquire a new lease", c.Owner, c.Epoch, newestLease(v))
	case "old":
		return oldTick(fromMicros(v.number(1)))
	case "future":
		return &codec.FutureError{Version: int(v.number(1))}
	}
	if b.manifest != nil && v.text(1) != b.manifest.incarnation {
		return refuse(scorecard.ErrForgotten, "redis has another store than the one committed to so far: hand over all pages of the ledger")
	}
	return errMoved
}

func oldTick(newest time.Time) error {
	return refuse(scorecard.ErrOldTick, "tick %s has been committed already; go on with a later one", instant(newest))
}

// taken publishes a generation that the store has taken, and makes it the base
// of the next.
func (s *Store) taken(v verdict, b *base, d *draft, c *scorecard.Commit) {
	m := &manifest{
		incarnation: v.text(1), generation: v.number(2), epoch: c.Epoch, tick: c.Snapshot.Tick,
		lastChange: v.number(3), committedAt: fromMicros(v.number(4)), body: d.body,
	}
	b.manifest, b.roots = m, d.roots
	next := *c.Snapshot
	m.stamp(&next)
	changes := slices.Clone(c.Changes)
	for i := range changes {
		changes[i].ID = m.lastChange - uint64(len(changes)-1-i)
		changes[i].Generation = m.generation
	}
	s.following.Lock()
	defer s.following.Unlock()
	s.view.Store(&view{manifest: m})
	s.Publish(&next, changes)
}

// stamp fills in what the store gives to a snapshot.
func (m *manifest) stamp(snap *scorecard.Snapshot) {
	snap.Incarnation, snap.Generation, snap.Epoch = m.incarnation, m.generation, m.epoch
	snap.CommittedAt, snap.LastChange = m.committedAt, m.lastChange
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// lastTick is the tick of the newest commit, zero before the first.
func (d *drafter) lastTick() time.Time {
	if d.base.manifest == nil {
		return time.Time{}
	}
	return d.base.manifest.tick
}
