package gather

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
)

// sample is one point of a row, before rows are folded.
type sample struct {
	service, cell int32
	class         class
	tuple         uint64 // of the identity's values, or of all labels: see decoder.whole
	value         float64
}

// class says what a sample stands for.
type class uint8

const (
	classGood class = iota
	classBad
	classAll
	classWithin  // observations within the bound of a histogram
	classLacking // series of a histogram without the bound
	classNativeAll
	classNativeWithin
	classValue
	classUp
	classDown
	classPresent // targets that are up, of which 0 are some that are down
	classes
)

// decoder turns series into samples, instant by instant. It is reset before
// each attempt.
type decoder struct {
	span      question.Span
	index     *rubric.IdentityIndex
	names     []string // of the identity's labels, in the source's words
	partition string
	source    []byte
	classify  func(*promapi.Series) (class, bool)
	threshold *float64 // of a histogram's SLI; nil: native histograms mean nothing
	// whole says that rows are told apart by all labels, since those of one
	// identity are added up; otherwise by the identity alone.
	whole bool
	// cellwise says that rows are about cells, and name no service.
	cellwise bool

	values    [][]byte
	cells     []string
	cellIndex map[string]int32
	steps     [][]sample
	unmatched int
	tuples    map[uint64]struct{} // of all rows, by identity and cell; nil: not counted
	rows      int                 // with tuples alone
	misplaced int                 // points of an instant that was not asked about
	seed      maphash.Seed
}

// Reset forgets whatever an attempt has brought.
func (d *decoder) Reset() {
	d.steps = make([][]sample, d.span.N)
	d.cells, d.cellIndex = nil, map[string]int32{}
	d.unmatched, d.misplaced, d.rows = 0, 0, 0
	clear(d.tuples)
	d.values = make([][]byte, len(d.names))
	d.seed = maphash.MakeSeed()
}

// add takes the samples of one series in.
func (d *decoder) add(s *promapi.Series) {
	var h maphash.Hash
	h.SetSeed(d.seed)
	for i, name := range d.names {
		d.values[i] = s.Label(name)
		_, _ = h.Write(d.values[i])
		_ = h.WriteByte(0)
	}
	tuple := h.Sum64()
	if d.tuples != nil {
		d.rows++
		_, _ = h.Write(s.Label(d.partition))
		d.tuples[h.Sum64()] = struct{}{}
	}
	service, ok := d.index.Find(d.values)
	if d.cellwise {
		service, ok = wholeCell, true
	}
	if !ok {
		d.unmatched++
		return
	}
	if d.whole {
		tuple = d.hashOf(s)
	}
	if d.threshold != nil {
		d.addNative(int32(service), tuple, s)
	}
	c, ok := d.classify(s)
	if !ok {
		return
	}
	row := sample{service: int32(service), cell: d.cell(s), class: c, tuple: tuple}
	for _, point := range s.Points() {
		i := d.span.Place(point.T)
		if i < 0 {
			d.misplaced++
			continue
		}
		row.value = point.V
		d.steps[i] = append(d.steps[i], row)
	}
}

// hashOf returns a hash of all labels of a series, whatever their order.
func (d *decoder) hashOf(s *promapi.Series) uint64 {
	var sum uint64
	var h maphash.Hash
	h.SetSeed(d.seed)
	s.EachLabel(func(name, value []byte) {
		h.Reset()
		_, _ = h.Write(name)
		_ = h.WriteByte(0)
		_, _ = h.Write(value)
		sum += h.Sum64()
	})
	return sum
}

// addNative takes the samples of a native histogram in.
func (d *decoder) addNative(service int32, tuple uint64, s *promapi.Series) {
	for _, point := range s.Histograms() {
		i := d.span.Place(point.T)
		if i < 0 {
			d.misplaced++
			continue
		}
		row := sample{service: service, cell: d.cell(s), tuple: tuple}
		row.class, row.value = classNativeAll, point.Count
		d.steps[i] = append(d.steps[i], row)
		row.class, row.value = classNativeWithin, nativeWithin(point, *d.threshold)
		d.steps[i] = append(d.steps[i], row)
	}
}

// cell returns the number of the cell that a series belongs to: that of its
// partition, or of the source itself where it has none.
func (d *decoder) cell(s *promapi.Series) int32 {
	var name []byte
	if d.partition != "" {
		name = s.Label(d.partition)
	}
	if len(name) == 0 {
		name = d.source
	}
	i, ok := d.cellIndex[string(name)]
	if !ok {
		i = int32(len(d.cells))
		d.cellIndex[string(name)] = i
		d.cells = append(d.cells, string(name))
	}
	return i
}

// compareSamples orders samples by row, and within it so that sums do not
// depend on the order of the wire.
func compareSamples(a, b sample) int {
	switch {
	case a.service != b.service:
		return cmp.Compare(a.service, b.service)
	case a.cell != b.cell:
		return cmp.Compare(a.cell, b.cell)
	case a.class != b.class:
		return cmp.Compare(a.class, b.class)
	}
	return cmp.Compare(a.value, b.value)
}

// groups calls yield with the samples of each service and cell of an instant.
func groups(samples []sample, yield func([]sample)) {
	slices.SortFunc(samples, compareSamples)
	for len(samples) > 0 {
		n := 1
		for n < len(samples) && samples[n].service == samples[0].service && samples[n].cell == samples[0].cell {
			n++
		}
		yield(samples[:n])
		samples = samples[n:]
	}
}
