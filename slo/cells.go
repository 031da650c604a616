package slo

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// CellMemory is how long after its last data a cell is still expected, and how far
// back its total weighs its coverage.
const CellMemory = 7 * 24 * time.Hour

const (
	expectedFor = int64(CellMemory / time.Second)
	weekSeconds = expectedFor
)

// CellKey names a cell: a source, and a value of its partition label or the
// source's own name.
type CellKey struct {
	Source string
	Cell   string
}

// Compare orders cells by source, then by name.
func (k CellKey) Compare(o CellKey) int {
	return cmp.Or(strings.Compare(k.Source, o.Source), strings.Compare(k.Cell, o.Cell))
}

// recentSlots are how many slots of a cell may be answered again; cellDays, of
// how many days its hours are kept.
const (
	recentSlots = 4
	cellDays    = weekSeconds/daySeconds + 1
)

// cellMemory is what a series remembers of one cell.
type cellMemory struct {
	key         CellKey
	first, last int64 // slots of the first and the last row; 0: never
	answeredAt  int64 // last tick that it answered completely
	heardAt     int64 // newest time known when an answer last named it
	lent        int64 // newest tick at which the service was known here by other SLIs
	identity    int   // the alternative it was first seen under
	recent      [recentSlots]cellSlot
	hours       [cellDays]*cellDay
	state       cellState
}

// cellState is a cell's answer at the newest tick.
type cellState struct {
	at           int64
	row          bool
	fault        *Fault
	value        float64
	up, down     int32
	spoilt       bool // the fault is of a row of the service
	interpolated bool
	noTarget     bool // the presence query was not answered, or names nobody here
}

// cellSlot is a slot that may yet be answered again.
type cellSlot struct {
	slot   int64
	counts Counts
}

// cellDay holds a day of hourly totals of one cell.
type cellDay struct {
	day      int64
	counts   [hoursPerDay]Counts
	measured [hoursPerDay]uint16
}

// seen notes a row in a slot.
func (m *cellMemory) seen(slot int64) {
	if m.first == 0 || slot < m.first {
		m.first = slot
	}
	m.last = max(m.last, slot)
}

// expected reports whether the service is expected in this cell at a time.
func (m *cellMemory) expected(at int64) bool {
	return m.first != 0 && at > m.first-slotSeconds && at <= m.last+expectedFor || m.lent != 0 && at <= m.lent
}

