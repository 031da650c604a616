package collector

import (
	"context"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// How the past is asked for.
const (
	ringLength       = 65 * time.Minute
	walkInstants     = 240  // instants of one range query of ticks
	backfillSlots    = 288  // slots of one range query, a day
	backfillServices = 1000 // above these, range queries get shorter
	backfillTries    = 5    // of one range query
	backfillPause    = time.Minute
	maxReplay        = 24 * time.Hour
	primePatience    = 45 * time.Second // with sources that stall at the start
)

// prime fills the ring, replays what is to be replayed, starts the backfill,
// and grades the newest tick. It returns the next tick.
func (c *Collector) prime(ctx context.Context) (time.Time, error) {
	interval := c.o.Plan.Interval
	newest := c.newestTick()
	from := newest.Add(-min(c.o.Replay, maxReplay)).Truncate(interval)
	start := from.Add(-ringLength).Truncate(slo.SlotLength)
	if c.o.Replay > 0 {
		c.backfillNow(ctx, start)
	}
	patience := c.patience()
	c.walk(ctx, start, from, newest.Add(-interval), patience)
	// What is asked of the past takes time, in which more of it comes to pass.
	for at := newest; c.newestTick().After(at) && ctx.Err() == nil; newest = at {
		at = c.newestTick()
		c.walk(ctx, newest.Add(-interval), from, at.Add(-interval), patience)
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	c.primeNewest(ctx, newest)
	if c.o.Replay == 0 {
		c.gatherer.running.Go(func() { c.backfill(ctx, start) })
	}
	return newest.Add(interval), ctx.Err()
}

// newestTick is the newest tick that every source may be asked about.
func (c *Collector) newestTick() time.Time {
	return time.Now().Add(-c.gatherer.slowest()).Truncate(c.o.Plan.Interval).UTC()
}

// primeNewest asks for a tick at once and grades it.
func (c *Collector) primeNewest(ctx context.Context, tick time.Time) {
	limited, cancel := context.WithTimeout(ctx, gatherGrace)
	defer cancel()
	g := c.gatherer.begin(ctx, tick)
	g.wait(limited)
	_ = c.take(ctx, gathered{tick, slices.Clone(g.blocks)}, time.Now())
}

// patience is how long the first scorecards wait for each source to answer
// about the past hour: what a source then owes is asked for again later. A
// replay waits for everything.
func (c *Collector) patience() patience {
	if c.o.Replay > 0 {
		return nil
	}
	return slices.Repeat(patience{primePatience}, len(c.gatherer.askers))
}

// walk enters the ticks after start up to the last, and grades and commits
// those after from. Ticks are asked for in range queries, a chunk at a time.
// A source whose patience has ended is left out of the chunks that follow; the
// others do not suffer from it.
func (c *Collector) walk(ctx context.Context, start, from, last time.Time, p patience) {
	interval := c.o.Plan.Interval
	replaying := last.After(from)
	for at := start.Add(interval); !at.After(last) && ctx.Err() == nil; {
		n := min(c.instants(walkInstants), int(last.Sub(at)/interval)+1)
		s := span{at.Unix(), seconds(interval), n}
		for i, blocks := range c.gatherer.patientRange(ctx, s, !replaying, p) {
			if ctx.Err() != nil {
				return // what came last may be cut short
			}
			c.faults.note(c.gatherer.askers, blocks)
			g := gathered{time.Unix(s.at(i), 0).UTC(), blocks}
			if g.time.After(from) {
				_ = c.take(ctx, g, g.time.Add(c.gatherer.slowest()))
				continue
			}
			c.grader.AddTick(g.time, blocks)
			c.holes.note(g.time, c.o.Plan.lackOf(blocks))
		}
		at = at.Add(time.Duration(n) * interval)
	}
}

// chunk is a run of slots: from first, the end of the oldest.
type chunk struct {
	first time.Time
	slots int
	tries int
	lack  lack // the most of any slot, when it was tried last
}

func (k chunk) span() span { return span{k.first.Unix(), seconds(slo.SlotLength), k.slots} }

// instants returns how many instants one range query asks about: the more
// services, the fewer, so that no answer grows beyond what a source is
// allowed.
func (c *Collector) instants(most int) int {
	if services := len(c.o.Plan.Services); services > backfillServices {
		return max(12, most*backfillServices/services)
	}
	return most
}

// chunks cuts the past that the ledger needs into range queries, newest
// first.
func (c *Collector) chunks(before time.Time) []chunk {
	n := c.instants(backfillSlots)
	depth := c.o.Plan.longest()
	if depth == 0 {
		return nil
	}
	oldest := before.Add(-depth - time.Hour).Truncate(time.Hour)
	var chunks []chunk
	for last := before; last.After(oldest); {
		slots := min(n, int(last.Sub(oldest)/slo.SlotLength))
		first := last.Add(-time.Duration(slots-1) * slo.SlotLength)
		chunks = append(chunks, chunk{first: first, slots: slots})
		last = first.Add(-slo.SlotLength)
	}
	return chunks
}

// backfillNow enters all of the past before anything else happens.
func (c *Collector) backfillNow(ctx context.Context, before time.Time) {
	chunks := c.chunks(before)
	for j, k := range chunks {
		c.progress(j, len(chunks))
		instants := c.gatherer.Range(ctx, k.span(), true)
		if ctx.Err() != nil {
			return
		}
		for i, blocks := range instants {
			c.faults.note(c.gatherer.askers, blocks)
			c.grader.AddSlot(time.Unix(k.span().at(i), 0).UTC(), blocks)
		}
	}
	c.progress(len(chunks), len(chunks))
}

func (c *Collector) progress(done, all int) {
	if c.o.Progress != nil {
		c.o.Progress(done, all)
	}
}

// backfill asks for the past beside the ticks, newest first, resting as long
// as it worked. What a source fails the first time is not entered but asked
// for again after a pause; the second answer is taken as it is, and asked for
// once more when that source answers better than it did then.
func (c *Collector) backfill(ctx context.Context, before time.Time) {
	queue := c.chunks(before)
	for pass := 0; ctx.Err() == nil; pass++ {
		var failed []chunk
		for i, k := range queue {
			if ctx.Err() != nil {
				return
			}
			c.metrics.backfillLeft.Set(float64(slotsOf(queue[i:]) + slotsOf(failed)))
			if c.worthTrying(k) {
				k = c.backfillChunk(ctx, k)
			}
			if k.lack.any() && k.tries < backfillTries {
				failed = append(failed, k)
			}
		}
		queue = failed
		c.metrics.backfillLeft.Set(float64(slotsOf(queue)))
		if len(queue) == 0 || !sleepUntil(ctx, time.Now().Add(backfillPause)) {
			return
		}
	}
}

// worthTrying reports whether a chunk may be answered better than before.
func (c *Collector) worthTrying(k chunk) bool {
	now := c.lacking.Load()
	return k.tries < 2 || now != nil && k.lack.betterNow(*now)
}

// backfillChunk asks about a chunk and enters the answers.
func (c *Collector) backfillChunk(ctx context.Context, k chunk) chunk {
	started := time.Now()
	instants := c.gatherer.Range(ctx, k.span(), true)
	k.tries++
	k.lack = nil
	for _, blocks := range instants {
		k.lack = k.lack.most(c.o.Plan.lackOf(blocks))
	}
	if !k.lack.any() || k.tries > 1 {
		c.deliverSlots(ctx, k.span(), instants)
	}
	sleepUntil(ctx, time.Now().Add(time.Since(started)))
	return k
}

// deliverSlots hands what came in about slots to the goroutine of Run.
func (c *Collector) deliverSlots(ctx context.Context, s span, instants [][]*slo.Block) {
	for i, blocks := range instants {
		if ctx.Err() != nil {
			return // what came last may be cut short
		}
		c.deliver(ctx, c.slots, gathered{time.Unix(s.at(i), 0).UTC(), blocks})
	}
}

func slotsOf(queue []chunk) int {
	n := 0
	for _, k := range queue {
		n += k.slots
	}
	return n
}

// askAgain asks about the two slots before a boundary tick, whose data may
// have been late, and about holes that may now be mended. While an earlier
// asking goes on, the two slots become holes themselves.
func (c *Collector) askAgain(ctx context.Context, g gathered) {
	if !isBoundary(g.time) {
		return
	}
	lacking := c.o.Plan.lackOf(g.blocks)
	c.lacking.Store(&lacking)
	recent := []time.Time{g.time.Add(-2 * slotLength), g.time.Add(-slotLength)}
	if !c.asking.CompareAndSwap(false, true) {
		for _, slot := range recent {
			c.holes.note(slot, lackAll(len(g.blocks)))
		}
		return
	}
	slots := c.holes.mendable(g.time, lacking)
	for _, slot := range recent {
		slots = append(slots, slot.Unix())
	}
	slices.Sort(slots)
	runs := runsOf(slices.Compact(slots), c.instants(backfillSlots))
	c.gatherer.running.Go(func() {
		defer c.asking.Store(false)
		for _, run := range runs {
			c.deliverSlots(ctx, run, c.gatherer.Range(ctx, run, true))
		}
	})
}

// slot enters what came in about one slot.
func (c *Collector) slot(g gathered) {
	c.grader.AddSlot(g.time, g.blocks)
	if _, known := c.holes[g.time.Unix()]; known {
		c.holes.note(g.time, c.o.Plan.lackOf(g.blocks))
	}
}
