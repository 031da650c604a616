package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

const shardCount = slo.Shards

// base is what a commit builds upon: the newest generation that this process
// committed or found, and which objects there are.
type base struct {
	manifest *manifest // nil: the store is empty, or what it had is lost
	roots    [shardCount]root
	found    map[int]names // by shard: what is there, garbage too
	open     *openBlocks   // history to which points are still added
	lost     bool          // a root: what it led to is not known
}

// begin makes sure that a commit may be, notes its name, and returns what it is
// built upon. The error is scorecard.ErrFenced unless the lease is that of the
// commit, *codec.FutureError when a later version has written the manifest.
func (s *Store) begin(ctx context.Context, c *scorecard.Commit, name string) (*base, error) {
	// What is there is counted first: whoever still has the lease then knows that
	// nobody else has changed it since.
	var known map[int]names
	if s.base != nil {
		known = s.base.found
	}
	found, err := s.census(ctx, known)
	if err != nil {
		return nil, err
	}
	v, err := run(ctx, s.client, s.scripts.begin, []string{s.keys.lease(), s.keys.manifest()}, c.Owner, c.Epoch, name)
	if err != nil {
		return nil, fmt.Errorf("begin the commit: %w", err)
	}
	m, err := s.parseManifest(v[min(4, len(v)):])
	switch {
	case errors.Is(err, codec.ErrCorrupt):
		s.metrics.corrupt.WithLabelValues("manifest").Inc()
		s.o.Logger.Error("the manifest is damaged: the store begins anew", "err", err)
	case err != nil && !errors.Is(err, errNoManifest):
		return nil, fmt.Errorf("read %s: %w", s.keys.manifest(), err)
	}
	if v.word() != "ok" {
		// A store that has lost its lease with all the rest is no other grader's.
		if v.text(1) == "" && s.owes.lost(m) {
			if err := s.owes.demand("redis has lost what was committed to it"); err != nil {
				return nil, err
			}
		}
		return nil, fenced(v, c)
	}
	if err := s.checkClock(c.Snapshot.Tick, time.UnixMicro(int64(v.number(3)))); err != nil {
		return nil, err
	}
	if err := s.rebase(ctx, m); err != nil {
		return nil, err
	}
	s.base.found = found
	return s.base, s.scrub(ctx, s.base)
}

// checkClock refuses a tick that lies too far ahead of the clock of Redis.
func (s *Store) checkClock(tick, theirs time.Time) error {
	ahead := tick.Sub(theirs)
	if ahead <= s.o.MostAhead {
		return nil
	}
	return refuse(scorecard.ErrFutureTick, "the clock of redis says %s, %s before the tick: set the clock of this machine, or that of redis, right",
		instant(theirs.Truncate(time.Second)), ahead.Round(time.Second))
}

// rebase makes a generation the base, reading its roots where it is another
// than before.
func (s *Store) rebase(ctx context.Context, m *manifest) error {
	if s.base != nil && (m.same(s.base.manifest) || m == nil && s.base.manifest == nil) {
		return nil
	}
	b := &base{manifest: m, open: newOpenBlocks()}
	if m != nil {
		var (
			lost losses
			err  error
		)
		if b.roots, lost, err = s.readRoots(ctx, m); err != nil {
			return err
		}
		lost.log(s.o.Logger)
		b.lost = len(lost) > 0
	}
	s.base = b
	return nil
}

// readRoots reads the roots of a generation. One that is missing or damaged is
// empty, and counts as lost.
func (s *Store) readRoots(ctx context.Context, m *manifest) (roots [shardCount]root, lost losses, err error) {
	var wants []want
	for shard, name := range m.Roots {
		if name != "" {
			wants = append(wants, want{shard, name})
		}
	}
	for i, got := range decodeEach(ctx, s, s.rootCache, wants, decodeRoot) {
		if isLoss(got.err) {
			lost = append(lost, loss{want: wants[i], err: got.err})
		} else if got.err != nil {
			return roots, lost, got.err
		} else {
			roots[wants[i].shard] = *got.value
		}
	}
	return roots, lost, nil
}

func decodeRoot(payload []byte) (*root, error) {
	r := &root{}
	if err := json.Unmarshal(payload, r); err != nil {
		return nil, fmt.Errorf("a root is no JSON: %w", codec.ErrCorrupt)
	}
	return r, nil
}

// scrub looks whether the pages of the ledger of one shard, another with every
// generation, are still what they were. One that is damaged counts as gone, so
// that it is asked for while there is somebody who has it.
func (s *Store) scrub(ctx context.Context, b *base) error {
	if b.manifest == nil {
		return nil
	}
	shard := int(b.manifest.Generation % shardCount)
	var wants []want
	for _, name := range b.roots[shard].Ledger {
		if b.found[shard].has(name) {
			wants = append(wants, want{shard, name})
		}
	}
	for i, f := range s.fetchEach(ctx, wants) {
		_, err := s.pageOf(wants[i], slo.PageKey{}, f)
		switch {
		case isLoss(err):
			delete(b.found[shard], wants[i].name)
		case err != nil:
			return fmt.Errorf("read the ledger: %w", err)
		}
	}
	return nil
}

// forget drops from the base what is named but not there any more, and reports
// whether pages of the ledger are among it.
func (b *base) forget() (lost int, ledger bool) {
	for shard := range b.roots {
		r, there := &b.roots[shard], b.found[shard]
		var kept []historyRef
		for _, h := range r.History {
			if there.has(h.Object) {
				kept = append(kept, h)
			} else {
				lost++
			}
		}
		r.History = kept
		pages := maps.Clone(r.Ledger) // the root is shared with readers
		maps.DeleteFunc(pages, func(_, name string) bool { return !there.has(name) })
		if gone := len(r.Ledger) - len(pages); gone > 0 {
			lost, ledger = lost+gone, true
			r.Ledger = pages
		}
	}
	return lost, ledger
}

// garbage lists what is there and not named by the base.
func (b *base) garbage() map[int][]string {
	out := map[int][]string{}
	for shard, there := range b.found {
		named := b.named(shard)
		for name := range there {
			if !named.has(name) {
				out[shard] = append(out[shard], name)
			}
		}
	}
	return out
}

// named are the objects of a shard that the base names.
func (b *base) named(shard int) names {
	switch {
	case b.manifest == nil:
		return nil
	case shard == headShard:
		return namesOf(b.manifest.headNames())
	}
	set := namesOf(b.roots[shard].names())
	for _, name := range []string{b.manifest.Cards[shard], b.manifest.Roots[shard]} {
		if name != "" {
			set[name] = struct{}{}
		}
	}
	return set
}
