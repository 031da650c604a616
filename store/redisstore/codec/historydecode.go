package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
)

// DecodeHistory returns the history of a payload. It takes no more memory than
// a small multiple of the payload's length.
func DecodeHistory(payload []byte) (*History, error) {
	d := historyDecoder{rest: payload, out: NewHistory()}
	d.readTicks()
	d.readTexts()
	d.readSeries()
	d.readRuns()
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes follow the end", len(d.rest))
	}
	if d.err != nil {
		return nil, fmt.Errorf("decode a history: %w: %w", d.err, ErrCorrupt)
	}
	return d.out, nil
}

// historyDecoder reads what a historyEncoder wrote. Its first error sticks.
type historyDecoder struct {
	rest   []byte
	out    *History
	texts  []string
	keys   []scorecard.Key
	counts []int // of runs, by series
	err    error
}

func (d *historyDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// uint reads a number of at most max.
func (d *historyDecoder) uint(limit uint64, what string) uint64 {
	if d.err != nil {
		return 0
	}
	x, n := binary.Uvarint(d.rest)
	switch {
	case n <= 0:
		d.fail("it ends before %s", what)
		return 0
	case x > limit:
		d.fail("%s is %d, but at most %d is possible", what, x, limit)
		return 0
	}
	d.rest = d.rest[n:]
	return x
}

// count reads how many items follow, each of which takes some bytes at least.
func (d *historyDecoder) count(bytesEach int, what string) int {
	n := int(d.uint(uint64(len(d.rest)), what))
	if n > len(d.rest)/bytesEach {
		d.fail("%s is %d, but it ends before", what, n)
		return 0
	}
	return n
}

// column reads a number of at most limit for each of n rows.
func (d *historyDecoder) column(n int, limit uint64, what string) []uint64 {
	if d.err != nil || n > len(d.rest) {
		d.fail("it ends before %s", what)
		return nil
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = d.uint(limit, what)
	}
	return list
}

func (d *historyDecoder) readTicks() {
	n := d.count(1, "the count of ticks")
	if uint64(n) > math.MaxUint32 {
		d.fail("it has %d ticks", n)
	}
	before := int64(0)
	for _, distance := range d.column(n, maxTick, "a tick") {
		if distance == 0 || before+int64(distance) > maxTick {
			d.fail("a tick of it is out of order")
			return
		}
		before += int64(distance)
		d.out.ticks = append(d.out.ticks, before)
	}
}

func (d *historyDecoder) readTexts() {
	n := d.count(1, "the count of texts")
	d.texts = make([]string, 0, n)
	for range n {
		length := d.count(1, "the length of a text")
		if d.err != nil {
			return
		}
		d.texts = append(d.texts, string(d.rest[:length]))
		d.rest = d.rest[length:]
	}
}

func (d *historyDecoder) text(index uint64) string {
	if index >= uint64(len(d.texts)) {
		d.fail("it refers to text %d of %d", index, len(d.texts))
		return ""
	}
	return d.texts[index]
}

func (d *historyDecoder) readSeries() {
	n := d.count(4, "the count of series")
	rubrics := d.column(n, math.MaxUint32, "a rubric")
	namespaces := d.column(n, math.MaxUint32, "a namespace")
	names := d.column(n, math.MaxUint32, "a name")
	counts := d.column(n, math.MaxUint32, "a count of runs")
	if d.err != nil {
		return
	}
	for i := range n {
		key := scorecard.Key{Rubric: d.text(rubrics[i]), Service: catalog.ID{Namespace: d.text(namespaces[i]), Name: d.text(names[i])}}
		switch {
		case i > 0 && compareKeys(d.keys[i-1], key) >= 0:
			d.fail("its series are out of order")
		case counts[i] == 0:
			d.fail("a series of it is empty")
		}
		if d.err != nil {
			return
		}
		d.keys, d.counts = append(d.keys, key), append(d.counts, int(counts[i]))
	}
}

// runBytes is what a run takes at least: three numbers, coverage and score.
const runBytes = 3 + 2 + 8

func (d *historyDecoder) readRuns() {
	n := d.count(runBytes, "the count of runs")
	total := 0
	for _, count := range d.counts {
		total += count
	}
	if total != n {
		d.fail("its series have %d runs, but it has %d", total, n)
	}
	ticks := uint64(len(d.out.ticks))
	gaps := d.column(n, ticks, "the gap before a run")
	lengths := d.column(n, ticks, "the length of a run")
	levels := d.column(n, math.MaxUint32, "a level")
	coverages, scores := d.planes(2, n), d.planes(8, n)
	row := 0
	for i, key := range d.keys {
		if d.err != nil {
			return
		}
		s := &series{runs: make([]run, 0, d.counts[i])}
		var before run
		for range d.counts[i] {
			r := run{first: before.end() + uint32(gaps[row]), count: uint32(lengths[row]) + 1}
			if uint64(before.end())+gaps[row]+lengths[row]+1 > ticks {
				d.fail("a run of it goes beyond its ticks")
				return
			}
			r.mark = d.mark(before.mark, levels[row], coverages.get(row), scores.get(row))
			s.push(r)
			before = r
			row++
		}
		d.out.series[key] = s
	}
}

func (d *historyDecoder) planes(width, rows int) planes {
	if d.err != nil || width*rows > len(d.rest) {
		d.fail("it ends within a column")
		return planes{}
	}
	p := planes{data: d.rest[:width*rows], width: width, rows: rows}
	d.rest = d.rest[width*rows:]
	return p
}

// mark puts a mark together, which is stored as the difference from the one
// before.
func (d *historyDecoder) mark(before mark, level, coverage, score uint64) mark {
	m := mark{score: before.score ^ score, coverage: before.coverage ^ uint16(coverage)}
	number, err := d.out.levelNumber(d.text(level))
	x := math.Float64frombits(m.score)
	switch {
	case err != nil:
		d.err = errors.Join(d.err, err)
	case m.coverage > history.PackCoverage(1):
		d.fail("a coverage of it is %d ten-thousandths", m.coverage)
	case math.IsInf(x, 0) || math.IsNaN(x) && m.score != scoreBits(nil):
		d.fail("a score of it is no number that is stored")
	}
	m.level = number
	return m
}
