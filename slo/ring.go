package slo

// ringSeconds is how far back tick answers are kept: an hour of them, and the
// five minutes that the oldest covers.
const ringSeconds = 65 * 60

// ring keeps the merged answers of the newest 65 minutes of ticks. They tile
// the 5m, 30m and 1h windows exactly and are not revised.
type ring struct {
	interval int64
	at       []int64 // tick of each place; 0: a gap
	counts   []Counts
}

// put enters the answer of a tick, unless that tick or a newer one in its
// place has been answered.
func (r *ring) put(tick int64, counts Counts) {
	if r.at == nil {
		n := ringSeconds / r.interval
		r.at, r.counts = make([]int64, n), make([]Counts, n)
	}
	i := tick / r.interval % int64(len(r.at))
	if r.at[i] < tick {
		r.at[i], r.counts[i] = tick, counts
	}
}

// get returns the answer of a tick, and false where it is a gap.
func (r *ring) get(tick int64) (Counts, bool) {
	if len(r.at) == 0 {
		return Counts{}, false
	}
	i := tick / r.interval % int64(len(r.at))
	return r.counts[i], r.at[i] == tick && tick > 0
}
