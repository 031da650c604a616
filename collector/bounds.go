package collector

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// boundsMemory remembers which bounds histograms have, so that a missing one
// can be explained. A histogram is asked about once.
type boundsMemory struct {
	mu     sync.Mutex
	bounds map[*rubric.Histogram][]float64
}

func (m *boundsMemory) get(h *rubric.Histogram) ([]float64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.bounds[h]
	return b, ok
}

func (m *boundsMemory) put(h *rubric.Histogram, bounds []float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bounds == nil {
		m.bounds = map[*rubric.Histogram][]float64{}
	}
	m.bounds[h] = bounds
}

func (m *boundsMemory) explain(h *rubric.Histogram, rows []slo.Row) {
	bounds, _ := m.get(h)
	for i := range rows {
		if f := rows[i].Fault; f != nil && f.Reason == slo.NoSuchBucket {
			f.Detail = missingBound(h, bounds)
		}
	}
}

// explainBounds asks for the bounds of histograms whose own bound nobody has.
func (a *asker) explainBounds(ctx context.Context, answers []*answer) {
	for _, ans := range answers {
		for i, f := range ans.query.feeds {
			if f.role != roleBuckets || ans.fault != nil || !ans.decoders[i].lacksBound() {
				continue
			}
			h := a.plan.questions[f.question].check.Histogram
			if _, known := a.bounds.get(h); known {
				continue
			}
			w := writer{dialect: a.dialect()}
			sink := &boundsSink{}
			at := time.Unix(ans.decoders[i].span.last(), 0).UTC()
			if _, err := a.Client.Query(ctx, promapi.Query{Expr: w.bounds(h), Time: at}, sink); err == nil {
				a.bounds.put(h, sink.bounds)
			}
		}
	}
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
