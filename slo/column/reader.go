package column

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Reader takes apart what a Writer has put together. It takes any bytes: after
// the first thing that cannot be read it keeps the error, and everything it
// returns from then on is zero.
type Reader struct {
	data []byte
	err  error
}

// NewReader reads data, which must not change any more.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// Err returns why reading failed, or nil.
func (r *Reader) Err() error { return r.err }

// Fail makes reading fail, unless it has failed before.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err, r.data = err, nil
	}
}

// End returns why reading failed, and an error when something is left.
func (r *Reader) End() error {
	if len(r.data) > 0 {
		r.Fail(fmt.Errorf("%d bytes too many", len(r.data)))
	}
	return r.err
}

var errShort = errors.New("it is cut short")

// take returns the next n bytes, or nil.
func (r *Reader) take(n int) []byte {
	if r.err == nil && n > len(r.data) {
		r.Fail(errShort)
	}
	if r.err != nil {
		return nil
	}
	taken := r.data[:n:n]
	r.data = r.data[n:]
	return taken
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint reads one number, which is at most most.
func (r *Reader) Uint(most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.data)
	switch {
	case size <= 0:
		r.Fail(errShort)
		return 0
	case n > most:
		r.Fail(fmt.Errorf("a number is %d, and can be %d at most", n, most))
		return 0
	}
	r.data = r.data[size:]
	return n
}

// Count reads how many things follow of which each takes a byte at least.
func (r *Reader) Count() int { return int(r.Uint(uint64(len(r.data)))) }

// Text reads a string.
func (r *Reader) Text() string { return string(r.take(r.Count())) }

// Bits reads a bit for each of n values.
func (r *Reader) Bits(n int) Bits { return Bits{planes: r.take((n + 7) / 8)} }

// Bits is a column of truth values, read one by one.
type Bits struct {
	planes []byte
	at     int
}

// Next returns the next value; false at the end.
func (b *Bits) Next() bool {
	i := b.at
	b.at++
	return i/8 < len(b.planes) && b.planes[i/8]&(1<<(i%8)) != 0
}

// Ints reads a column of n whole numbers.
func (r *Reader) Ints(n int) Ints { return Ints{planes: r.planes(n, intPlanes)} }

// Ints is a column of whole numbers, read one by one.
type Ints struct {
	planes planes
	last   int64
}

// Next returns the next number.
func (c *Ints) Next() int64 {
	b := c.planes.next()
	d := binary.BigEndian.Uint64(b[:])
	c.last += int64(d>>1) ^ -int64(d&1)
	return c.last
}

// Floats reads a column of n numbers.
func (r *Reader) Floats(n int) Floats { return Floats{planes: r.planes(n, floatPlanes)} }

// Floats is a column of numbers, read one by one.
type Floats struct{ planes planes }

// Next returns the next number.
func (c *Floats) Next() float64 {
	b := c.planes.next()
	bits := binary.BigEndian.Uint64(b[1:]) >> mantissaShift & mantissa
	return math.Float64frombits(bits | uint64(binary.BigEndian.Uint16(b[:]))<<mantissaBits)
}

// Sparse reads a column of n numbers of which many are zero.
func (r *Reader) Sparse(n int) Sparse {
	s := Sparse{there: r.Bits(n)}
	there, some := s.there, 0
	for i := 0; i < n && r.err == nil; i++ {
		if there.Next() {
			some++
		}
	}
	s.some = r.Floats(some)
	return s
}

// Sparse is a column of numbers of which many are zero, read one by one.
type Sparse struct {
	there Bits
	some  Floats
}

// Next returns the next number.
func (c *Sparse) Next() float64 {
	if c.there.Next() {
		return c.some.Next()
	}
	return 0
}

// planes are the bytes of a column that has yet to be read; nil where a plane
// was left out.
type planes struct {
	bytes [floatPlanes][]byte
	n, at int
}

// planes finds the planes of a column and sets none of it up: what a column
// claims to hold costs nothing before it is read.
func (r *Reader) planes(n, most int) planes {
	p := planes{n: n}
	mask := r.Uint(1<<most - 1)
	for i := range most {
		if mask&(1<<i) != 0 {
			p.bytes[i] = r.take(n)
		}
	}
	if r.err != nil {
		return planes{}
	}
	return p
}

// next returns the bytes of the next number; zero at the end.
func (p *planes) next() (b [floatPlanes]byte) {
	if p.at >= p.n {
		return b
	}
	for i := range p.bytes {
		if p.bytes[i] != nil {
			b[i] = p.bytes[i][p.at]
		}
	}
	p.at++
	return b
}
