package codec

import (
	"iter"
	"math"
	"sort"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
)

// Point is what a history keeps of one scorecard at one tick.
type Point struct {
	Tick     int64
	Score    float64 // as it was given; NaN when it was unknown
	Coverage float64 // 0 to 1, with four decimals
	Level    string
}

// Points returns the points of a scorecard in (from, to], oldest first.
func (h *History) Points(key scorecard.Key, from, to int64) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		s := h.series[key]
		if s == nil || from >= to {
			return
		}
		begin, end := h.after(from), h.after(to)
		for _, r := range s.runs[s.countUntil(begin):] {
			p := Point{Score: math.Float64frombits(r.score), Coverage: history.Coverage(r.coverage), Level: h.levels[r.level]}
			for i := max(begin, r.first); i < min(end, r.end()); i++ {
				p.Tick = h.ticks[i]
				if !yield(p) {
					return
				}
			}
			if r.end() >= end {
				return
			}
		}
	}
}

// countUntil returns how many runs end before the tick at an index.
func (s *series) countUntil(index uint32) int {
	return sort.Search(len(s.runs), func(i int) bool { return s.runs[i].end() > index })
}

// ScoreAt returns the last known score of a scorecard in (at-reach, at].
func (h *History) ScoreAt(key scorecard.Key, at, reach int64) (float64, bool) {
	s := h.series[key]
	if s == nil {
		return 0, false
	}
	return s.scoreWithin(h.after(at-reach), h.after(at))
}

// Scores returns the last known score in (at-reach, at] of every scorecard that
// has one, in no order.
func (h *History) Scores(at, reach int64) iter.Seq2[scorecard.Key, float64] {
	return func(yield func(scorecard.Key, float64) bool) {
		begin, end := h.after(at-reach), h.after(at)
		for key, s := range h.series {
			if score, ok := s.scoreWithin(begin, end); ok && !yield(key, score) {
				return
			}
		}
	}
}

// scoreWithin returns the last known score at the ticks [begin, end).
func (s *series) scoreWithin(begin, end uint32) (float64, bool) {
	if begin >= end {
		return 0, false
	}
	after := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].first >= end })
	for i := after - 1; i >= 0 && s.runs[i].end() > begin; i-- {
		if score := math.Float64frombits(s.runs[i].score); !math.IsNaN(score) {
			return score, true
		}
	}
	return 0, false
}
