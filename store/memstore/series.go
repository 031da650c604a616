package memstore

import (
	"math"

	rules "github.com/apgarhq/apgar/store/history"
)

// series is the history of one scorecard. Each tier is complete in itself, and
// each coarser one holds a selection of the finer one's points.
type series struct {
	rings [rules.TierCount]ring
}

// add appends a point that is newer than all before; interval is the time
// between ticks, which tells how much room to plan for.
func (s *series) add(p point, interval int64) {
	for i, t := range rules.Tiers() {
		r := &s.rings[i]
		if r.n > 0 && t.Bucket(int64(r.get(r.n-1).at)) == t.Bucket(int64(p.at)) {
			*r.get(r.n - 1) = p
			continue
		}
		r.push(p, int(t.Span/max(t.Width, interval))+1)
	}
}

// expire forgets what is too old at the tick newest, and reports whether
// anything is left.
func (s *series) expire(newest int64) bool {
	left := false
	for i, t := range rules.Tiers() {
		s.rings[i].dropUntil(newest - t.Span)
		left = left || s.rings[i].n > 0
	}
	return left
}

// between calls yield with the kept points in (from, to], oldest first: of
// each stretch of time the finest that is kept there.
func (s *series) between(from, to, newest int64, yield func(*point)) {
	for _, part := range rules.Stretches(from, to, newest) {
		r := &s.rings[part.Tier]
		for j := r.countUntil(part.From); j < r.n && int64(r.get(j).at) <= part.To; j++ {
			yield(r.get(j))
		}
	}
}

// scoreAt returns the last known score in (at - the resolution kept there, at].
func (s *series) scoreAt(at, newest, interval int64) (float64, bool) {
	score := math.NaN()
	s.between(at-rules.Resolution(at, newest, interval), at, newest, func(p *point) {
		if !math.IsNaN(p.score) {
			score = p.score
		}
	})
	return score, !math.IsNaN(score)
}
