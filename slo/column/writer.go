// Package column writes numbers and names in columns, and reads them back bit
// by bit: what a page of the ledger is made of. It knows nothing of ledgers.
//
// A column of numbers is cut into planes: the first byte of every number, then
// the second byte of every number, and so on. Neighbours are alike, so that a
// plane has long runs for a compressor to find, and a plane that is all zero
// is left out. Nothing here compresses.
//
// How many numbers a column has is not written: both sides know it. Whoever
// reads must bound it first.
package column

import (
	"encoding/binary"
	"math"
)

// Writer appends to what will be one page. The zero Writer is ready for use.
type Writer struct{ data []byte }

// Data returns all that was written. It is not to be written to any more.
func (w *Writer) Data() []byte { return w.data }

// Byte writes one byte.
func (w *Writer) Byte(b byte) { w.data = append(w.data, b) }

// Uint writes one number in as few bytes as it needs.
func (w *Writer) Uint(n uint64) { w.data = binary.AppendUvarint(w.data, n) }

// Text writes any string with its length.
func (w *Writer) Text(s string) {
	w.Uint(uint64(len(s)))
	w.data = append(w.data, s...)
}

// Bits writes one bit for each value.
func (w *Writer) Bits(values []bool) {
	start := len(w.data)
	w.data = append(w.data, make([]byte, (len(values)+7)/8)...)
	for i, v := range values {
		if v {
			w.data[start+i/8] |= 1 << (i % 8)
		}
	}
}

// intPlanes and floatPlanes are how many planes a column has at most.
const (
	intPlanes   = 8
	floatPlanes = 9
)

// Ints writes whole numbers as the differences between neighbours: a column
// of equal ones costs next to nothing.
func (w *Writer) Ints(values []int64) {
	var last int64
	w.planes(len(values), intPlanes, func(i int, b *[floatPlanes]byte) {
		d := values[i] - last // wraps around, as it does on the way back
		last = values[i]
		binary.BigEndian.PutUint64(b[:], uint64(d<<1)^uint64(d>>63))
	})
}

// Floats writes numbers of any kind: two planes of sign and exponent, then
// those of the mantissa, so that a number with few digits has few planes.
func (w *Writer) Floats(values []float64) {
	w.planes(len(values), floatPlanes, func(i int, b *[floatPlanes]byte) {
		bits := math.Float64bits(values[i])
		binary.BigEndian.PutUint64(b[1:], bits&mantissa<<mantissaShift)
		binary.BigEndian.PutUint16(b[:], uint16(bits>>mantissaBits))
	})
}

// Sparse writes numbers of any kind of which many are zero: a bit for each that
// is not, and these.
func (w *Writer) Sparse(values []float64) {
	there := make([]bool, len(values))
	some := make([]float64, 0, len(values))
	for i, v := range values {
		if there[i] = math.Float64bits(v) != 0; there[i] {
			some = append(some, v)
		}
	}
	w.Bits(there)
	w.Floats(some)
}

// A float64 is a sign and an exponent of 12 bits, then 52 bits of mantissa,
// which a shift makes start with a whole byte.
const (
	mantissaBits  = 52
	mantissa      = 1<<mantissaBits - 1
	mantissaShift = 4
)

// planes writes which planes there are, and then these. cut is called for each
// number in turn.
func (w *Writer) planes(n, most int, cut func(i int, b *[floatPlanes]byte)) {
	all := make([]byte, n*most)
	var seen, b [floatPlanes]byte
	for i := range n {
		cut(i, &b)
		for p := range most {
			all[p*n+i] = b[p]
			seen[p] |= b[p]
		}
	}
	var mask uint64
	for p := range most {
		if seen[p] != 0 {
			mask |= 1 << p
		}
	}
	w.Uint(mask)
	for p := range most {
		if seen[p] != 0 {
			w.data = append(w.data, all[p*n:(p+1)*n]...)
		}
	}
}
