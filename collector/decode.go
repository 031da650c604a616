package collector

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// span is the instants that an answer is about: one for an instant query.
type span struct {
	start, step int64 // Unix seconds
	n           int
}

func instant(t int64) span { return span{start: t, step: 1, n: 1} }

func (s span) at(i int) int64 { return s.start + int64(i)*s.step }

func (s span) last() int64 { return s.at(s.n - 1) }

// place returns which instant a timestamp in milliseconds is, or -1.
func (s span) place(ms int64) int {
	seconds := ms / 1000
	if s.n == 1 {
		return 0
	}
	if ms%1000 != 0 || seconds < s.start || (seconds-s.start)%s.step != 0 {
		return -1
	}
	if i := (seconds - s.start) / s.step; i < int64(s.n) {
		return int(i)
	}
	return -1
}

// sample is one point of a row, before rows are folded.
type sample struct {
	service, cell int32
	class         class
	tuple         uint64 // of the identity's values
	value         float64
}

// class says what a sample stands for.
type class uint8

const (
	classGood class = iota
	classBad
	classAll
	classWithin // observations within the bound of a histogram
	classValue
	classUp
	classDown
	classes
)

// decoder turns series into samples, instant by instant. It implements
// promapi.Sink and is reset before each attempt.
type decoder struct {
	span      span
	index     *rubric.IdentityIndex
	names     []string // of the identity's labels, in the source's words
	partition string
	source    string
	classify  func(*promapi.Series) (class, bool)

	values    [][]byte
	cells     []string
	cellIndex map[string]int32
	steps     [][]sample
	unmatched int
	native    int // series that are native histograms
	seed      maphash.Seed
}

// Reset implements promapi.Sink.
func (d *decoder) Reset() {
	d.steps = make([][]sample, d.span.n)
	d.cells, d.cellIndex = nil, map[string]int32{}
	d.unmatched, d.native = 0, 0
	d.values = make([][]byte, len(d.names))
	d.seed = maphash.MakeSeed()
}

// Series implements promapi.Sink.
func (d *decoder) Series(s *promapi.Series) error {
	var h maphash.Hash
	h.SetSeed(d.seed)
	for i, name := range d.names {
		d.values[i] = s.Label(name)
		_, _ = h.Write(d.values[i])
		_ = h.WriteByte(0)
	}
	service, ok := d.index.Find(d.values)
	if !ok {
		d.unmatched++
		return nil
	}
	if len(s.Points()) == 0 && len(s.Histograms()) > 0 {
		d.native++
	}
	c, ok := d.classify(s)
	if !ok {
		return nil
	}
	row := sample{service: int32(service), cell: d.cell(s), class: c, tuple: h.Sum64()}
	for _, point := range s.Points() {
		if i := d.span.place(point.T); i >= 0 {
			row.value = point.V
			d.steps[i] = append(d.steps[i], row)
		}
	}
	return nil
}

func (d *decoder) cell(s *promapi.Series) int32 {
	name := d.source
	if d.partition != "" {
		name = string(s.Label(d.partition))
	}
	i, ok := d.cellIndex[name]
	if !ok {
		i = int32(len(d.cells))
		d.cellIndex[name] = i
		d.cells = append(d.cells, name)
	}
	return i
}

// compareSamples orders samples by row, and within it so that sums do not
// depend on the order of the wire.
func compareSamples(a, b sample) int {
	return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.cell, b.cell),
		cmp.Compare(a.class, b.class), cmp.Compare(a.value, b.value))
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

// sums adds up the samples of a row by class.
type sums struct {
	value [classes]float64
	count [classes]int
	fault *slo.Fault
}

func sumUp(samples []sample) sums {
	var s sums
	for _, x := range samples {
		s.value[x.class] += x.value
		s.count[x.class]++
		if math.IsNaN(x.value) || math.IsInf(x.value, 0) {
			s.fault = &slo.Fault{Reason: slo.InvalidData, Detail: "the answer holds " + strconv.FormatFloat(x.value, 'g', -1, 64)}
		}
	}
	return s
}

// countedRow makes the row of a counted question of all its samples. ok is
// false when they are no row: bad events of another metric, none of them, and
// no total.
func countedRow(check *rubric.Check, samples []sample) (row slo.Row, ok bool) {
	row = slo.Row{Service: samples[0].service, Cell: samples[0].cell}
	s := sumUp(samples)
	if row.Fault = s.fault; row.Fault != nil {
		return row, true
	}
	bad, total := s.value[classBad], s.value[classBad]+s.value[classGood]
	switch {
	case check.Histogram != nil && s.count[classWithin] == 0:
		row.Fault = &slo.Fault{Reason: slo.NoSuchBucket, Detail: missingBound(check.Histogram, nil)}
		return row, true
	case check.Histogram != nil && s.count[classAll] == 0:
		row.Fault = &slo.Fault{Reason: slo.InvalidData, Detail: check.Histogram.Metric + " has no +Inf bucket"}
		return row, true
	case check.Histogram != nil:
		bad, total = s.value[classAll]-s.value[classWithin], s.value[classAll]
	case check.Events.BadOf != nil:
		bad, total = s.value[classBad], s.value[classAll]
		if bad <= 0 && s.count[classAll] == 0 {
			return row, false
		}
	}
	counts, valid := slo.NewCounts(bad, total)
	if !valid {
		row.Fault = &slo.Fault{Reason: slo.InvalidData, Detail: fmt.Sprintf("%g bad events of %g cannot be", bad, total)}
	}
	row.Counts = counts
	return row, true
}

