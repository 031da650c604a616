package codec

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apgarhq/apgar/scorecard"
)

// Cut returns the part of the history in (from, to], as a history of its own.
// Ticks without points are forgotten, except for the newest of the part.
func (h *History) Cut(from, to int64) *History {
	begin, end := h.after(from), h.after(max(from, to))
	return h.choose(begin, end, func(s *series, yield func(run)) {
		for _, r := range s.runs {
			first, last := max(r.first, begin), min(r.end(), end)
			if first < last {
				yield(run{mark: r.mark, first: first, count: last - first})
			}
		}
	})
}

// Thin returns what is left when of each scorecard only the last point of every
// bucket (n·width, (n+1)·width] is kept, as a history of its own. Ticks without
// points are forgotten, except for the newest. A width of 1 or less thins
// nothing.
func (h *History) Thin(width int64) *History {
	width = max(1, width)
	last := h.lastOfBuckets(width)
	return h.choose(0, uint32(len(h.ticks)), func(s *series, yield func(run)) {
		for i, r := range s.runs {
			next := uint32(len(h.ticks)) // the first tick after the run with a point
			if i+1 < len(s.runs) {
				next = s.runs[i+1].first
			}
			for at := r.first; at < r.end(); {
				point := min(last[at], r.end()-1) // of this bucket, the last in the run
				if point < r.end()-1 || last[point] < next {
					yield(run{mark: r.mark, first: point, count: 1})
				}
				at = point + 1
			}
		}
	})
}

// lastOfBuckets returns for each tick the index of the last one in its bucket.
func (h *History) lastOfBuckets(width int64) []uint32 {
	last := make([]uint32, len(h.ticks))
	for i := len(h.ticks) - 1; i >= 0; i-- {
		last[i] = uint32(i)
		if i+1 < len(h.ticks) && (h.ticks[i]-1)/width == (h.ticks[i+1]-1)/width {
			last[i] = last[i+1]
		}
	}
	return last
}

// choose returns a history of the runs that chosen yields for each series, in
// order and within the ticks [begin, end). It is called twice for each.
func (h *History) choose(begin, end uint32, chosen func(s *series, yield func(run))) *History {
	used := make([]bool, len(h.ticks))
	if end > begin {
		used[end-1] = true
	}
	for _, s := range h.series {
		chosen(s, func(r run) {
			for i := r.first; i < r.end(); i++ {
				used[i] = true
			}
		})
	}
	out := &History{levels: slices.Clone(h.levels), number: maps.Clone(h.number), series: make(map[scorecard.Key]*series, len(h.series))}
	index := make([]uint32, len(h.ticks)) // of a tick in out
	for i, tick := range h.ticks {
		index[i] = uint32(len(out.ticks))
		if used[i] {
			out.ticks = append(out.ticks, tick)
		}
	}
	for key, s := range h.series {
		own := &series{}
		chosen(s, func(r run) { own.push(run{mark: r.mark, first: index[r.first], count: r.count}) })
		if len(own.runs) > 0 {
			out.series[key] = own
		}
	}
	return out
}

// Append adds all of next, whose ticks are later than those of the history.
// After an error the history is as it was. Next is not changed.
func (h *History) Append(next *History) error {
	if len(next.ticks) == 0 {
		return nil
	}
	if next.Oldest() <= h.Newest() {
		return fmt.Errorf("append a history from %d on: it is not later than the newest tick there, %d", next.Oldest(), h.Newest())
	}
	levels := make([]uint16, len(next.levels))
	for i, level := range next.levels {
		n, err := h.levelNumber(level)
		if err != nil {
			return fmt.Errorf("append a history: %w", err)
		}
		levels[i] = n
	}
	offset := uint32(len(h.ticks))
	h.ticks = append(h.ticks, next.ticks...)
	for key, more := range next.series {
		s := h.seriesOf(key)
		for _, r := range more.runs {
			r.first += offset
			r.level = levels[r.level]
			s.push(r)
		}
	}
	return nil
}
