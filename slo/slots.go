package slo

import "math/bits"

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

// slotChunk is an hour of slots; a slot is a gap unless its bit is set.
type slotChunk struct {
	hour       int64 // end of the hour
	measured   uint16
	bad, total [slotsPerHour]float64
	born       *[slotsPerHour]float64 // the part of both that was born; nil: nothing
}

// at returns the chunk of the hour that ends at hour, or nil. A chunk beyond
// the retention may still be there, but is no longer kept up.
func (t *slotTable) at(hour int64) *slotChunk {
	c := t.chunks[hour/hourSeconds%slotChunks]
	if c == nil || c.hour != hour || hour <= t.newest-slotChunks*hourSeconds {
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

// slotPlace returns the hour that a slot belongs to, and its place there.
func slotPlace(slot int64) (hour int64, index int) {
	hour = ceilTo(slot, hourSeconds)
	return hour, int((slot-(hour-hourSeconds))/slotSeconds) - 1
}

func (c *slotChunk) get(i int) (Counts, bool) {
	return Counts{c.bad[i], c.total[i]}, c.measured&(1<<i) != 0
}

func (c *slotChunk) set(i int, counts Counts, born float64) {
	c.bad[i], c.total[i] = counts.Bad, counts.Total
	c.measured |= 1 << i
	if c.born == nil && born != 0 {
		c.born = new([slotsPerHour]float64)
	}
	if c.born != nil {
		c.born[i] = born
	}
}

// bornIn adds up what was born in the slots of a mask.
func (c *slotChunk) bornIn(mask uint16) float64 {
	var sum float64
	if c.born == nil {
		return 0
	}
	for i, born := range c.born {
		if mask&(1<<i) != 0 {
			sum += born
		}
	}
	return sum
}

// sum adds up the slots of a mask.
func (c *slotChunk) sum(mask uint16) Counts {
	var s Counts
	for i := range c.bad {
		if mask&(1<<i) != 0 {
			s.Bad += c.bad[i]
			s.Total += c.total[i]
		}
	}
	return s
}

// wholeHour is the mask of all slots of an hour.
const wholeHour = 1<<slotsPerHour - 1

// slotMask returns the mask of the slots in (from, to], a part of one hour.
func slotMask(from, to int64) uint16 {
	start := (from - floorTo(from, hourSeconds)) / slotSeconds
	n := (to - from) / slotSeconds
	return uint16((1<<n - 1) << start)
}

// hourTable keeps 36 days of hours, a day a chunk, each hour with the mask of
// its measured slots.
type hourTable struct {
	newest int64 // end of the newest day written
	slots  int   // measured slots in all chunks
	chunks [hourChunks]*hourChunk
}

// hourChunk is a day of hours; measured has a bit for each slot of an hour.
type hourChunk struct {
	day        int64 // end of the day
	bad, total [hoursPerDay]float64
	measured   [hoursPerDay]uint16
	born       *[hoursPerDay]float64 // the part of both that was born; nil: nothing
}

// at returns the chunk that an hour is in and its place there, or nil.
func (t *hourTable) at(hour int64) (*hourChunk, int) {
	day := ceilTo(hour, daySeconds)
	c := t.chunks[day/daySeconds%hourChunks]
	if c == nil || c.day != day {
		return nil, 0
	}
	return c, hourPlace(hour, day)
}

// addTo adds the whole hours in (from, to] to a window.
func (t *hourTable) addTo(w *Window, from, to int64) {
	for from < to {
		day := ceilTo(from+1, daySeconds)
		end := min(to, day)
		if c := t.chunks[day/daySeconds%hourChunks]; c != nil && c.day == day {
			for i := hourPlace(from+hourSeconds, day); i <= hourPlace(end, day); i++ {
				w.Counts.Bad += c.bad[i]
				w.Counts.Total += c.total[i]
				w.Born += c.bornAt(i)
				w.Measured += bits.OnesCount16(c.measured[i])
			}
		}
		from = end
	}
}

// ensure returns the chunk that an hour is in, made if need be, and its place
// there, or nil when the hour is older than the retention.
func (t *hourTable) ensure(hour int64) (*hourChunk, int) {
	day := ceilTo(hour, daySeconds)
	if day <= t.newest-hourChunks*daySeconds {
		return nil, 0
	}
	if day > t.newest {
		t.newest = day
		t.expire()
	}
	p := &t.chunks[day/daySeconds%hourChunks]
	if *p == nil {
		*p = &hourChunk{day: day}
	}
	return *p, hourPlace(hour, day)
}

func hourPlace(hour, day int64) int { return int((hour-(day-daySeconds))/hourSeconds) - 1 }

// expire drops the days that are older than the retention.
func (t *hourTable) expire() {
	for i, c := range t.chunks {
		if c == nil || c.day > t.newest-hourChunks*daySeconds {
			continue
		}
		t.slots -= c.slots()
		t.chunks[i] = nil
	}
}

// rebuild sets an hour to the sum of its slots. It reports false when the hour
// has slots that the chunk lacks, because a page of slots could not be read:
// then the hour stays as it is.
func (t *hourTable) rebuild(c *slotChunk) bool {
	h, i := t.ensure(c.hour)
	if h == nil {
		return true
	}
	if h.measured[i]&^c.measured != 0 {
		return false
	}
	t.slots += bits.OnesCount16(c.measured) - bits.OnesCount16(h.measured[i])
	h.set(i, c.sum(wholeHour), c.measured)
	h.setBorn(i, c.bornIn(wholeHour))
	return true
}

// add enters a slot that is older than the slots kept. A slot that its hour
// already has is left alone, and one older than the hours kept is dropped. It
// reports whether there is anything new.
func (t *hourTable) add(slot int64, counts Counts, born float64) bool {
	hour, index := slotPlace(slot)
	h, i := t.ensure(hour)
	if h == nil || h.measured[i]&(1<<index) != 0 {
		return false
	}
	h.set(i, Counts{h.bad[i], h.total[i]}.Plus(counts), h.measured[i]|1<<index)
	h.setBorn(i, h.bornAt(i)+born)
	t.slots++
	return true
}

// set enters an hour.
func (c *hourChunk) set(i int, counts Counts, measured uint16) {
	counts = counts.keptSum(measured)
	c.bad[i], c.total[i], c.measured[i] = counts.Bad, counts.Total, measured
}

// setBorn enters what was born in an hour.
func (c *hourChunk) setBorn(i int, born float64) {
	if c.born == nil && born != 0 {
		c.born = new([hoursPerDay]float64)
	}
	if c.born != nil {
		c.born[i] = roundTo(born, partialBits)
	}
}

// bornAt returns what was born in an hour.
func (c *hourChunk) bornAt(i int) float64 {
	if c.born == nil {
		return 0
	}
	return c.born[i]
}

// slots returns how many slots of the day are measured.
func (c *hourChunk) slots() int {
	n := 0
	for _, mask := range c.measured {
		n += bits.OnesCount16(mask)
	}
	return n
}
