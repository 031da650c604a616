package slo

import (
	"fmt"

	"github.com/apgarhq/apgar/slo/column"
)

// The last column of a page of slots or of hours: what of the counts was born,
// for each slot or hour that is measured. It is there where anything was.

// anyBorn reports whether anything on a page was born.
func anyBorn(id pageID, members []*entry) bool {
	for _, e := range members {
		switch id.kind {
		case slotsKind:
			if c := e.slots.at(id.end); c != nil && c.bornIn(wholeHour) > 0 {
				return true
			}
		case hoursKind:
			if c := e.hours.day(id.end); c != nil && c.bornAtAll() {
				return true
			}
		}
	}
	return false
}

// bornAtAll reports whether anything was born on the day.
func (c *hourChunk) bornAtAll() bool { return c.born != nil && *c.born != [hoursPerDay]float64{} }

func writeBorn(w *column.Writer, id pageID, members []*entry) {
	var born []float64
	for _, e := range members {
		if c := e.slots.at(id.end); id.kind == slotsKind && c != nil {
			for i := range slotsPerHour {
				if c.measured&(1<<i) != 0 {
					born = append(born, c.bornIn(1<<i))
				}
			}
		}
		if c := e.hours.day(id.end); id.kind == hoursKind && c != nil {
			for i, mask := range c.measured {
				if mask != 0 {
					born = append(born, c.bornAt(i))
				}
			}
		}
	}
	w.Sparse(born)
}

// bornColumn reads what was born, a part of some counts each.
func bornColumn(r *column.Reader, n int) func(bad float64) float64 {
	column := r.Sparse(n)
	return func(bad float64) float64 {
		born := column.Next()
		if !(born >= 0 && AtMost(born, bad)) {
			r.Fail(fmt.Errorf("%g born of %g bad cannot be", born, bad))
			return 0
		}
		return born
	}
}

func readBornSlots(r *column.Reader, chunks []*slotChunk, n int) {
	next := bornColumn(r, n)
	for _, chunk := range chunks {
		for i := range slotsPerHour {
			if chunk != nil && chunk.measured&(1<<i) != 0 {
				counts, _ := chunk.get(i)
				chunk.set(i, counts, next(counts.Bad))
			}
		}
	}
}

func readBornHours(r *column.Reader, chunks []*hourChunk, n int) {
	next := bornColumn(r, n)
	for _, chunk := range chunks {
		for i := range hoursPerDay {
			if chunk != nil && chunk.measured[i] != 0 {
				chunk.setBorn(i, next(chunk.bad[i]))
			}
		}
	}
}
