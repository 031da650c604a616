package slo

import (
	"math/bits"
	"time"
)

// Window is a sum of counts over a stretch of time, with what it covers.
type Window struct {
	Length   time.Duration // as asked for
	Counts   Counts
	Born     float64 // the part of both counts that counters were born with; ring windows have none
	From, To int64   // Unix seconds: (From, To]
	// Expected are the slots (or ring answers) since the later of the far
	// edge and the service's first data; Measured are those that are no gap.
	Expected, Measured int
}

// Judged reports whether at least a share of the window's slots are measured.
func (w Window) Judged(share float64) bool {
	return w.Expected > 0 && AtLeast(float64(w.Measured), share*float64(w.Expected))
}

// Sum returns the window of a length that ends at a tick: 5m, 30m and 1h are
// sums of tick answers; every other length, rounded up to slots, ends at the
// last slot boundary.
func (s *Series) Sum(length time.Duration, at int64) Window {
	switch length {
	case window5m, window30m, window1h:
		return s.ringWindow(length, at)
	}
	boundary := floorTo(at, slotSeconds)
	if w, ok := s.cache.get(length, boundary); ok {
		return w
	}
	w := s.slotWindow(length, boundary)
	s.cache.put(w)
	return w
}

func (s *Series) ringWindow(length time.Duration, at int64) Window {
	n := int64(length / SlotLength)
	w := Window{Length: length, From: at - n*slotSeconds, To: at}
	for i := n - 1; i >= 0; i-- {
		tick := at - i*slotSeconds
		if s.first == 0 || tick <= s.origin() {
			w.From = tick
			continue
		}
		w.Expected++
		if counts, ok := s.ring.get(tick); ok {
			w.Measured++
			w.Counts = w.Counts.Plus(counts)
		}
	}
	return w
}

// slotWindow sums whole hours, and slots where an edge cuts an hour. Beyond
// three days the far edge is rounded outward to the hour.
func (s *Series) slotWindow(length time.Duration, end int64) Window {
	seconds := int64(RoundToSlots(length) / time.Second)
	far := end - seconds
	if seconds > 3*daySeconds {
		far = floorTo(far, hourSeconds)
	}
	w := Window{Length: length, From: end, To: end}
	if s.first == 0 {
		return w
	}
	w.From = min(max(far, s.origin()), end)
	w.Expected = int((end - w.From) / slotSeconds)
	whole, last := ceilTo(w.From, hourSeconds), floorTo(end, hourSeconds)
	if whole > last { // all within one hour
		s.addPart(&w, w.From, end)
		return w
	}
	s.addPart(&w, w.From, whole)
	s.hours.addTo(&w, whole, last)
	s.addPart(&w, last, end)
	return w
}

// addPart adds the slots in (from, to], a part of one hour. Where that hour is
// older than the slots kept, the part starts with the service's first slot,
// and the hour has nothing before it to take away.
func (s *Series) addPart(w *Window, from, to int64) {
	if from >= to {
		return
	}
	hour := ceilTo(to, hourSeconds)
	mask := slotMask(from, to)
	if c := s.slots.at(hour); c != nil {
		w.Counts = w.Counts.Plus(c.sum(mask))
		w.Born += c.bornIn(mask)
		w.Measured += bits.OnesCount16(c.measured & mask)
	} else if h, i := s.hours.at(hour); h != nil {
		w.Counts = w.Counts.Plus(Counts{h.bad[i], h.total[i]})
		w.Born += h.bornAt(i)
		w.Measured += bits.OnesCount16(h.measured[i] & mask)
	}
}

// windowCache keeps the slot windows of one boundary: most ticks ask for sums
// that have not changed.
type windowCache struct {
	boundary int64
	windows  []Window
}

func (c *windowCache) get(length time.Duration, boundary int64) (Window, bool) {
	if c.boundary == boundary {
		for _, w := range c.windows {
			if w.Length == length {
				return w, true
			}
		}
	}
	return Window{}, false
}

func (c *windowCache) put(w Window) {
	if c.boundary != w.To {
		c.boundary, c.windows = w.To, c.windows[:0]
	}
	c.windows = append(c.windows, w)
}

func (c *windowCache) clear() { c.boundary = 0 }
