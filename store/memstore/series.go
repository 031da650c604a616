package memstore

import (
	"math"
	"time"
)

// tier is one resolution at which history is kept, in seconds.
type tier struct {
	width int64 // of a bucket, which keeps its last point; aligned to 1970
	span  int64 // a point is kept while it is younger than this
}

const tierCount = 3

// tiers returns the resolutions, finest first: every tick for 2 hours, every 5
// minutes for 48 hours, every hour for 90 days.
func tiers() [tierCount]tier {
	return [tierCount]tier{
		{width: 1, span: 2 * 3600},
		{width: 300, span: 48 * 3600},
		{width: 3600, span: 90 * 24 * 3600},
	}
}

// bucket numbers the buckets (n·width, (n+1)·width]; sec is positive.
func (t tier) bucket(sec int64) int64 { return (sec - 1) / t.width }

// series is the history of one scorecard. Each tier is complete in itself, and
// each coarser one holds a selection of the finer one's points.
type series struct {
	rings [tierCount]ring
}

// add appends a point that is newer than all before; interval is the time
// between ticks, which tells how much room to plan for.
func (s *series) add(p point, interval int64) {
	for i, t := range tiers() {
		r := &s.rings[i]
		if r.n > 0 && t.bucket(int64(r.get(r.n-1).at)) == t.bucket(int64(p.at)) {
			*r.get(r.n - 1) = p
			continue
		}
		r.push(p, int(t.span/max(t.width, interval))+1)
	}
}

// expire forgets what is too old at the tick newest, and reports whether
// anything is left.
func (s *series) expire(newest int64) bool {
	left := false
	for i, t := range tiers() {
		s.rings[i].dropUntil(newest - t.span)
		left = left || s.rings[i].n > 0
	}
	return left
}

// between calls yield with the kept points in (from, to], oldest first: of
// each stretch of time the finest that is kept there.
func (s *series) between(from, to, newest int64, yield func(*point)) {
	all := tiers()
	for i := tierCount - 1; i >= 0; i-- {
		oldest, end := max(from, newest-all[i].span), to
		if i > 0 {
			end = min(to, newest-all[i-1].span) // from there on, the finer tier
		}
		r := &s.rings[i]
		for j := r.countUntil(oldest); j < r.n && int64(r.get(j).at) <= end; j++ {
			yield(r.get(j))
		}
	}
}

// scoreAt returns the last known score in (at - the resolution kept there, at].
func (s *series) scoreAt(at, newest, interval int64) (float64, bool) {
	score := math.NaN()
	s.between(at-resolution(at, newest, interval), at, newest, func(p *point) {
		if !math.IsNaN(p.score) {
			score = p.score
		}
	})
	return score, !math.IsNaN(score)
}

// resolution returns how far apart the points kept around at are; interval is
// the time between ticks.
func resolution(at, newest, interval int64) int64 {
	for _, t := range tiers() {
		if at > newest-t.span {
			return max(t.width, interval)
		}
	}
	return 0
}

// seconds rounds d up to whole seconds, to 1 at least.
func seconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}
