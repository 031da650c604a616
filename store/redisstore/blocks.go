package redisstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// History lies in blocks: one for each shard, tier and stretch of time. The
// block of the finest tier gets the points of every tick. When a bucket of a
// coarser tier has passed, its last points are copied into the block of that
// tier. Blocks that are full stay as they are until they are too old.

// blockLength is how long the stretch of a block is, by tier, in seconds.
func blockLength(tier int) int64 {
	return [history.TierCount]int64{30 * 60, 4 * 3600, 10 * 24 * 3600}[tier]
}

// blockEnd is the end of the block that a tick is in: blocks are (end - length,
// end], aligned to 1970.
func blockEnd(tier int, tick int64) int64 {
	length := blockLength(tier)
	return (tick + length - 1) / length * length
}

// blockKey names a block within its shard.
type blockKey struct {
	tier int
	end  int64
}

// openBlocks are the decoded blocks that commits write to, by shard. Each shard
// may be used by a goroutine of its own.
type openBlocks [shardCount]map[blockKey]*codec.History

func newOpenBlocks() *openBlocks {
	blocks := &openBlocks{}
	for shard := range blocks {
		blocks[shard] = map[blockKey]*codec.History{}
	}
	return blocks
}

// find returns the object of a block, or "".
func (r *root) find(key blockKey) string {
	for _, h := range r.History {
		if h.Tier == key.tier && h.End == key.end {
			return h.Object
		}
	}
	return ""
}

// blocksOf lists the blocks that the history of some ticks is written to or
// copied from.
func blocksOf(ticks []int64) []blockKey {
	needed := map[blockKey]bool{}
	for _, tick := range ticks {
		for tier := range history.TierCount {
			needed[blockKey{tier, blockEnd(tier, tick)}] = true
		}
	}
	return slices.Collect(maps.Keys(needed))
}

// loadOpenBlocks reads the blocks that a commit goes on with, where they are
// not in memory. One that is lost begins anew, which is logged. It lets go of
// those that no commit will write to any more.
func (s *Store) loadOpenBlocks(ctx context.Context, b *base, c *scorecard.Commit) error {
	ticks := []int64{c.Snapshot.Tick.Unix()}
	last := b.lastTick()
	if b.manifest != nil {
		ticks = append(ticks, last.Unix())
	}
	for _, row := range c.BacklogSince(last) {
		ticks = append(ticks, row.Tick.Unix())
	}
	needed := blocksOf(ticks)
	var (
		wants []want
		keys  []blockKey
	)
	for shard := range shardCount {
		maps.DeleteFunc(b.open[shard], func(k blockKey, _ *codec.History) bool { return !slices.Contains(needed, k) })
		for _, key := range needed {
			if name := b.roots[shard].find(key); name != "" && b.open[shard][key] == nil {
				wants, keys = append(wants, want{shard, name}), append(keys, key)
			}
		}
	}
	for i, f := range s.fetchEach(ctx, wants) {
		block, err := decodeBlock(f)
		switch {
		case isLoss(err):
			s.o.Logger.Error("a block of history is lost", "shard", wants[i].shard, "err", err)
		case err != nil:
			return fmt.Errorf("read history to go on with: %w", err)
		default:
			b.open[wants[i].shard][keys[i]] = block
		}
	}
	return nil
}

func decodeBlock(f fetched) (*codec.History, error) {
	if f.err != nil {
		return nil, f.err
	}
	return codec.DecodeHistory(f.payload)
}

// history enters the rows of a commit into the blocks of a shard, and lists
// the blocks that are kept.
func (d *shardDraft) history(before, next *root) error {
	w := &blockWriter{open: d.base.open[d.shard], changed: map[blockKey]bool{}}
	last := int64(0)
	if d.base.manifest != nil {
		last = d.base.manifest.Tick.Unix()
	}
	for _, row := range d.parts[d.shard] {
		tick := row.Tick.Unix()
		if last != 0 {
			w.promote(last, tick)
		}
		w.add(tick, row.Points)
		last = tick
	}
	if w.err != nil {
		return w.err
	}
	tiers := history.Tiers()
	for _, h := range before.History {
		key := blockKey{h.Tier, h.End}
		if !w.changed[key] && h.End > last-tiers[h.Tier].Span {
			next.History = append(next.History, h)
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(w.changed), compareBlocks) {
		name, err := d.seal(kindHistory, w.open[key].Encode(), before.find(key))
		if err != nil {
			return err
		}
		next.History = append(next.History, historyRef{Tier: key.tier, End: key.end, Object: name})
	}
	slices.SortFunc(next.History, func(a, b historyRef) int {
		return compareBlocks(blockKey{a.Tier, a.End}, blockKey{b.Tier, b.End})
	})
	return nil
}

func compareBlocks(a, b blockKey) int {
	if a.tier != b.tier {
		return a.tier - b.tier
	}
	return int(a.end - b.end)
}

// blockWriter adds to the open blocks of one shard.
type blockWriter struct {
	open    map[blockKey]*codec.History
	changed map[blockKey]bool
	err     error // the first
}

// add enters the points of a tick into the block of the finest tier.
func (w *blockWriter) add(tick int64, points []scorecard.KeyedPoint) {
	if len(points) == 0 || w.err != nil {
		return
	}
	if err := w.block(0, tick).Add(tick, points); err != nil {
		w.err = fmt.Errorf("add the tick %d to history: %w", tick, err)
	}
}

// promote copies the last points of the bucket that last, the newest tick in
// the blocks, is in, if tick is in a later one: from each tier to the next
// coarser.
func (w *blockWriter) promote(last, tick int64) {
	tiers := history.Tiers()
	for tier := 1; tier < history.TierCount; tier++ {
		t := tiers[tier]
		bucket := t.Bucket(last)
		if bucket == t.Bucket(tick) {
			return // and no coarser bucket has ended
		}
		finer := w.open[blockKey{tier - 1, blockEnd(tier-1, last)}]
		if finer == nil || w.err != nil {
			continue
		}
		ended := finer.Cut(bucket*t.Width, last).Thin(t.Width)
		if ended.Len() == 0 {
			continue
		}
		if err := w.block(tier, last).Append(ended); err != nil {
			w.err = fmt.Errorf("copy history to a coarser resolution: %w", err)
		}
	}
}

// block returns the block that a tick is in, which is about to be changed.
func (w *blockWriter) block(tier int, tick int64) *codec.History {
	key := blockKey{tier, blockEnd(tier, tick)}
	if w.open[key] == nil {
		w.open[key] = codec.NewHistory()
	}
	w.changed[key] = true
	return w.open[key]
}
