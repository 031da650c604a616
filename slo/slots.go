package slo

// Times inside the ledger are Unix seconds. A slot is named by its end.
const (
	slotSeconds   = 300
	hourSeconds   = 3600
	slotsPerHour  = hourSeconds / slotSeconds
	hoursPerDay   = 24
	daySeconds    = hoursPerDay * hourSeconds
	slotRetention = 3*daySeconds + hourSeconds
	hourRetention = 36 * daySeconds
	// One chunk more than the retention, for the running hour or day.
	slotChunks = slotRetention/hourSeconds + 1
	hourChunks = hourRetention/daySeconds + 1
)

func floorTo(t, step int64) int64 { return t - ((t%step)+step)%step }
func ceilTo(t, step int64) int64  { return floorTo(t+step-1, step) }

// slotTable keeps the newest 73 hours of slots, an hour a chunk; chunks are
// allocated when first written.
type slotTable struct {
	newest int64 // end of the newest hour written
	chunks [slotChunks]*slotChunk
}

type slotChunk struct {
	hour       int64 // end of the hour
	measured   uint16
	bad, total [slotsPerHour]float64
}

// at returns the chunk of the hour that ends at hour, or nil.
func (t *slotTable) at(hour int64) *slotChunk {
	c := t.chunks[hour/hourSeconds%slotChunks]
	if c == nil || c.hour != hour {
		return nil
	}
	return c
}

// ensure returns the chunk of the hour, made if need be, or nil when the hour
// is older than the retention.
func (t *slotTable) ensure(hour int64) *slotChunk {
	if hour <= t.newest-slotChunks*hourSeconds {
		return nil
	}
	t.newest = max(t.newest, hour)
	p := &t.chunks[hour/hourSeconds%slotChunks]
	if *p == nil {
		*p = &slotChunk{}
	}
	if (*p).hour != hour {
		**p = slotChunk{hour: hour}
	}
	return *p
}

func slotPlace(slot int64) (hour int64, index int) {
	hour = ceilTo(slot, hourSeconds)
	return hour, int((slot-(hour-hourSeconds))/slotSeconds) - 1
}

func (c *slotChunk) get(i int) (Counts, bool) {
	return Counts{c.bad[i], c.total[i]}, c.measured&(1<<i) != 0
}

func (c *slotChunk) set(i int, counts Counts) {
	c.bad[i], c.total[i] = counts.Bad, counts.Total
	c.measured |= 1 << i
}

func (c *slotChunk) sum() Counts {
	var s Counts
	for i := range c.bad {
		s.Bad += c.bad[i]
		s.Total += c.total[i]
	}
	return s
}

// hourTable keeps 36 days of hours, a day a chunk, each hour with the mask of
// its measured slots.
type hourTable struct {
	newest int64 // end of the newest day written
	chunks [hourChunks]*hourChunk
}

type hourChunk struct {
	day        int64 // end of the day
	bad, total [hoursPerDay]float64
	measured   [hoursPerDay]uint16
}

func (t *hourTable) at(hour int64) (*hourChunk, int) {
	day := ceilTo(hour, daySeconds)
	c := t.chunks[day/daySeconds%hourChunks]
	if c == nil || c.day != day {
		return nil, 0
	}
	return c, int((hour-(day-daySeconds))/hourSeconds) - 1
}

func (t *hourTable) ensure(hour int64) (*hourChunk, int) {
	day := ceilTo(hour, daySeconds)
	if day <= t.newest-hourChunks*daySeconds {
		return nil, 0
	}
	t.newest = max(t.newest, day)
	p := &t.chunks[day/daySeconds%hourChunks]
	if *p == nil {
		*p = &hourChunk{}
	}
	if (*p).day != day {
		**p = hourChunk{day: day}
	}
	return *p, int((hour-(day-daySeconds))/hourSeconds) - 1
}

// rebuild sets an hour to the sum of its slots.
func (t *hourTable) rebuild(c *slotChunk) {
	if h, i := t.ensure(c.hour); h != nil {
		s := c.sum()
		h.bad[i], h.total[i], h.measured[i] = s.Bad, s.Total, c.measured
	}
}

// add enters a slot that is older than the slots kept; a slot that its hour
// already has is left alone and reported as not added.
func (t *hourTable) add(slot int64, counts Counts) bool {
	hour, index := slotPlace(slot)
	h, i := t.ensure(hour)
	if h == nil || h.measured[i]&(1<<index) != 0 {
		return false
	}
	h.bad[i] += counts.Bad
	h.total[i] += counts.Total
	h.measured[i] |= 1 << index
	return true
}
