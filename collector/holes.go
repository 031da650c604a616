package collector

import (
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// How slots are asked about again.
const (
	holeMemory = 3 * 24 * time.Hour
	holeTries  = 3
)

// lack is how many counted answers each source has failed to give, in the
// order of the sources.
type lack []int

// lackOf counts what the blocks about one instant lack; a nil block lacks all.
func lackOf(p *Plan, blocks []*slo.Block) lack {
	out := make(lack, len(blocks))
	for i, b := range blocks {
		if b == nil {
			out[i] = math.MaxInt
			continue
		}
		for q := range b.Columns {
			if b.Columns[q].Fault != nil && p.questions[q].check.Kind.Counted() {
				out[i]++
			}
		}
	}
	return out
}

// lackAll is the lack of a number of sources of which none has answered.
func lackAll(sources int) lack { return slices.Repeat(lack{math.MaxInt}, sources) }

// any reports whether anything is lacking.
func (l lack) any() bool { return slices.ContainsFunc(l, func(n int) bool { return n > 0 }) }

// betterNow reports whether some source answers more now.
func (l lack) betterNow(now lack) bool {
	for i, n := range l {
		if i < len(now) && now[i] < n {
			return true
		}
	}
	return false
}

// most keeps the larger of two lacks, source by source.
func (l lack) most(o lack) lack {
	if l == nil {
		return o
	}
	for i := range l {
		l[i] = max(l[i], o[i])
	}
	return l
}

// holes are the slots that some source did not answer for, by their end.
type holes map[int64]hole

type hole struct {
	lack  lack
	tries int
}

// note remembers what a slot lacks, or that it lacks nothing any more. Ticks
// that are no end of a slot leave no hole.
func (a *agenda) note(tick time.Time, l lack) {
	if !isBoundary(tick) {
		return
	}
	at := tick.Unix()
	if !l.any() {
		delete(a.holes, at)
		return
	}
	a.holes[at] = hole{l, a.holes[at].tries}
}

// mendable returns the holes about which some source may now know more than it
// did, oldest first, and counts the try. What is too old or was tried enough
// is dropped.
func (a *agenda) mendable(now time.Time, l lack) []int64 {
	var out []int64
	for at, x := range a.holes {
		switch {
		case now.Unix()-at > seconds(holeMemory) || x.tries >= holeTries:
			delete(a.holes, at)
		case x.lack.betterNow(l):
			a.holes[at] = hole{x.lack, x.tries + 1}
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return out
}

// hasHole reports whether the slot that ends at a tick has a hole.
func (a *agenda) hasHole(tick time.Time) bool {
	_, known := a.holes[tick.Unix()]
	return known
}

// runsOf joins slots, oldest first, to chunks of at most a number of slots.
func runsOf(slots []int64, most int) []chunk {
	var runs []chunk
	for _, at := range slots {
		slot := slotAt(at)
		if n := len(runs); n > 0 && runs[n-1].to == slot.from && runs[n-1].slots() < most {
			runs[n-1].to = slot.to
			continue
		}
		runs = append(runs, chunk{interval: slot})
	}
	return runs
}
