package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// errMoved says that another commit has begun since this one did.
var errMoved = errors.New("another commit has begun meanwhile")

// Commit takes one tick whole or not at all, and publishes it here. The error
// is scorecard.ErrFenced unless epoch and owner are those of the newest lease,
// however old that is; scorecard.ErrOldTick unless the tick is newer than the
// last; scorecard.ErrFutureTick when it is far ahead of the clock of Redis;
// scorecard.ErrForgotten when the store has lost pages of the ledger that
// were committed or read here: then the same commit with all pages is taken.
// Any other error leaves it open whether the commit was taken; it was if a
// later call with the same tick says scorecard.ErrOldTick.
func (s *Store) Commit(ctx context.Context, c scorecard.Commit) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("commit a tick of %q: %w", c.Owner, err)
	}
	began := s.o.Now()
	doing := "commit tick " + instant(c.Snapshot.Tick)
	if err := s.committing.take(ctx); err != nil {
		return wrap(err, doing)
	}
	defer s.committing.give()
	if err := s.commit(ctx, &c); err != nil {
		return wrap(err, doing)
	}
	s.metrics.commitSeconds.Observe(s.o.Now().Sub(began).Seconds())
	return nil
}

func (s *Store) commit(ctx context.Context, c *scorecard.Commit) (err error) {
	name := randomID()
	defer func() {
		if err != nil {
			s.base = nil // what is there now has to be looked up
		}
	}()
	b, err := s.begin(ctx, c, name)
	if err != nil {
		return s.noted("commit", err)
	}
	if m := b.manifest; m != nil && !c.Snapshot.Tick.After(m.Tick) {
		return refuse(scorecard.ErrOldTick, "tick %s has been committed already; go on with a later one", instant(m.Tick))
	}
	if err := s.checkLoss(b); err != nil {
		return err
	}
	if err := s.loadOpenBlocks(ctx, b, c); err != nil {
		return s.noted("commit", err)
	}
	d, err := s.draft(b, c, name)
	if err != nil {
		return err
	}
	if err := s.stage(ctx, b, d); err != nil {
		return s.noted("commit", err)
	}
	return s.flip(ctx, b, d, c)
}

// checkLoss drops from the base what is not there any more. When pages of the
// ledger are among it the commit is refused, once: it comes again with all.
func (s *Store) checkLoss(b *base) error {
	gone, ledger := b.forget()
	if gone > 0 {
		s.o.Logger.Error("the store has lost objects that it had: what is known is written anew, and history in them is gone", "objects", gone)
		b.open = newOpenBlocks()
	}
	switch {
	case s.owes.lost(b.manifest):
		return s.owes.demand("redis has lost what was committed to it")
	case ledger || b.lost:
		return s.owes.demand("a part of the ledger is gone from redis")
	}
	return nil
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
	begins := ""
	if d.body.Generation == 1 {
		begins = "anew"
	}
	args := append([]any{
		c.Owner, c.Epoch, d.commit, schema, sealed.Hash, sealed.Data, d.body.Generation,
		d.body.LastChange - uint64(len(c.Changes)), s.o.EventLimit, begins,
	}, d.changes...)
	v, err := run(ctx, s.client, s.scripts.commit, []string{s.keys.lease(), s.keys.manifest(), s.keys.events()}, args...)
	switch {
	case err != nil:
		return s.noted("commit", fmt.Errorf("set the manifest: %w", err))
	case v.word() == "fenced":
		return fenced(v, c)
	case v.word() != "ok":
		return errMoved
	}
	s.heard()
	m := &manifest{commit: d.commit, committedAt: time.UnixMicro(int64(v.number(1))).UTC(), body: d.body}
	b.manifest, b.roots, b.lost = m, d.roots, false
	s.owes.settle(m)
	s.taken(m, c)
	return nil
}

func fenced(v verdict, c *scorecard.Commit) error {
	return refuse(scorecard.ErrFenced, "of %q, epoch %d: %s; stop grading and acquire a new lease", c.Owner, c.Epoch, newestLease(v))
}

// taken publishes a generation that the store has taken, unless a later one has
// been followed meanwhile.
func (s *Store) taken(m *manifest, c *scorecard.Commit) {
	next := *c.Snapshot
	m.stamp(&next)
	changes := slices.Clone(c.Changes)
	for i := range changes {
		changes[i].ID = m.LastChange - uint64(len(changes)-1-i)
		changes[i].Generation = m.Generation
	}
	for {
		old := s.view.Load()
		served := old.manifest
		if served != nil && (served.same(m) || served.Epoch > m.Epoch || served.Epoch == m.Epoch && !m.Tick.After(served.Tick)) {
			return
		}
		if s.serve(old, &view{manifest: m}, &next, changes) {
			return
		}
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// lastTick is the tick of the newest commit, zero before the first.
func (b *base) lastTick() time.Time {
	if b.manifest == nil {
		return time.Time{}
	}
	return b.manifest.Tick
}
