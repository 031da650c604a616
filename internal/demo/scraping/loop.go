package scraping

import (
	"bytes"
	"context"
	"hash/fnv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// punctual is how late a scrape may begin to be dated to its slot: samples at even distances compress best.
const punctual = 2 * time.Millisecond

// largestKeptBuffer is the capacity in bytes beyond which a buffer is not kept for the next scrape.
const largestKeptBuffer = 1 << 20

// loop scrapes one target, slot after slot.
type loop struct {
	pool     *Pool
	target   Target
	identity string
	labels   labels.Labels
	offset   time.Duration // of the slots within the interval
	leaving  bool          // the target is gone; guarded by pool.mu

	// These belong to the goroutine of run.
	series  series
	reports [reportCount]sampled

	families families
}

func newLoop(p *Pool, t Target) *loop {
	set := targetLabels(t)
	identity := t.Address + " " + t.Path + " " + set.String()
	h := fnv.New64a()
	_, _ = h.Write([]byte(identity)) // a hash never fails to write
	l := &loop{
		pool:     p,
		target:   t,
		identity: identity,
		labels:   set,
		offset:   time.Duration(h.Sum64() % uint64(p.interval)),
	}
	l.prepareReports()
	return l
}

// run scrapes at each slot until ctx ends, or until the first slot after the target has gone.
func (l *loop) run(ctx context.Context) {
	slot := l.slotAfter(time.Now())
	timer := time.NewTimer(time.Until(slot))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if l.pool.retire(l) {
			l.end(ctx, slot)
			return
		}
		if !l.takeTurn(ctx, slot) {
			return
		}
		now := time.Now()
		if now.Before(slot) {
			now = slot
		}
		slot = l.slotAfter(now)
		timer.Reset(time.Until(slot))
	}
}

// slotAfter returns the first slot after t. Slots are a matter of the target and of the clock only, so that a target
// that comes back is scraped at the moments it was scraped at before.
func (l *loop) slotAfter(t time.Time) time.Time {
	since := time.Duration(t.UnixNano()-int64(l.offset)) % l.pool.interval
	return t.Round(0).Add(l.pool.interval - since)
}

// takeTurn scrapes as soon as one of the pool's buffers is free. It reports false if ctx ended before.
func (l *loop) takeTurn(ctx context.Context, slot time.Time) bool {
	select {
	case buffer := <-l.pool.buffers:
		begin := time.Now()
		at := begin
		if begin.Sub(slot) <= punctual {
			at = slot
		}
		l.scrape(ctx, buffer, begin, at)
		if buffer.Cap() > largestKeptBuffer {
			buffer = &bytes.Buffer{}
		}
		l.pool.buffers <- buffer
		return true
	case <-ctx.Done():
		return false
	}
}
