package codec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
)

const (
	// maxTick is the last tick that a history takes, in seconds since 1970.
	maxTick = 1 << 40
	// maxLevels is how many names of levels one history can have.
	maxLevels = math.MaxUint16 + 1
)

// History is what is kept of scorecards over a stretch of time: for every
// scorecard the ticks at which it was there, and its score, coverage and level
// at each. Ticks are seconds since 1970. Points that stay as they are over
// ticks in a row take no room of their own, neither in memory nor in its stored
// form.
//
// Reading is safe for concurrent use while nobody changes the history.
type History struct {
	ticks  []int64 // ascending
	levels []string
	number map[string]uint16 // of a level
	series map[scorecard.Key]*series
}

// series is the history of one scorecard: runs in the order of time, of which
// no two that touch are the same.
type series struct{ runs []run }

// run is a point that stayed the same at count ticks in a row, from the one at
// index first of History.ticks.
type run struct {
	mark
	first, count uint32
}

// mark is what is kept of a scorecard at a tick.
type mark struct {
	score    uint64 // bits of the float; all unknown scores have the same
	coverage uint16 // in ten-thousandths
	level    uint16 // index into History.levels
}

// NewHistory returns an empty history.
func NewHistory() *History {
	return &History{number: map[string]uint16{}, series: map[scorecard.Key]*series{}}
}

// Add takes the points of a tick that is later than all before, or of the
// newest one again, which they replace. Coverage is rounded to four decimals,
// and only a whole 1 is 1. A score that is not finite is unknown. After an
// error the history is as it was.
func (h *History) Add(tick int64, points []scorecard.KeyedPoint) error {
	switch newest := h.Newest(); {
	case tick <= 0 || tick > maxTick:
		return fmt.Errorf("add the tick %d to a history: it is not within 1 to %d seconds after 1970", tick, int64(maxTick))
	case tick < newest:
		return fmt.Errorf("add the tick %d to a history: it is older than the newest there, %d", tick, newest)
	}
	marks := make([]mark, len(points))
	for i, p := range points {
		level, err := h.levelNumber(p.Level)
		if err != nil {
			return fmt.Errorf("add the tick %d to a history: %w", tick, err)
		}
		marks[i] = mark{score: scoreBits(p.Score), coverage: history.PackCoverage(p.Coverage), level: level}
	}
	if len(h.ticks) > 0 && tick == h.Newest() {
		h.dropNewest()
	}
	at := uint32(len(h.ticks))
	h.ticks = append(h.ticks, tick)
	for i, p := range points {
		s := h.seriesOf(p.Key)
		s.drop(at) // a key that is given twice
		s.push(run{mark: marks[i], first: at, count: 1})
	}
	return nil
}

// dropNewest takes back what Add has done for the newest tick.
func (h *History) dropNewest() {
	at := uint32(len(h.ticks) - 1)
	h.ticks = h.ticks[:at]
	for key, s := range h.series {
		if s.drop(at); len(s.runs) == 0 {
			delete(h.series, key)
		}
	}
}

// drop takes back the point at the newest tick, if there is one.
func (s *series) drop(at uint32) {
	n := len(s.runs)
	if n == 0 || s.runs[n-1].end() <= at {
		return
	}
	if s.runs[n-1].count--; s.runs[n-1].count == 0 {
		s.runs = s.runs[:n-1]
	}
}

// push adds a run that begins where the last one ends, or later.
func (s *series) push(r run) {
	if n := len(s.runs); n > 0 {
		if last := &s.runs[n-1]; last.end() == r.first && last.mark == r.mark {
			last.count += r.count
			return
		}
	}
	s.runs = append(s.runs, r)
}

// end is the index of the first tick after the run.
func (r run) end() uint32 { return r.first + r.count }

func (h *History) seriesOf(key scorecard.Key) *series {
	s := h.series[key]
	if s == nil {
		s = &series{}
		h.series[key] = s
	}
	return s
}

func (h *History) levelNumber(level string) (uint16, error) {
	n, ok := h.number[level]
	if !ok {
		if len(h.levels) == maxLevels {
			return 0, errors.New("it knows 65,536 names of levels and has no room for another")
		}
		n = uint16(len(h.levels))
		h.levels = append(h.levels, level)
		h.number[level] = n
	}
	return n, nil
}

// Newest returns the newest tick, 0 for none.
func (h *History) Newest() int64 {
	if len(h.ticks) == 0 {
		return 0
	}
	return h.ticks[len(h.ticks)-1]
}

// Oldest returns the oldest tick, 0 for none.
func (h *History) Oldest() int64 {
	if len(h.ticks) == 0 {
		return 0
	}
	return h.ticks[0]
}

// Ticks returns how many ticks there are.
func (h *History) Ticks() int { return len(h.ticks) }

// Len returns how many scorecards there are.
func (h *History) Len() int { return len(h.series) }

// Keys returns the keys of the scorecards, sorted by rubric and service.
func (h *History) Keys() []scorecard.Key {
	return slices.SortedFunc(maps.Keys(h.series), compareKeys)
}

// after returns the index of the first tick later than sec.
func (h *History) after(sec int64) uint32 {
	return uint32(sort.Search(len(h.ticks), func(i int) bool { return h.ticks[i] > sec }))
}

// scoreBits returns the bits of a score, and those of one NaN for all that are
// unknown or not finite.
func scoreBits(score *float64) uint64 {
	x := history.ScoreOrNaN(score)
	if math.IsNaN(x) {
		x = math.NaN() // there are others
	}
	return math.Float64bits(x)
}
