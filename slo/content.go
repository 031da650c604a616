package slo

// What a series has on each page: whether anything, and how it is dropped.

// has reports whether the series has anything on a page. Every series is on
// the head.
func (s *Series) has(id pageID) bool {
	switch id.kind {
	case ringKind:
		for _, tick := range s.ring.at {
			if tick > id.end-stretchSeconds && tick <= id.end {
				return true
			}
		}
		return false
	case slotsKind:
		if s.slots.at(id.end) != nil {
			return true
		}
		for _, m := range s.cells {
			for i := range m.recent {
				if m.recent[i].within(id.end) {
					return true
				}
			}
		}
		return false
	case hoursKind:
		if s.hours.day(id.end) != nil {
			return true
		}
		for _, m := range s.cells {
			if m.day(id.end) != nil {
				return true
			}
		}
		return false
	}
	return true
}

// empty drops what the series has on a page.
func (s *Series) empty(id pageID) {
	s.cache.clear()
	switch id.kind {
	case headKind:
		s.emptyHead()
	case ringKind:
		s.ring.forget(id.end-stretchSeconds, id.end)
	case slotsKind:
		s.slots.drop(id.end)
		for _, m := range s.cells {
			for i := range m.recent {
				if m.recent[i].within(id.end) {
					m.recent[i] = cellSlot{}
				}
			}
		}
	case hoursKind:
		s.hours.drop(id.end)
		s.emptyCells(id.end)
	}
}

// emptyCells drops a day of the hours of cells. It reports whether there was
// one.
func (s *Series) emptyCells(day int64) (had bool) {
	for _, m := range s.cells {
		if m.day(day) != nil {
			m.hours[dayPlace(day)] = nil
			had = true
		}
	}
	return had
}

// emptyHead drops all but what is on other pages.
func (s *Series) emptyHead() {
	s.first, s.before, s.newest, s.swept, s.round = 0, past{}, 0, 0, nil
	for i, m := range s.cells {
		s.cells[i] = &cellMemory{key: m.key, hours: m.hours, recent: m.recent}
	}
}

// bare reports that no page has anything of a cell.
func (m *cellMemory) bare() bool {
	return m.first == 0 && m.heardAt == 0 && m.hours == [cellDays]*cellDay{} && m.recent == [recentSlots]cellSlot{}
}

// within reports whether the slot is one of an hour.
func (c cellSlot) within(hour int64) bool { return c.slot > hour-hourSeconds && c.slot <= hour }

// drop removes an hour of slots.
func (t *slotTable) drop(hour int64) {
	p := &t.chunks[hour/hourSeconds%slotChunks]
	if *p == nil || (*p).hour != hour {
		return
	}
	*p = nil
	if hour == t.newest {
		t.newest = 0
		for _, c := range t.chunks {
			if c != nil {
				t.newest = max(t.newest, c.hour)
			}
		}
	}
}

// put enters an hour of slots. It returns the hour that it takes the place of,
// 0 where there is none.
func (t *slotTable) put(c *slotChunk) (instead int64) {
	p := &t.chunks[c.hour/hourSeconds%slotChunks]
	if *p != nil {
		instead = (*p).hour
		t.drop(instead)
	}
	*p = c
	t.newest = max(t.newest, c.hour)
	return instead
}

// day returns the chunk of a day, or nil.
func (t *hourTable) day(day int64) *hourChunk {
	if c := t.chunks[day/daySeconds%hourChunks]; c != nil && c.day == day {
		return c
	}
	return nil
}

// drop removes a day of hours.
func (t *hourTable) drop(day int64) {
	c := t.day(day)
	if c == nil {
		return
	}
	t.slots -= c.slots()
	t.chunks[day/daySeconds%hourChunks] = nil
	if day == t.newest {
		t.newest = 0
		for _, c := range t.chunks {
			if c != nil {
				t.newest = max(t.newest, c.day)
			}
		}
	}
}

// put enters a day of hours. It returns the day that it takes the place of, 0
// where there is none.
func (t *hourTable) put(c *hourChunk) (instead int64) {
	p := &t.chunks[c.day/daySeconds%hourChunks]
	if *p != nil {
		instead = (*p).day
		t.drop(instead)
	}
	*p = c
	t.slots += c.slots()
	t.newest = max(t.newest, c.day)
	return instead
}
