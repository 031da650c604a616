package agenda

import (
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// How slots are asked about again.
const (
	holeMemory = 3 * 24 * time.Hour
	holeTries  = 3
)

// Lack is how many counted answers each source has failed to give, in the
// order of the sources.
type Lack []int

// LackOf counts what the blocks about one instant lack, be it only what was born;
// a nil block lacks all.
func LackOf(p *question.Plan, blocks []*slo.Block) Lack {
	out := make(Lack, len(blocks))
	for i, b := range blocks {
		if b == nil {
			out[i] = math.MaxInt
			continue
		}
		for q := range b.Columns {
			if (b.Columns[q].Fault != nil || b.Columns[q].BirthFault != nil) && p.Questions[q].Check.Kind.Counted() {
				out[i]++
			}
		}
	}
	return out
}

// LackAll is the lack of a number of sources of which none has answered.
func LackAll(sources int) Lack { return slices.Repeat(Lack{math.MaxInt}, sources) }

// Any reports whether anything is lacking.
func (l Lack) Any() bool { return slices.ContainsFunc(l, func(n int) bool { return n > 0 }) }

// betterNow reports whether some source answers more now.
func (l Lack) betterNow(now Lack) bool {
	for i, n := range l {
		if i < len(now) && now[i] < n {
			return true
		}
	}
	return false
}

// most keeps the larger of two lacks, source by source.
func (l Lack) most(o Lack) Lack {
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
	lack  Lack
	tries int
}

// NoteHole remembers what a slot lacks, or that it lacks nothing any more. Ticks
// that are no end of a slot leave no hole.
func (a *Agenda) NoteHole(tick time.Time, l Lack) {
	if !question.IsBoundary(tick) {
		return
	}
	at := tick.Unix()
	if !l.Any() {
		delete(a.holes, at)
		return
	}
	a.holes[at] = hole{l, a.holes[at].tries}
}

// Mendable returns the ends of the holes about which some source may now know more than it
// did, oldest first, and counts the try. What is too old or was tried enough
// is dropped.
func (a *Agenda) Mendable(now time.Time, l Lack) []int64 {
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

// HasHole reports whether the slot that ends at a tick has a hole.
func (a *Agenda) HasHole(tick time.Time) bool {
	_, known := a.holes[tick.Unix()]
	return known
}

// Runs joins slots, given by their ends, oldest first, to chunks of at most a number of slots.
func Runs(slots []int64, most int) []Chunk {
	var runs []Chunk
	for _, at := range slots {
		slot := SlotAt(at)
		if n := len(runs); n > 0 && runs[n-1].To == slot.From && runs[n-1].Slots() < most {
			runs[n-1].To = slot.To
			continue
		}
		runs = append(runs, Chunk{Interval: slot})
	}
	return runs
}
