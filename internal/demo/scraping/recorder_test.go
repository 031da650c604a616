package scraping

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// sample is what a storage was given. A staleness marker is told by stale.
type sample struct {
	labels string
	at     int64
	value  float64
	stale  bool
	ref    storage.SeriesRef // as given, 0 if the scraper did not know the series
}

// recorder is a storage that keeps what is committed, in order.
type recorder struct {
	mu      sync.Mutex
	samples []sample
	refs    map[string]storage.SeriesRef
	newest  map[string]int64
}

func (r *recorder) AppenderV2(context.Context) storage.AppenderV2 { return &recording{recorder: r} }

// of returns the samples of the series whose labels have the prefix, such as `{__name__="up"`.
func (r *recorder) of(name string) []sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.samples), func(s sample) bool {
		return !strings.HasPrefix(s.labels, `{__name__="`+name+`"`)
	})
}

// values returns the values of a name's samples, a staleness marker as -1.
func (r *recorder) values(name string) []float64 {
	var found []float64
	for _, s := range r.of(name) {
		if s.stale {
			s.value = -1
		}
		found = append(found, s.value)
	}
	return found
}

type recording struct {
	*recorder
	pending []sample
}

func (r *recording) Append(
	ref storage.SeriesRef, set labels.Labels, _, t int64, v float64,
	h *histogram.Histogram, fh *histogram.FloatHistogram, _ storage.AOptions,
) (storage.SeriesRef, error) {
	if h != nil || fh != nil {
		return 0, errors.New("native histograms were not asked for")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refs == nil {
		r.refs, r.newest = map[string]storage.SeriesRef{}, map[string]int64{}
	}
	key := set.String()
	if newest, ok := r.newest[key]; ok && t <= newest {
		return 0, storage.ErrOutOfOrderSample
	}
	r.pending = append(r.pending, sample{labels: key, at: t, value: v, stale: value.IsStaleNaN(v), ref: ref})
	if r.refs[key] == 0 {
		r.refs[key] = storage.SeriesRef(len(r.refs) + 1)
	}
	if ref != 0 && ref != r.refs[key] {
		return 0, errors.New("the reference is another series'")
	}
	return r.refs[key], nil
}

func (r *recording) Commit() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.pending {
		r.newest[s.labels] = s.at
	}
	r.samples = append(r.samples, r.pending...)
	return nil
}

func (r *recording) Rollback() error { return nil }
