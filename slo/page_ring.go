package slo

import (
	"errors"

	"github.com/apgarhq/apgar/slo/column"
)

// A page of the ring: the interval; which ticks of the stretch each series has;
// their counts.

func writeRing(w *column.Writer, end, interval int64, members []*entry) {
	w.Uint(uint64(interval))
	var measured []bool
	var answers countColumns
	for _, e := range members {
		for tick := end - stretchSeconds + interval; tick <= end; tick += interval {
			c, ok := e.ring.get(tick)
			measured = append(measured, ok)
			if ok {
				answers.add(c)
			}
		}
	}
	w.Bits(measured)
	answers.write(w)
}

func readRing(r *column.Reader, end, interval int64, c *content) {
	stored := int64(r.Uint(slotSeconds))
	if r.Err() != nil {
		return
	}
	if stored == 0 || slotSeconds%stored != 0 {
		r.Fail(errors.New("its interval does not divide five minutes"))
		return
	}
	c.lossy = stored != interval
	places := int(stretchSeconds / stored)
	n := len(c.names) * places
	first := r.Bits(n)
	second, all := first, 0 // read twice: how many there are, then which
	for range n {
		if first.Next() {
			all++
		}
	}
	next := counts(r, all)
	for range c.names {
		var ticks []int64
		var answers []Counts
		for i := range places {
			if tick := end - stretchSeconds + int64(i+1)*stored; second.Next() {
				ticks, answers = append(ticks, tick), append(answers, next())
			}
		}
		c.enter = append(c.enter, func(s *Series) { s.loadRing(ticks, answers) })
	}
}

// loadRing enters stored answers. Those between the ticks of this ledger have
// no use.
func (s *Series) loadRing(ticks []int64, answers []Counts) {
	for i, tick := range ticks {
		if tick%s.ring.interval != 0 {
			continue
		}
		place := s.ring.place(tick)
		if instead := s.ring.at[place]; instead != 0 {
			s.shard.mark(ringPage(instead))
		}
		s.ring.at[place], s.ring.counts[place] = tick, answers[i]
	}
}
