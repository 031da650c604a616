package slo

// Tick answers are kept for 65 minutes, an hour of them and the five minutes
// that the oldest covers, in stretches of a quarter of an hour that come and go
// as a whole: so there is room for an hour and a half.
const (
	ringRetention  = 65 * 60
	stretchSeconds = 15 * 60
	ringSeconds    = 6 * stretchSeconds
)

// ring keeps the merged answers of the newest ticks. They tile the 5m, 30m and
// 1h windows exactly and are not revised.
type ring struct {
	interval int64
	at       []int64 // tick of each place; 0: a gap
	counts   []Counts
}

// put enters the answer of a tick, unless that tick or a newer one in its
// place has been answered. It reports whether it did.
func (r *ring) put(tick int64, counts Counts) bool {
	i := r.place(tick)
	if r.at[i] >= tick {
		return false
	}
	r.at[i], r.counts[i] = tick, counts.kept()
	return true
}

// place returns where a tick belongs, and makes places if need be.
func (r *ring) place(tick int64) int64 {
	if r.at == nil {
		n := ringSeconds / r.interval
		r.at, r.counts = make([]int64, n), make([]Counts, n)
	}
	return tick / r.interval % int64(len(r.at))
}

// get returns the answer of a tick, and false where it is a gap.
func (r *ring) get(tick int64) (Counts, bool) {
	if len(r.at) == 0 {
		return Counts{}, false
	}
	i := r.place(tick)
	return r.counts[i], r.at[i] == tick && tick > 0
}

// forget drops the answers of the ticks in (from, to].
func (r *ring) forget(from, to int64) {
	for i, tick := range r.at {
		if tick > from && tick <= to {
			r.at[i], r.counts[i] = 0, Counts{}
		}
	}
}
