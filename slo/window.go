package slo

import (
	"math/bits"
	"time"
)

// Window is a sum of counts over a stretch of time, with what it covers.
type Window struct {
	Length   time.Duration // as asked for
	Counts   Counts
	From, To int64 // Unix seconds: (From, To]
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
		if s.first == 0 || tick <= s.first-slotSeconds {
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

func (s *Series) slotWindow(length time.Duration, end int64) Window {
	from := end - int64(RoundToSlots(length)/time.Second)
	w := Window{Length: length, From: from, To: end}
	if s.first == 0 {
		w.From = end
		return w
	}
	if start := s.first - slotSeconds; start > w.From {
		w.From = min(start, end)
	}
	near := w.From
	if end-w.From > 3*daySeconds {
		near = ceilTo(end-3*daySeconds, hourSeconds)
	}
	if w.From < near {
		w.From = floorTo(w.From, hourSeconds)
		for hour := w.From + hourSeconds; hour <= near; hour += hourSeconds {
			if h, i := s.hours.at(hour); h != nil {
				w.Counts = w.Counts.Plus(Counts{h.bad[i], h.total[i]})
				w.Measured += bits.OnesCount16(h.measured[i])
			}
		}
	}
	for slot := near + slotSeconds; slot <= end; slot += slotSeconds {
		hour, i := slotPlace(slot)
		c := s.slots.at(hour)
		if c == nil {
			continue
		}
		if counts, ok := c.get(i); ok {
			w.Counts = w.Counts.Plus(counts)
			w.Measured++
		}
	}
	w.Expected = int((end - w.From) / slotSeconds)
	return w
}

// windowCache keeps the slot windows of one boundary: four of five ticks ask
// for sums that have not changed.
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
