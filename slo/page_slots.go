package slo

import (
	"errors"
	"math/bits"

	"github.com/apgarhq/apgar/slo/column"
)

// A page of slots: which slots of the hour each series has, and their counts;
// then what its cells said in the slots that may be asked again.

func writeSlots(w *column.Writer, hour int64, members []*entry) {
	var masks []int64
	var slots countColumns
	for _, e := range members {
		chunk := e.slots.at(hour)
		if chunk == nil {
			masks = append(masks, 0)
			continue
		}
		masks = append(masks, int64(chunk.measured))
		for i := range slotsPerHour {
			if c, ok := chunk.get(i); ok {
				slots.add(c)
			}
		}
	}
	w.Ints(masks)
	slots.write(w)
	writeRecent(w, hour, members)
}

func writeRecent(w *column.Writer, hour int64, members []*entry) {
	var keys []CellKey
	var lengths, cells, places []int64
	var recent countColumns
	for _, e := range members {
		for _, m := range e.cells {
			if len(m.recentOf(hour)) > 0 {
				keys = append(keys, m.key)
			}
		}
	}
	names := writeCellNames(w, keys)
	for _, e := range members {
		var length int64
		for _, m := range e.cells {
			slots := m.recentOf(hour)
			if len(slots) == 0 {
				continue
			}
			length++
			cells = append(cells, names.index[m.key])
			var mask int64
			for _, slot := range slots {
				_, i := slotPlace(slot.slot)
				mask |= 1 << i
				recent.add(slot.counts)
			}
			places = append(places, mask)
		}
		lengths = append(lengths, length)
	}
	w.Ints(lengths)
	w.Ints(cells)
	w.Ints(places)
	recent.write(w)
}

// recentOf returns the slots of an hour that may be answered again, in order.
func (m *cellMemory) recentOf(hour int64) []cellSlot {
	var slots []cellSlot
	for slot := hour - hourSeconds + slotSeconds; slot <= hour; slot += slotSeconds {
		if place := m.recentPlace(slot); place.slot == slot {
			slots = append(slots, *place)
		}
	}
	return slots
}

func readSlots(r *column.Reader, hour int64, born bool, c *content) {
	next := numbers(r, len(c.names), wholeHour)
	chunks := make([]*slotChunk, len(c.names))
	all := 0
	for i := range chunks {
		if mask := uint16(next()); mask != 0 {
			chunks[i] = &slotChunk{hour: hour, measured: mask}
			all += bits.OnesCount16(mask)
		}
	}
	slots := counts(r, all)
	for _, chunk := range chunks {
		for i := range slotsPerHour {
			if chunk != nil && chunk.measured&(1<<i) != 0 {
				chunk.set(i, slots(), 0)
			}
		}
	}
	recent := readRecent(r, hour, len(c.names))
	if born {
		readBornSlots(r, chunks, all)
	}
	if r.Err() != nil {
		return
	}
	for i, chunk := range chunks {
		cells := recent[i]
		c.enter = append(c.enter, func(s *Series) {
			s.loadSlots(chunk)
			for _, cell := range cells {
				s.loadRecent(cell)
			}
		})
	}
}

// storedCell is what one cell has on a page of slots or of hours.
type storedCell struct {
	key    CellKey
	recent []cellSlot
	day    *cellDay
}

func readRecent(r *column.Reader, hour int64, n int) [][]storedCell {
	keys := readCellNames(r)
	lengths, all := runs(r, n, len(keys))
	cells := readCellsOf(r, keys, lengths, all)
	next := numbers(r, all, wholeHour)
	slots := 0
	for _, of := range cells {
		for i := range of {
			mask := uint16(next())
			for place := range slotsPerHour {
				if mask&(1<<place) != 0 {
					slot := hour - hourSeconds + int64(place+1)*slotSeconds
					of[i].recent = append(of[i].recent, cellSlot{slot: slot})
				}
			}
			if len(of[i].recent) > recentSlots {
				r.Fail(errors.New("a cell has more slots than may be answered again"))
			}
			slots += len(of[i].recent)
		}
	}
	values := counts(r, slots)
	for _, of := range cells {
		for i := range of {
			for j := range of[i].recent {
				of[i].recent[j].counts = values()
			}
		}
	}
	return cells
}

// readCellsOf reads which of the cells of a page each series has, in order.
func readCellsOf(r *column.Reader, keys []CellKey, lengths []int, all int) [][]storedCell {
	next := numbers(r, all, int64(len(keys))-1)
	cells := make([][]storedCell, len(lengths))
	for i, length := range lengths {
		last := int64(-1)
		for range length {
			index := next()
			if index <= last {
				r.Fail(errOrder)
			}
			if r.Err() != nil {
				return nil
			}
			last = index
			cells[i] = append(cells[i], storedCell{key: keys[index]})
		}
	}
	return cells
}

// loadSlots enters a stored hour of slots. Where the page of its day could not
// be read, the hour follows from it.
func (s *Series) loadSlots(chunk *slotChunk) {
	if chunk == nil {
		return
	}
	if instead := s.slots.put(chunk); instead != 0 {
		s.shard.mark(slotsPage(instead))
	}
	if h, i := s.hours.at(chunk.hour); h != nil && chunk.measured&^h.measured[i] == 0 {
		return
	}
	if s.hours.rebuild(chunk) {
		s.shard.mark(hoursPage(chunk.hour))
	}
}

func (s *Series) loadRecent(cell storedCell) {
	m := s.knownCell(cell.key)
	for _, slot := range cell.recent {
		place := m.recentPlace(slot.slot)
		if place.slot != 0 {
			hour, _ := slotPlace(place.slot)
			s.shard.mark(slotsPage(hour))
		}
		*place = slot
	}
}
