package memstore

import "sort"

// point is one scorecard at one tick. It takes 16 bytes.
type point struct {
	score float64 // exact, so that a score reads back as it was given; NaN is unknown
	// at is the tick in whole seconds since 1970, good until 2106. Of several
	// ticks within one second the last is kept.
	at       uint32
	coverage uint16 // in ten-thousandths: 0.8 reads back as 0.8, which a float32 would not
	level    uint16 // in the levels of the history; 0 is none
}

// ring holds points in the order of their time. Points come in at the end and
// leave at the front, without moving the others.
type ring struct {
	buf  []point
	head int // of the oldest point in buf
	n    int
}

// get returns the i-th oldest point.
func (r *ring) get(i int) *point {
	i += r.head
	if i >= len(r.buf) {
		i -= len(r.buf)
	}
	return &r.buf[i]
}

// push adds the newest point. The buffer doubles up to bound, which is how
// many points are expected in the end, and grows slowly beyond it.
func (r *ring) push(p point, bound int) {
	if r.n == len(r.buf) {
		r.grow(bound)
	}
	r.n++
	*r.get(r.n - 1) = p
}

func (r *ring) grow(bound int) {
	size := min(max(4, 2*r.n), bound)
	if size <= r.n {
		size = r.n + r.n/8 + 1
	}
	buf := make([]point, size)
	for i := range r.n {
		buf[i] = *r.get(i)
	}
	r.buf, r.head = buf, 0
}

// dropUntil forgets the points at or before sec; an empty ring gives its
// memory back.
func (r *ring) dropUntil(sec int64) {
	for r.n > 0 && int64(r.get(0).at) <= sec {
		r.n--
		r.head++
		if r.head == len(r.buf) {
			r.head = 0
		}
	}
	if r.n == 0 {
		*r = ring{}
	}
}

// countUntil returns how many points are at or before sec.
func (r *ring) countUntil(sec int64) int {
	return sort.Search(r.n, func(i int) bool { return int64(r.get(i).at) > sec })
}
