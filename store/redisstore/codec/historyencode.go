package codec

import (
	"encoding/binary"

	"github.com/apgarhq/apgar/scorecard"
)

// The payload of a history, where all counts, lengths, indexes and numbers are
// unsigned varints and columns follow each other:
//
//	ticks:   their count, the first, and the distance of each from the one before
//	texts:   their count, and the length and the bytes of each
//	series:  their count, and columns by series, sorted by key:
//	         the indexes of rubric, namespace and name in the texts; the count of runs
//	runs:    their count, and columns by run, series after series:
//	         ticks without a point before it; ticks that it lasts, less one;
//	         index of the level in the texts;
//	         coverage and score, each xor that of the run before in the series,
//	         big-endian, in planes: the first bytes of all, then the second ones
//
// What changes seldom gives zeros in long rows, which compression takes away.

// Encode returns the payload of the history. Equal histories give the same
// bytes, however they came about.
func (h *History) Encode() []byte {
	e := historyEncoder{History: h, keys: h.Keys(), index: map[string]uint64{}}
	for _, key := range e.keys {
		e.runs += len(h.series[key].runs)
	}
	e.buf = make([]byte, 0, 64+2*len(h.ticks)+32*len(e.keys)+14*e.runs)
	e.uint(uint64(len(h.ticks)))
	before := int64(0)
	for _, tick := range h.ticks {
		e.uint(uint64(tick - before))
		before = tick
	}
	e.textTable()
	e.seriesColumns()
	e.runColumns()
	return e.buf
}

type historyEncoder struct {
	*History
	keys  []scorecard.Key
	runs  int
	texts []string
	index map[string]uint64 // of texts
	buf   []byte
}

func (e *historyEncoder) uint(x uint64) { e.buf = binary.AppendUvarint(e.buf, x) }

// textTable collects all texts in the order of their first use.
func (e *historyEncoder) textTable() {
	add := func(text string) {
		if _, ok := e.index[text]; !ok {
			e.index[text] = uint64(len(e.texts))
			e.texts = append(e.texts, text)
		}
	}
	for _, key := range e.keys {
		add(key.Rubric)
		add(key.Service.Namespace)
		add(key.Service.Name)
		for _, r := range e.series[key].runs {
			add(e.levels[r.level])
		}
	}
	e.uint(uint64(len(e.texts)))
	for _, text := range e.texts {
		e.uint(uint64(len(text)))
		e.buf = append(e.buf, text...)
	}
}

func (e *historyEncoder) seriesColumns() {
	e.uint(uint64(len(e.keys)))
	for _, key := range e.keys {
		e.uint(e.index[key.Rubric])
	}
	for _, key := range e.keys {
		e.uint(e.index[key.Service.Namespace])
	}
	for _, key := range e.keys {
		e.uint(e.index[key.Service.Name])
	}
	for _, key := range e.keys {
		e.uint(uint64(len(e.series[key].runs)))
	}
}

func (e *historyEncoder) runColumns() {
	e.uint(uint64(e.runs))
	e.each(func(before, r run, _ int) { e.uint(uint64(r.first - before.end())) })
	e.each(func(_, r run, _ int) { e.uint(uint64(r.count - 1)) })
	e.each(func(_, r run, _ int) { e.uint(e.index[e.levels[r.level]]) })
	coverage := e.planes(2)
	e.each(func(before, r run, n int) { coverage.put(n, uint64(r.coverage^before.coverage)) })
	score := e.planes(8)
	e.each(func(before, r run, n int) { score.put(n, r.score^before.score) })
}

// each calls f for each run, with the one before it in its series (nothing
// before the first) and its place among all.
func (e *historyEncoder) each(f func(before, r run, n int)) {
	n := 0
	for _, key := range e.keys {
		var before run
		for _, r := range e.series[key].runs {
			f(before, r, n)
			before = r
			n++
		}
	}
}

// planes makes room for a column of numbers of so many bytes each.
func (e *historyEncoder) planes(width int) planes {
	at := len(e.buf)
	e.buf = append(e.buf, make([]byte, width*e.runs)...)
	return planes{data: e.buf[at:], width: width, rows: e.runs}
}

// planes is a column of big-endian numbers: the first bytes of all, then the
// second ones.
type planes struct {
	data        []byte
	width, rows int
}

func (p planes) put(row int, x uint64) {
	for i := range p.width {
		p.data[i*p.rows+row] = byte(x >> (8 * (p.width - 1 - i)))
	}
}

func (p planes) get(row int) uint64 {
	var x uint64
	for i := range p.width {
		x = x<<8 | uint64(p.data[i*p.rows+row])
	}
	return x
}
