package rubrictest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds the series of one source for the query engine. It is immutable.
type memory struct {
	byName map[string][]*stored
	all    []*stored
}

// stored is a series with the times of its samples.
type stored struct {
	labels  labels.Labels
	samples samples
}

// newMemory gives samples their times: the first is at zero, the others follow.
func newMemory(list []*series, zero time.Time, every time.Duration) *memory {
	m := &memory{byName: map[string][]*stored{}}
	for _, s := range list {
		st := &stored{labels: s.labels}
		for i, v := range s.values {
			if !v.omitted {
				st.samples = append(st.samples, sample{zero.Add(time.Duration(i) * every).UnixMilli(), v.number, v.histogram})
			}
		}
		m.all = append(m.all, st)
	}
	slices.SortFunc(m.all, func(a, b *stored) int { return labels.Compare(a.labels, b.labels) })
	for _, st := range m.all {
		name := st.labels.Get(model.MetricNameLabel)
		m.byName[name] = append(m.byName[name], st)
	}
	return m
}

var (
	_ storage.Queryable = (*memory)(nil)
	_ storage.Querier   = (*view)(nil)
)

// Querier implements storage.Queryable.
func (m *memory) Querier(mint, maxt int64) (storage.Querier, error) { return &view{m, mint, maxt}, nil }

// view is a memory within a range of time, both ends inclusive.
type view struct {
	memory     *memory
	mint, maxt int64
}

// Select implements storage.Querier. The series are always sorted.
func (v *view) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, st := range v.candidates(matchers) {
		if !matches(st.labels, matchers) {
			continue
		}
		if in := st.samples.within(v.mint, v.maxt); len(in) > 0 {
			set.series = append(set.series, &stored{st.labels, in})
		}
	}
	return set
}

// candidates returns the series that may match: by their name, where that is given.
func (v *view) candidates(matchers []*labels.Matcher) []*stored {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return v.memory.byName[m.Value]
		}
	}
	return v.memory.all
}

func matches(ls labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues implements storage.Querier. The query engine does not ask.
func (v *view) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier. The query engine does not ask.
func (v *view) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (v *view) Close() error { return nil }

// seriesSet walks over series.
type seriesSet struct {
	series []*stored
	at     int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// Labels implements storage.Series.
func (st *stored) Labels() labels.Labels { return st.labels }

// Iterator implements storage.Series.
func (st *stored) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	return storage.NewListSeriesIteratorWithCopy(st.samples) // the engine calculates in what it is given
}

// samples are in order of time.
type samples []sample

// Get implements storage.Samples.
func (s samples) Get(i int) chunks.Sample { return &s[i] }

// Len implements storage.Samples.
func (s samples) Len() int { return len(s) }

func (s samples) within(mint, maxt int64) samples {
	first, _ := slices.BinarySearchFunc(s, mint, sample.compare)
	end, _ := slices.BinarySearchFunc(s, maxt+1, sample.compare)
	return s[first:max(first, end)]
}

// sample is a float or a histogram at a time.
type sample struct {
	t int64
	v float64
	h *histogram.FloatHistogram
}

func (s sample) compare(t int64) int { return cmp.Compare(s.t, t) }

// What follows implements chunks.Sample.

func (s *sample) T() int64                      { return s.t }
func (s *sample) ST() int64                     { return 0 }
func (s *sample) F() float64                    { return s.v }
func (s *sample) H() *histogram.Histogram       { return nil }
func (s *sample) FH() *histogram.FloatHistogram { return s.h }

// Type tells floats and histograms apart.
func (s *sample) Type() chunkenc.ValueType {
	if s.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// Copy returns a sample that shares nothing with this one.
func (s *sample) Copy() chunks.Sample {
	c := *s
	if c.h != nil {
		c.h = c.h.Copy()
	}
	return &c
}
