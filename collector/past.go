package collector

import (
	"context"
	"fmt"
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
	backfillTries    = 10
	backfillPause    = time.Minute
	maxReplay        = 24 * time.Hour
	holeMemory       = 3 * 24 * time.Hour
	holeTries        = 3
)

// prime fills the ring, replays what is to be replayed, starts the backfill,
// and grades the newest tick. It returns the next tick.
func (c *Collector) prime(ctx context.Context) (time.Time, error) {
	interval := c.o.Plan.Interval
	newest := time.Now().Add(-c.gatherer.slowest()).Truncate(interval)
	from := newest.Add(-min(c.o.Replay, maxReplay)).Truncate(interval)
	start := from.Add(-ringLength).Truncate(slo.SlotLength)
	if c.o.Replay > 0 {
		c.backfillNow(ctx, start)
	}
	if err := c.walk(ctx, start, from, newest); err != nil {
		return time.Time{}, err
	}
	if c.lastTick.Before(newest) {
		limited, cancel := context.WithTimeout(ctx, gatherGrace)
		defer cancel()
		g := gathered{newest, c.gatherer.Tick(limited, newest)}
		if err := c.gradeAndCommit(ctx, g, time.Now()); err != nil {
			return time.Time{}, err
		}
	}
	if c.o.Replay == 0 {
		go c.backfill(ctx, start)
	}
	return newest.Add(interval), ctx.Err()
}

// walk enters the ticks after start, and grades and commits those after from.
// Ticks are asked for in range queries, a chunk at a time.
func (c *Collector) walk(ctx context.Context, start, from, newest time.Time) error {
	interval := c.o.Plan.Interval
	replaying := newest.After(from)
	for at := start.Add(interval); !at.After(newest) && ctx.Err() == nil; {
		n := min(c.instants(walkInstants), int(newest.Sub(at)/interval)+1)
		s := span{at.Unix(), seconds(interval), n}
		for i, blocks := range c.gatherer.Range(ctx, s, !replaying) {
			g := gathered{time.Unix(s.at(i), 0).UTC(), blocks}
			if !g.time.After(from) {
				c.grader.AddTick(g.time, blocks)
				continue
			}
			if err := c.gradeAndCommit(ctx, g, g.time.Add(c.gatherer.slowest())); err != nil {
				return fmt.Errorf("replaying the past: %w", err)
			}
		}
		at = at.Add(time.Duration(n) * interval)
	}
	return ctx.Err()
}

// chunk is a run of slots: from first, the end of the oldest.
type chunk struct {
	first time.Time
	slots int
	tries int
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
		for i, blocks := range c.gatherer.Range(ctx, k.span(), true) {
			c.grader.AddSlot(time.Unix(k.span().at(i), 0).UTC(), blocks)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func (c *Collector) progress(done, all int) {
	if c.o.Progress != nil {
		c.o.Progress(done, all)
	}
}

// backfill asks for the past beside the ticks, resting as long as it worked.
// A chunk that a source failed is asked for again later; only its last try
// is taken as it is.
func (c *Collector) backfill(ctx context.Context, before time.Time) {
	queue := c.chunks(before)
	for len(queue) > 0 && ctx.Err() == nil {
		k := queue[0]
		queue = queue[1:]
		c.metrics.backfillLeft.Set(float64(remaining(queue) + k.slots))
		started := time.Now()
		instants := c.gatherer.Range(ctx, k.span(), true)
		k.tries++
		if faulty(instants) && k.tries < backfillTries {
			queue = append(queue, k)
			if !sleepUntil(ctx, time.Now().Add(backfillPause)) {
				return
			}
			continue
		}
		for i, blocks := range instants {
			c.deliver(ctx, c.slots, gathered{time.Unix(k.span().at(i), 0).UTC(), blocks})
		}
		sleepUntil(ctx, time.Now().Add(time.Since(started)))
	}
	c.metrics.backfillLeft.Set(float64(remaining(queue)))
}

func remaining(queue []chunk) int {
	n := 0
	for _, k := range queue {
		n += k.slots
	}
	return n
}

func faulty(instants [][]*slo.Block) bool {
	return slices.ContainsFunc(instants, func(blocks []*slo.Block) bool { return faults(blocks) > 0 })
}

// faults counts the columns that a set of blocks lacks.
func faults(blocks []*slo.Block) int {
	n := 0
	for _, b := range blocks {
		if b == nil {
			n++
			continue
		}
		for i := range b.Columns {
			if b.Columns[i].Fault != nil {
				n++
			}
		}
	}
	return n
}

// holes are the slots that some source did not answer for, by their end.
type holes map[int64]hole

type hole struct{ faults, tries int }

// skipped notes a tick that was not graded at all.
func (h holes) skipped(tick time.Time) {
	if at := tick.Unix(); at%seconds(slo.SlotLength) == 0 {
		h[at] = hole{faults: 1 << 20}
	}
}

// note remembers what a slot lacks, or that it lacks nothing any more.
func (h holes) note(end time.Time, faults int) {
	at := end.Unix()
	if faults == 0 {
		delete(h, at)
		return
	}
	old := h[at]
	h[at] = hole{faults, old.tries}
}

// mendable returns the holes that lack more than the sources lack now, oldest
// first, and counts the try. What is too old or was tried enough is dropped.
func (h holes) mendable(now time.Time, faults int) []int64 {
	var out []int64
	for at, x := range h {
		switch {
		case now.Unix()-at > seconds(holeMemory) || x.tries >= holeTries:
			delete(h, at)
		case x.faults > faults:
			h[at] = hole{x.faults, x.tries + 1}
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return out
}

// askAgain asks about the two slots before a boundary tick, whose data may
// have been late, and about holes that may now be mended.
func (c *Collector) askAgain(ctx context.Context, g gathered) {
	if g.time.Unix()%seconds(slo.SlotLength) != 0 {
		return
	}
	lacking := faults(g.blocks)
	c.holes.note(g.time, lacking)
	runs := []span{{g.time.Unix() - 2*seconds(slo.SlotLength), seconds(slo.SlotLength), 2}}
	for _, at := range c.holes.mendable(g.time, lacking) {
		runs = extend(runs, at)
	}
	go func() {
		for _, run := range runs {
			for i, blocks := range c.gatherer.Range(ctx, run, true) {
				c.deliver(ctx, c.slots, gathered{time.Unix(run.at(i), 0).UTC(), blocks})
			}
		}
	}()
}

// extend adds a slot to the runs: to the last one where it follows on it.
func extend(runs []span, at int64) []span {
	if at >= runs[0].start && at <= runs[0].last() {
		return runs
	}
	last := &runs[len(runs)-1]
	if len(runs) > 1 && at == last.last()+last.step && last.n < backfillSlots {
		last.n++
		return runs
	}
	return append(runs, span{at, seconds(slo.SlotLength), 1})
}

// slot enters what came in about one slot.
func (c *Collector) slot(g gathered) {
	c.grader.AddSlot(g.time, g.blocks)
	if _, known := c.holes[g.time.Unix()]; known {
		c.holes.note(g.time, faults(g.blocks))
	}
}