// AppendExpected appends the cells in which the service is expected at a time to
// some keys, in order.
func (s *Series) AppendExpected(keys []CellKey, at int64) []CellKey {
	for _, m := range s.cells {
		if s.expects(m, at) {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// Borrows reports whether a gauge is to be lent cells at a tick: until it has had
// data for as long as cells are remembered, it knows too little of its own.
func (s *Series) Borrows(at int64) bool { return s.first == 0 || at <= s.first+expectedFor }

// Lend has a gauge be expected at a tick in the cells in which other SLIs know the
// service, in order.
func (s *Series) Lend(at int64, keys []CellKey) {
	s.shard.mark(headPage())
	place := 0
	for _, key := range keys {
		for place < len(s.cells) && s.cells[place].key.Compare(key) < 0 {
			place++
		}
		var m *cellMemory
		if place < len(s.cells) && s.cells[place].key == key {
			m = s.cells[place]
		} else {
			m = s.cell(key) // which is now at this place, if there was room
		}
		if m != nil && m.first == 0 {
			m.lent, m.heardAt = max(m.lent, at), max(m.heardAt, at)
		}
	}
}

// enter adds a slot to the cell's hourly totals. A slot already there is
// replaced while it is recent, else left alone. It reports whether the totals
// changed.
func (m *cellMemory) enter(slot int64, counts Counts) bool {
	hour, index := slotPlace(slot)
	day, i := m.ensureDay(hour)
	if day == nil {
		return false
	}
	counts = counts.kept()
	place := m.recentPlace(slot)
	switch {
	case day.measured[i]&(1<<index) == 0:
		day.measured[i] |= 1 << index
		day.counts[i] = day.counts[i].Plus(counts).keptSum(day.measured[i])
	case place.slot == slot:
		more := Counts{counts.Bad - place.counts.Bad, counts.Total - place.counts.Total}
		day.counts[i] = day.counts[i].Plus(more).keptSum(day.measured[i])
	default:
		return false
	}
	return true
}

// recentPlace returns where a slot is kept that may yet be answered again.
func (m *cellMemory) recentPlace(slot int64) *cellSlot {
	return &m.recent[slot/slotSeconds%recentSlots]
}

func (m *cellMemory) ensureDay(hour int64) (*cellDay, int) {
	end := ceilTo(hour, daySeconds)
	p := &m.hours[dayPlace(end)]
	if *p == nil {
		*p = &cellDay{day: end}
	}
	if (*p).day > end {
		return nil, 0
	}
	if (*p).day < end {
		**p = cellDay{day: end}
	}
	return *p, int((hour-(end-daySeconds))/hourSeconds) - 1
}

func dayPlace(day int64) int64 { return day / daySeconds % cellDays }

// day returns the hours of a day, or nil.
func (m *cellMemory) day(day int64) *cellDay {
	if d := m.hours[dayPlace(day)]; d != nil && d.day == day {
		return d
	}
	return nil
}

// week returns the cell's counts over the 7 days before at, the far edge
// rounded outward to the hour. What came after a slot that is asked about again is
// not in it.
func (m *cellMemory) week(at int64) Counts {
	from := floorTo(at-weekSeconds, hourSeconds)
	var sum Counts
	for day := ceilTo(from+1, daySeconds); day-daySeconds < at; day += daySeconds {
		d := m.day(day)
		if d == nil {
			continue
		}
		for i, c := range d.counts {
			end := day - daySeconds + int64(i+1)*hourSeconds
			if end > from && end-hourSeconds < at {
				sum = sum.Plus(c)
			}
		}
	}
	for _, r := range m.recent {
		if r.slot > at && ceilTo(r.slot, hourSeconds)-hourSeconds < at {
			sum = Counts{max(0, sum.Bad-r.counts.Bad), max(0, sum.Total-r.counts.Total)}
		}
	}
	return sum
}

// mostCells is how many cells of one source a series remembers.
const mostCells = 1000

// tooManyCells explains a fault; mostCells is its number.
const tooManyCells = "the source has more than 1,000 cells of this service: give it a partition_label with fewer values"

// sweepSeconds is how often cells are forgotten.
const sweepSeconds = hourSeconds

func (s *Series) findCell(key CellKey) (int, bool) {
	return slices.BinarySearchFunc(s.cells, key, func(m *cellMemory, k CellKey) int { return m.key.Compare(k) })
}

// cell returns the memory of a cell, made if need be, or nil when there is no
// room for another of its source. Cells stay sorted, so that nothing depends on the order in
// which they were met.
func (s *Series) cell(key CellKey) *cellMemory {
	i, found := s.findCell(key)
	if !found {
		from, _ := s.findCell(CellKey{Source: key.Source})
		if last := from + mostCells - 1; last < len(s.cells) && s.cells[last].key.Source == key.Source {
			return nil
		}
		s.cells = slices.Insert(s.cells, i, &cellMemory{key: key})
	}
	return s.cells[i]
}

// forgetCells drops the cells that no longer matter at a tick: those without
// data a day after they were last heard of, and the others a week after that
// and after their last data. What the catalog names stays.
func (s *Series) forgetCells(at int64) {
	if at < s.swept+sweepSeconds {
		return
	}
	s.swept = at
	s.cells = slices.DeleteFunc(s.cells, func(m *cellMemory) bool {
		if !s.forgets(m, at) {
			return false
		}
		s.forgetting(m)
		return true
	})
}

func (s *Series) forgets(m *cellMemory, at int64) bool {
	switch {
	case slices.Contains(s.Declared, m.key.Cell):
		return false
	case m.first == 0:
		return m.heardAt < at-daySeconds
	}
	return max(m.last, m.heardAt) < at-expectedFor
}
