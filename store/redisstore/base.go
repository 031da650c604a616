package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

const shardCount = slo.Shards

// base is what a commit builds upon: the newest generation that this process
// committed or found, and which objects there are.
type base struct {
	manifest *manifest // nil: the store is empty
	roots    [shardCount]root
	found    map[int]names // by shard: what is there, garbage too
	open     *openBlocks   // history to which points are still added
}

// loadBase returns what to build the next commit upon, read from Redis unless
// it is known.
func (s *Store) loadBase(ctx context.Context) (*base, error) {
	if s.base == nil {
		b := &base{open: newOpenBlocks()}
		m, err := s.readManifest(ctx)
		switch {
		case errors.Is(err, errNoManifest):
		case errors.Is(err, codec.ErrCorrupt):
			// What it led to is lost: the ledger and the states are handed over anew.
			s.o.Logger.Error("the manifest is damaged, and the store begins anew", "err", err)
			if err := s.client.Del(ctx, s.keys.manifest()).Err(); err != nil {
				return nil, fmt.Errorf("delete the damaged manifest: %w", err)
			}
		case err != nil:
			return nil, err
		default:
			b.manifest = m
			var lost losses
			if b.roots, lost, err = s.readRoots(ctx, m); err != nil {
				return nil, err
			}
			lost.log(s.o.Logger)
		}
		s.base = b
	}
	found, err := s.census(ctx, s.base.found)
	if err != nil {
		s.base = nil
		return nil, err
	}
	s.base.found = found
	return s.base, nil
}

// readRoots reads the roots of a generation. One that is missing or damaged is
// empty, and counts as lost.
func (s *Store) readRoots(ctx context.Context, m *manifest) (roots [shardCount]root, lost losses, err error) {
	var wants []want
	for shard, name := range m.body.Roots {
		if name != "" {
			wants = append(wants, want{shard, name})
		}
	}
	for i, f := range s.fetchEach(ctx, wants) {
		if f.err == nil {
			f.err = unmarshalRoot(f.payload, &roots[wants[i].shard])
		}
		if isLoss(f.err) {
			roots[wants[i].shard] = root{}
			lost = append(lost, loss{wants[i], f.err})
		} else if f.err != nil {
			return roots, lost, f.err
		}
	}
	return roots, lost, nil
}

func unmarshalRoot(payload []byte, into *root) error {
	if err := json.Unmarshal(payload, into); err != nil {
		return fmt.Errorf("a root is no JSON: %w", codec.ErrCorrupt)
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
		for page, name := range r.Ledger {
			if !there.has(name) {
				delete(r.Ledger, page)
				lost++
				ledger = true
			}
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
		return namesOf(b.manifest.body.headNames())
	}
	set := namesOf(b.roots[shard].names())
	for _, name := range []string{b.manifest.body.Cards[shard], b.manifest.body.Roots[shard]} {
		if name != "" {
			set[name] = struct{}{}
		}
	}
	return set
}
