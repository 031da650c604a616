package slo

// What is entered here changes pages. Time that is older than the pages kept is
// passed over, so that no page comes back once it has gone.

// enterTick puts a merged tick answer into the ring.
func (s *Series) enterTick(tick int64, counts Counts) {
	id := ringPage(tick)
	if s.shard.keeps(id) && s.ring.put(tick, counts) {
		s.shard.mark(id)
	}
}

// enter puts a merged slot into slots and hours, with what was born in it, which
// counts does not have. It reports false when the slot was already measured and
// the earlier answer stands: whether the later one has less is a matter of counts
// alone. Not every asking is about births, so that what was born once stays; and
// births that a later one brings, of fewer cells but no less, are added to the
// counts that stand.
func (s *Series) enter(slot int64, counts Counts, born float64, complete bool) bool {
	hour, i := slotPlace(slot)
	var chunk *slotChunk
	if s.shard.keeps(slotsPage(hour)) {
		chunk = s.slots.ensure(hour)
	}
	if chunk == nil {
		s.enterOld(slot, counts, born)
		return true
	}
	if old, had := chunk.get(i); had {
		stands := chunk.bornIn(1 << i)
		switch {
		case !notLess(counts.withBorn(stands).kept(), old), !complete && born <= stands:
			return false
		case !complete:
			counts = old.withBorn(-stands)
		}
		born = max(born, stands)
	}
	born = roundTo(born, keptBits)
	chunk.set(i, counts.withBorn(born).kept(), born)
	s.shard.mark(slotsPage(hour))
	if s.hours.rebuild(chunk) {
		s.shard.mark(hoursPage(hour))
	} else {
		s.enterOld(slot, counts, born)
	}
	return true
}

// enterOld adds a slot to its hour, of which not all slots are kept.
func (s *Series) enterOld(slot int64, counts Counts, born float64) {
	born = roundTo(born, keptBits)
	counts = counts.withBorn(born).kept()
	hour, _ := slotPlace(slot)
	if id := hoursPage(hour); s.shard.keeps(id) && s.hours.add(slot, counts, born) {
		s.shard.mark(id)
	}
}

// enterCell adds a slot to the hourly totals of a cell, and keeps it while it
// may be answered again.
func (s *Series) enterCell(m *cellMemory, slot int64, counts Counts) {
	hour, _ := slotPlace(slot)
	if !s.shard.keepsCells(hoursPage(hour)) || !m.enter(slot, counts) {
		return
	}
	s.shard.mark(hoursPage(hour))
	place := m.recentPlace(slot)
	if slot < place.slot || !s.shard.keeps(slotsPage(hour)) {
		return
	}
	if before, _ := slotPlace(place.slot); place.slot != 0 {
		s.shard.mark(slotsPage(before))
	}
	*place = cellSlot{slot, counts.kept()}
	s.shard.mark(slotsPage(hour))
}

// forgetting marks the pages that have something of a cell that is dropped.
func (s *Series) forgetting(m *cellMemory) {
	for _, d := range m.hours {
		if d != nil {
			s.shard.mark(hoursPage(d.day))
		}
	}
	for _, r := range m.recent {
		if r.slot != 0 {
			hour, _ := slotPlace(r.slot)
			s.shard.mark(slotsPage(hour))
		}
	}
}

// leaving marks the pages that have something of a series that is dropped, and
// takes it out of its shard.
func (s *Series) leaving() {
	for _, m := range s.cells {
		s.forgetting(m)
	}
	s.shard.mark(headPage())
	for _, tick := range s.ring.at {
		if tick != 0 {
			s.shard.mark(ringPage(tick))
		}
	}
	for _, c := range s.slots.chunks {
		if c != nil {
			s.shard.mark(slotsPage(c.hour))
		}
	}
	for _, c := range s.hours.chunks {
		if c != nil {
			s.shard.mark(hoursPage(c.day))
		}
	}
	s.shard = nil
}
