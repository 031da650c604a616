package slo

import (
	"slices"

	"github.com/apgarhq/apgar/slo/column"
)

// A page of hours: which slots of each hour of the day each series has, and
// the counts of its hours; then the same of its cells, where an hour that is
// that of the series, as with a service in one cell, is but a bit.

func writeHours(w *column.Writer, day int64, members []*entry) {
	var masks []int64
	var hours countColumns
	for _, e := range members {
		c := e.hours.day(day)
		if c == nil {
			c = &hourChunk{}
		}
		for i, mask := range c.measured {
			masks = append(masks, int64(mask))
			if mask != 0 {
				hours.add(Counts{c.bad[i], c.total[i]})
			}
		}
	}
	w.Ints(masks)
	hours.write(w)
	writeCellHours(w, day, members)
}

func writeCellHours(w *column.Writer, day int64, members []*entry) {
	var keys []CellKey
	for _, e := range members {
		for _, m := range e.cells {
			if m.day(day) != nil {
				keys = append(keys, m.key)
			}
		}
	}
	names := writeCellNames(w, keys)
	var lengths, cells, masks []int64
	var same []bool
	var hours countColumns
	for _, e := range members {
		var length int64
		of := e.hours.day(day)
		for _, m := range e.cells {
			d := m.day(day)
			if d == nil {
				continue
			}
			length++
			cells = append(cells, names.index[m.key])
			for i, mask := range d.measured {
				masks = append(masks, int64(mask))
				if mask == 0 {
					continue
				}
				is := of != nil && d.counts[i] == Counts{of.bad[i], of.total[i]}
				same = append(same, is)
				if !is {
					hours.add(d.counts[i])
				}
			}
		}
		lengths = append(lengths, length)
	}
	w.Ints(lengths)
	w.Ints(cells)
	w.Ints(masks)
	w.Bits(same)
	hours.write(w)
}

func readHours(r *column.Reader, day int64, born bool, c *content) {
	next := numbers(r, len(c.names)*hoursPerDay, wholeHour)
	chunks := make([]*hourChunk, len(c.names))
	all := 0
	for i := range chunks {
		measured := readMasks(next)
		if n := measuredHours(measured); n > 0 {
			chunks[i] = &hourChunk{day: day, measured: measured}
			all += n
		}
	}
	hours := counts(r, all)
	for _, chunk := range chunks {
		for i := range hoursPerDay {
			if chunk != nil && chunk.measured[i] != 0 {
				h := hours()
				chunk.bad[i], chunk.total[i] = h.Bad, h.Total
			}
		}
	}
	cells := readCellHours(r, day, chunks)
	if born {
		readBornHours(r, chunks, all)
	}
	if r.Err() != nil {
		return
	}
	for i, chunk := range chunks {
		c.enter = append(c.enter, func(s *Series) { s.loadHours(chunk, cells[i]) })
	}
}

func readMasks(next func() int64) (measured [hoursPerDay]uint16) {
	for i := range measured {
		measured[i] = uint16(next())
	}
	return measured
}

func measuredHours(measured [hoursPerDay]uint16) int {
	n := 0
	for _, mask := range measured {
		if mask != 0 {
			n++
		}
	}
	return n
}

func readCellHours(r *column.Reader, day int64, of []*hourChunk) [][]storedCell {
	keys := readCellNames(r)
	lengths, all := runs(r, len(of), len(keys))
	cells := readCellsOf(r, keys, lengths, all)
	next := numbers(r, all*hoursPerDay, wholeHour)
	hours := 0
	for _, list := range cells {
		for i := range list {
			list[i].day = &cellDay{day: day, measured: readMasks(next)}
			hours += measuredHours(list[i].day.measured)
		}
	}
	same := r.Bits(hours)
	second := same // read twice: how many are not the same, then which
	others := 0
	for range hours {
		if !same.Next() {
			others++
		}
	}
	values := counts(r, others)
	for i, list := range cells {
		for _, cell := range list {
			cell.day.fill(of[i], &second, values)
		}
	}
	return cells
}

// fill sets the counts of the measured hours: those of the series, or stored
// ones.
func (d *cellDay) fill(of *hourChunk, same *column.Bits, values func() Counts) {
	for i, mask := range d.measured {
		switch {
		case mask == 0:
		case !same.Next():
			d.counts[i] = values()
		case of != nil:
			d.counts[i] = Counts{of.bad[i], of.total[i]}
		}
	}
}

// loadHours enters a stored day of hours.
func (s *Series) loadHours(chunk *hourChunk, cells []storedCell) {
	if chunk != nil {
		if instead := s.hours.put(chunk); instead != 0 {
			s.shard.mark(hoursPage(instead))
		}
	}
	for _, cell := range cells {
		place := &s.knownCell(cell.key).hours[dayPlace(cell.day.day)]
		if *place != nil {
			s.shard.mark(hoursPage((*place).day))
		}
		*place = cell.day
	}
}

// knownCell returns the memory of a cell that a page names, made if need be:
// the head may come later.
func (s *Series) knownCell(key CellKey) *cellMemory {
	i, found := s.findCell(key)
	if !found {
		s.cells = slices.Insert(s.cells, i, &cellMemory{key: key})
	}
	return s.cells[i]
}
