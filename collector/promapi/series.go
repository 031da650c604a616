package promapi

import (
	"maps"
	"slices"
)

// Series is one element of a result: its labels and its points. The ones a [Sink] gets, and every slice taken from them,
// are valid only during the call, and must not be changed.
type Series struct {
	text       []byte // names and values of labels, one after the other
	labels     []label
	points     []Point
	histograms []HistogramPoint
	buckets    []Bucket
}

// label says where in the text a name starts, where it ends and the value starts, and where that ends.
type label struct{ name, value, end int }

// Point is one float sample.
type Point struct {
	T int64   // Unix time in milliseconds
	V float64 // any float: NaN and infinities too
}

// HistogramPoint is one native histogram sample.
type HistogramPoint struct {
	T       int64 // Unix time in milliseconds
	Count   float64
	Sum     float64
	Buckets []Bucket // only the populated ones, in the order of the wire
}

// Bucket is one bucket of a native histogram.
type Bucket struct {
	Boundaries Boundaries
	Lower      float64
	Upper      float64
	Count      float64 // observations in this bucket alone; not cumulative
}

// Boundaries says which bounds of a bucket belong to it.
type Boundaries int

// The boundary rules of Prometheus' API, with its numbers.
const (
	OpenLeft   Boundaries = iota // (lower, upper]
	OpenRight                    // [lower, upper)
	OpenBoth                     // (lower, upper)
	ClosedBoth                   // [lower, upper]
)

// NewSeries makes a series that stays valid, for sources that are no Prometheus: fakes, replays. The points are not copied.
func NewSeries(labels map[string]string, points []Point, histograms []HistogramPoint) *Series {
	s := &Series{points: points, histograms: histograms}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		s.startLabel([]byte(name))
		s.text = append(s.text, labels[name]...)
		s.endLabel()
	}
	return s
}

// Label is the value of a label, "" when missing, as for Prometheus itself. It does not allocate.
func (s *Series) Label(name string) []byte {
	for _, l := range s.labels {
		if string(s.text[l.name:l.value]) == name {
			return s.text[l.value:l.end:l.end]
		}
	}
	return nil
}

// EachLabel calls yield with every label, in the order of the wire. It does not allocate.
func (s *Series) EachLabel(yield func(name, value []byte)) {
	for _, l := range s.labels {
		yield(s.text[l.name:l.value:l.value], s.text[l.value:l.end:l.end])
	}
}

// Points are the float samples in order of time: exactly one for an instant query, unless its sample is a histogram.
func (s *Series) Points() []Point { return s.points }

// Histograms are the native histogram samples, as Points.
func (s *Series) Histograms() []HistogramPoint { return s.histograms }

// reset empties the series and keeps its memory.
func (s *Series) reset() {
	s.resetLabels()
	s.points = s.points[:0]
	s.histograms = s.histograms[:0]
	s.buckets = s.buckets[:0]
}

func (s *Series) resetLabels() {
	s.text = s.text[:0]
	s.labels = s.labels[:0]
}

// startLabel adds a name; the value is then appended to text, and endLabel called.
func (s *Series) startLabel(name []byte) {
	start := len(s.text)
	s.text = append(s.text, name...)
	s.labels = append(s.labels, label{name: start, value: len(s.text)})
}

func (s *Series) endLabel() {
	s.labels[len(s.labels)-1].end = len(s.text)
}
