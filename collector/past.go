package collector

import (
	"context"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/grader"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// How the past is asked for.
const (
	ringLength       = 65 * time.Minute
	walkInstants     = 240  // instants of one range query of ticks
	backfillServices = 1000 // above these, range queries get shorter
	backfillPause    = time.Minute
	maxReplay        = 24 * time.Hour
	primePatience    = 45 * time.Second // with sources that stall at the start
)

// prime fills the ring as far as it is not known, replays what is to be
// replayed, starts the backfill, and grades the newest tick. It returns the
// next tick. It reports false when ctx has ended, or when another grader turned
// out to have been here.
func (c *Collector) prime(ctx context.Context) (next time.Time, ok bool) {
	interval := c.o.Plan.Interval
	newest := c.newestTick()
	graded := newest.Add(-c.replay()).Truncate(interval)
	start := graded.Add(-ringLength).Truncate(slo.SlotLength)
	if c.replay() > 0 {
		c.backfillNow(ctx, start)
	}
	if c.newRing = c.newRing || c.lastTick.IsZero(); !c.newRing {
		c.fillRings(ctx, start)
		start = later(start, c.lastTick)
	}
	w := walk{after: start, graded: later(graded, c.lastTick), last: newest.Add(-interval), patience: c.patience()}
	c.walk(ctx, w)
	// What is asked of the past takes time, in which more of it comes to pass.
	for at := newest; c.newestTick().After(at) && ctx.Err() == nil; newest = at {
		at = c.newestTick()
		w.after, w.last = newest.Add(-interval), at.Add(-interval)
		c.walk(ctx, w)
	}
	if ctx.Err() == nil && c.ready && newest.After(c.lastTick) {
		c.countSkipped(newest)
		c.primeNewest(ctx, newest)
	} else if ctx.Err() == nil && c.ready {
		c.recall(ctx, c.lastTick.Add(interval), c.eachPatient(rejoinPatience))
	}
	if ctx.Err() != nil || !c.ready {
		return time.Time{}, false
	}
	c.newRing = false
	queue := c.queue()
	c.running.Go(func() { c.backfill(ctx, queue) })
	return newest.Add(interval), true
}

// countSkipped counts the ticks between the newest that was graded, by
// whomever and in whatever interval, and the next.
func (c *Collector) countSkipped(next time.Time) {
	if !c.lastTick.IsZero() {
		c.metrics.ticksMissed.Add(float64((next.Sub(c.lastTick) - 1) / c.o.Plan.Interval))
	}
}

// replay is how much of the past is graded: there is none yet.
func (c *Collector) replay() time.Duration {
	if !c.lastTick.IsZero() {
		return 0
	}
	return min(c.o.Replay, maxReplay)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// newestTick is the newest tick that every source may be asked about.
func (c *Collector) newestTick() time.Time {
	return time.Now().Add(-c.gatherer.Slowest()).Truncate(c.o.Plan.Interval).UTC()
}

// recall asks, before a tick is graded that is the first, about the earlier ones
// that checks with an interval of their own are judged from at it, unless they are
// remembered. It is for what was last said alone: slots are entered by the walk, and
// by the backfill.
func (c *Collector) recall(ctx context.Context, first time.Time, p gather.Patience, graders ...*grader.Grader) {
	if len(graders) == 0 {
		graders = []*grader.Grader{c.grader}
	}
	for _, f := range grader.ForgottenBy(graders, first) {
		q := c.inquire(f.SLIs, false)
		blocks := c.gatherer.PatientRange(ctx, question.Instant(f.Tick.Unix()), q.wish, p)[0]
		if ctx.Err() != nil {
			return // what came last may be cut short
		}
		c.faults.note(c.sources, blocks)
		for _, g := range graders {
			g.Recall(f, first, blocks, q.scope)
		}
	}
}

// eachPatient waits for each source as long.
func (c *Collector) eachPatient(d time.Duration) gather.Patience {
	return slices.Repeat(gather.Patience{d}, len(c.sources))
}

// primeNewest asks for a tick at once and grades it. What has to be recalled for it
// is asked for meanwhile.
func (c *Collector) primeNewest(ctx context.Context, tick time.Time) {
	limited, cancel := context.WithTimeout(ctx, gatherGrace)
	defer cancel()
	g := c.gatherer.Begin(ctx, tick)
	c.recall(ctx, tick, c.eachPatient(gatherGrace))
	g.Wait(limited)
	_ = c.take(ctx, gathered{time: tick, blocks: slices.Clone(g.Blocks)}, time.Now())
}

// patience is how long the first scorecards wait for each source to answer
// about the past hour: what a source then owes is asked for again later. A
// replay waits for everything.
func (c *Collector) patience() gather.Patience {
	if c.replay() > 0 {
		return nil
	}
	return c.eachPatient(primePatience)
}

// fillRings enters the ticks of the newest hour for what has joined since they
// were asked about.
func (c *Collector) fillRings(ctx context.Context, start time.Time) {
	p := c.eachPatient(rejoinPatience)
	for _, of := range c.agenda.Unasked(c.o.Plan, agenda.Interval{From: start.Unix(), To: c.lastTick.Truncate(slo.SlotLength).Unix()}) {
		c.walk(ctx, walk{after: start, graded: c.lastTick, last: c.lastTick, of: of, patience: p})
	}
}

// walk is a stretch of ticks to be entered: those after one, up to the last.
// Those after graded are graded and committed as well.
type walk struct {
	after, graded, last time.Time
	of                  question.Subject
	patience            gather.Patience
}

// walk enters ticks. They are asked for in range queries, a chunk at a time. A
// source whose patience has ended is left out of the chunks that follow; the
// others do not suffer from it.
func (c *Collector) walk(ctx context.Context, w walk) {
	interval := c.o.Plan.Interval
	q := c.inquire(w.of, !w.last.After(w.graded))
	recalled := false
	for at := w.after.Truncate(interval).Add(interval); !at.After(w.last) && ctx.Err() == nil; {
		n := min(c.instants(walkInstants), int(w.last.Sub(at)/interval)+1)
		s := question.Span{Start: at.Unix(), Step: seconds(interval), N: n, Final: w.last.Add(interval - question.FinalAge).Unix()}
		for i, blocks := range q.gatherer.PatientRange(ctx, s, q.wish, w.patience) {
			if ctx.Err() != nil {
				return // what came last may be cut short
			}
			c.faults.note(c.sources, blocks)
			g := gathered{time.Unix(s.At(i), 0).UTC(), blocks, w.of, q.scope}
			if !g.time.After(w.graded) {
				c.enter(g)
				continue
			}
			if !recalled {
				c.recall(ctx, g.time, w.patience)
				recalled = true
			}
			_ = c.take(ctx, g, g.time.Add(c.gatherer.Slowest()))
			if !c.ready {
				return
			}
		}
		at = at.Add(time.Duration(n) * interval)
	}
}

// inquiry is how to ask about a subject, and what then to enter.
type inquiry struct {
	gatherer *gather.Gatherer
	wish     question.Wish
	scope    question.Scope
}

func (c *Collector) inquire(of question.Subject, countedOnly bool) inquiry {
	s, _ := c.o.Plan.Scope(of)
	q := inquiry{c.gatherer, s.Wish(countedOnly), s}
	if alone := c.o.Plan.AskedAlone(s); alone != c.o.Plan {
		q.gatherer = gather.New(alone, c.o.Sources, c.metrics.heard())
	}
	return q
}

// instants returns how many instants one range query asks about: the more
// services, the fewer, so that no answer grows beyond what a source is
// allowed.
func (c *Collector) instants(most int) int {
	if services := len(c.o.Plan.Services); services > backfillServices {
		return max(12, most*backfillServices/services)
	}
	return most
}

// queue returns what is yet to be asked of the past: what was never asked, and
// then what is owed.
func (c *Collector) queue() []agenda.Chunk {
	return append(c.missing(c.lastTick.Truncate(slo.SlotLength)), c.agenda.Owed(c.o.Plan)...)
}

func (c *Collector) missing(before time.Time) []agenda.Chunk {
	return c.agenda.Missing(c.o.Plan, before.Unix(), c.instants(agenda.MostSlots))
}

// backfillNow enters all of the past before anything else happens.
func (c *Collector) backfillNow(ctx context.Context, before time.Time) {
	chunks := c.missing(before)
	agenda.InOrder(chunks)
	for j, k := range chunks {
		c.progress(j, len(chunks))
		q := c.inquire(k.Subject, true)
		instants := q.gatherer.Range(ctx, k.Span(), q.wish)
		if ctx.Err() != nil {
			return
		}
		for i, blocks := range instants {
			c.faults.note(c.sources, blocks)
			c.grader.AddSlot(time.Unix(k.Span().At(i), 0).UTC(), blocks, q.scope)
		}
		c.agenda.Asked(c.o.Plan, k.Subject, k.Interval)
	}
	c.progress(len(chunks), len(chunks))
}

func (c *Collector) progress(done, all int) {
	if c.o.Progress != nil {
		c.o.Progress(done, all)
	}
}

// backfill asks for the past beside the ticks, resting as long as it worked. What a source fails the first time is not entered but asked
// for again after a pause; the second answer is taken as it is, and asked for
// once more when that source answers better than it did then.
func (c *Collector) backfill(ctx context.Context, queue []agenda.Chunk) {
	for pass := 0; ctx.Err() == nil; pass++ {
		var failed []agenda.Chunk
		for i, k := range queue {
			if ctx.Err() != nil {
				return
			}
			c.metrics.backfillLeft.Set(float64(slotsOf(queue[i:]) + slotsOf(failed)))
			if c.worthTrying(k) {
				k = c.backfillChunk(ctx, k)
			}
			if k.Unsettled() {
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
func (c *Collector) worthTrying(k agenda.Chunk) bool {
	now := c.lacking.Load()
	if now == nil {
		return k.WorthTrying(nil)
	}
	return k.WorthTrying(*now)
}

// backfillChunk asks about a chunk and enters the answers.
func (c *Collector) backfillChunk(ctx context.Context, k agenda.Chunk) agenda.Chunk {
	started := time.Now()
	q := c.inquire(k.Subject, true)
	instants := q.gatherer.Range(ctx, k.Span(), q.wish)
	k = k.Tried(c.o.Plan, instants)
	if k.Entered() {
		c.deliverSlots(ctx, k, q.scope, instants)
	}
	deliver(ctx, c.tried, k)
	sleepUntil(ctx, time.Now().Add(time.Since(started)))
	return k
}

// deliverSlots hands what came in about slots to the goroutine of Run.
func (c *Collector) deliverSlots(ctx context.Context, k agenda.Chunk, of question.Scope, instants [][]*slo.Block) {
	for i, blocks := range instants {
		deliver(ctx, c.slots, gathered{time.Unix(k.Span().At(i), 0).UTC(), blocks, k.Subject, of})
	}
}

// settleChunk notes how a try ended.
func (c *Collector) settleChunk(k agenda.Chunk) {
	if k.Entered() {
		c.agenda.Asked(c.o.Plan, k.Subject, k.Interval)
		c.agenda.Tidy(c.o.Plan, c.lastTick.Unix())
	}
	c.agenda.Settle(k)
}

func slotsOf(queue []agenda.Chunk) int {
	n := 0
	for _, k := range queue {
		n += k.Slots()
	}
	return n
}

// askAgain asks about the two slots before a boundary tick, whose data may
// have been late, and about holes that may now be mended. While an earlier
// asking goes on, the two slots become holes themselves.
func (c *Collector) askAgain(ctx context.Context, g gathered) {
	if !question.IsBoundary(g.time) {
		return
	}
	lacking := agenda.LackOf(c.o.Plan, g.blocks)
	c.lacking.Store(&lacking)
	recent := []time.Time{g.time.Add(-2 * slo.SlotLength), g.time.Add(-slo.SlotLength)}
	if !c.asking.CompareAndSwap(false, true) {
		for _, slot := range recent {
			c.agenda.NoteHole(slot, agenda.LackAll(len(g.blocks)))
		}
		return
	}
	slots := c.agenda.Mendable(g.time, lacking)
	// The last asking is the one about births: until it is answered the slot is a
	// hole.
	c.agenda.NoteHole(recent[0], agenda.LackAll(len(g.blocks)))
	for _, slot := range recent {
		slots = append(slots, slot.Unix())
	}
	slices.Sort(slots)
	runs := agenda.Runs(slices.Compact(slots), c.instants(agenda.MostSlots))
	final := g.time.Add(-question.FinalAge).Unix()
	c.running.Go(func() {
		defer c.asking.Store(false)
		for _, run := range runs {
			s := run.Span()
			s.Final = final
			c.deliverSlots(ctx, run, question.Scope{}, c.gatherer.Range(ctx, s, question.OnlyCounted))
		}
	})
}

// slot enters what came in about one slot.
func (c *Collector) slot(g gathered) {
	c.grader.AddSlot(g.time, g.blocks, g.scope)
	if g.of.Whole() && c.agenda.HasHole(g.time) {
		c.agenda.NoteHole(g.time, agenda.LackOf(c.o.Plan, g.blocks))
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// sleepUntil waits for a time, and reports false when ctx ends first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