// missingBound explains that a histogram lacks the bound, with the nearest
// ones where they are known.
func missingBound(h *rubric.Histogram, bounds []float64) string {
	text := fmt.Sprintf("%s has no bucket with the bound %g", h.Metric, h.Threshold)
	below, above := math.Inf(-1), math.Inf(1)
	for _, b := range bounds {
		if b < h.Threshold {
			below = math.Max(below, b)
		} else {
			above = math.Min(above, b)
		}
	}
	var nearest []string
	for _, b := range []float64{below, above} {
		if !math.IsInf(b, 0) {
			nearest = append(nearest, strconv.FormatFloat(b, 'g', -1, 64))
		}
	}
	if len(nearest) > 0 {
		text += "; the nearest are " + strings.Join(nearest, " and ")
	}
	return text
}

// gaugeRow makes the row of a value question. Several samples under one tuple
// are ambiguous; several tuples of one service are merged as cells are.
func gaugeRow(check *rubric.Check, samples []sample) slo.Row {
	row := slo.Row{Service: samples[0].service, Cell: samples[0].cell}
	s := sumUp(samples)
	row.Fault = s.fault
	if row.Fault != nil {
		return row
	}
	tuples := make(map[uint64]bool, 1)
	for _, x := range samples {
		if tuples[x.tuple] {
			row.Fault = &slo.Fault{Reason: slo.Ambiguous, Detail: fmt.Sprintf("the query gives %d rows for one identity: aggregate by ($identity)", len(samples))}
			return row
		}
		tuples[x.tuple] = true
	}
	lowest, highest := samples[0].value, samples[len(samples)-1].value
	switch across := check.Value.Across; {
	case across == rubric.Sum:
		row.Value = s.value[classValue]
	case across == rubric.Mean:
		row.Value = s.value[classValue] / float64(len(samples))
	case (across == rubric.Best) == (check.Op == rubric.AtMost):
		row.Value = lowest
	default:
		row.Value = highest
	}
	return row
}

// targetRow counts the targets of a service in a cell.
func targetRow(samples []sample) slo.TargetRow {
	s := sumUp(samples)
	row := slo.TargetRow{Service: samples[0].service, Cell: samples[0].cell}
	if s.fault == nil {
		row.Up, row.Down = int32(s.value[classUp]), int32(s.value[classDown])
	}
	return row
}

// classifier returns how a query's rows become samples of a question.
func classifier(d dialect, q question, r role) func(*promapi.Series) (class, bool) {
	switch r {
	case roleTotal:
		return always(classAll)
	case roleBad:
		return always(classBad)
	case roleGauge:
		return always(classValue)
	case roleBuckets:
		return bucketClass(q.check.Histogram.Threshold)
	}
	matchers := q.check.Events.Bad
	names := make([]string, len(matchers))
	for i, m := range matchers {
		names[i] = d.label(m.Name)
	}
	return func(s *promapi.Series) (class, bool) {
		for i, m := range matchers {
			if !m.Matches(string(s.Label(names[i]))) {
				return classGood, true
			}
		}
		return classBad, true
	}
}

func always(c class) func(*promapi.Series) (class, bool) {
	return func(*promapi.Series) (class, bool) { return c, true }
}

// bucketClass matches le as a number.
func bucketClass(threshold float64) func(*promapi.Series) (class, bool) {
	return func(s *promapi.Series) (class, bool) {
		le, err := strconv.ParseFloat(string(s.Label(model.BucketLabel)), 64)
		switch {
		case err != nil:
			return 0, false
		case math.IsInf(le, 1):
			return classAll, true
		}
		return classWithin, le == threshold
	}
}

// targetClass reads whether the targets of a row are up. A presence query of
// the author's own has no such label: it counts targets that are there.
func targetClass(s *promapi.Series) (class, bool) {
	if string(s.Label(upLabel)) == "0" {
		return classDown, true
	}
	return classUp, true
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// lacksBound reports whether a histogram's rows have none within its bound.
func (d *decoder) lacksBound() bool {
	all, within := 0, 0
	for _, step := range d.steps {
		for _, x := range step {
			switch x.class {
			case classAll:
				all++
			case classWithin:
				within++
			}
		}
	}
	return within < all
}

// boundsSink collects the bounds of a histogram.
type boundsSink struct{ bounds []float64 }

// Reset implements promapi.Sink.
func (b *boundsSink) Reset() { b.bounds = nil }

// Series implements promapi.Sink.
func (b *boundsSink) Series(s *promapi.Series) error {
	if le, err := strconv.ParseFloat(string(s.Label(model.BucketLabel)), 64); err == nil && !math.IsInf(le, 0) {
		b.bounds = append(b.bounds, le)
	}
	return nil
}
