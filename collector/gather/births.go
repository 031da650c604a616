package gather

import (
	"cmp"
	"slices"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// newborn is what came back about births.
type newborn struct {
	slots   question.Span // the ends of those that were asked about; none in the zero newborn
	answers []*answer
}

// The largest part of a slot that is believed to have been born: more than that
// many events are, unless the series that were there before had a tenth of it.
const (
	mostBorn      = 1000
	mostBornShare = 10
)

// addBorn adds to the rows of a question what was born in the slot that ends at
// a time, if that was asked. Where there is no row, what was born is all that
// there is.
func (a *asker) addBorn(c *slo.Column, born newborn, q int, at int64, cells cellUnion) {
	if c.Fault != nil || born.slots.N == 0 || at > born.slots.Last() || (at-born.slots.Start)%born.slots.Step != 0 || at < born.slots.Start {
		return
	}
	step := int((at - born.slots.Start) / born.slots.Step)
	var samples []sample
	_, c.BirthFault = collect(born.answers, func(f question.Feed) bool { return f.Question == q }, func(d *decoder) {
		samples = append(samples, cells.renumbered(d, step)...)
	})
	if c.BirthFault != nil {
		return
	}
	dropped := 0
	groups(samples, func(group []sample) {
		s := sumUp(group)
		row, place := rowOf(c.Rows, group[0])
		switch {
		case row.Fault != nil:
		case s.fault != nil || !believable(s.value[classBad], row.Counts.Bad):
			dropped++
		default:
			row.Born = s.value[classBad]
			if place == len(c.Rows) || c.Rows[place].Service != row.Service || c.Rows[place].Cell != row.Cell {
				c.Rows = slices.Insert(c.Rows, place, row)
			} else {
				c.Rows[place] = row
			}
		}
	})
	if dropped > 0 {
		a.dropped(dropped)
	}
}

// believable reports whether so many bad events may have been born in a slot in
// which the bad events increased by a number.
func believable(born, increase float64) bool {
	return born <= max(mostBorn, mostBornShare*increase)
}

// rowOf returns the row for the service and the cell of a sample, a new one if
// there is none, and its place in the rows.
func rowOf(rows []slo.Row, x sample) (slo.Row, int) {
	place, found := slices.BinarySearchFunc(rows, x, func(r slo.Row, x sample) int {
		return cmp.Or(cmp.Compare(r.Service, x.service), cmp.Compare(r.Cell, x.cell))
	})
	if found {
		return rows[place], place
	}
	return slo.Row{Service: x.service, Cell: x.cell, OnlyBorn: true}, place
}
