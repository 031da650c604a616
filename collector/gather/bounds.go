package gather

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// boundsMemory remembers which bounds histograms have, so that a missing one
// can be explained. A histogram is asked about again after a while: instruments
// change.
type boundsMemory struct {
	mu     sync.Mutex
	bounds map[*rubric.Histogram]knownBounds
}

// boundsMemoryTime is how long bounds are taken for true.
const boundsMemoryTime = time.Hour

type knownBounds struct {
	bounds []float64 // at least one
	since  time.Time
}

// get returns what was found last, and whether that is new enough.
func (m *boundsMemory) get(h *rubric.Histogram) (bounds []float64, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.bounds[h]
	return k.bounds, ok && time.Since(k.since) < boundsMemoryTime
}

// put remembers bounds. That there are none is not remembered: they may come.
func (m *boundsMemory) put(h *rubric.Histogram, bounds []float64) {
	if len(bounds) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bounds == nil {
		m.bounds = map[*rubric.Histogram]knownBounds{}
	}
	m.bounds[h] = knownBounds{bounds, time.Now()}
}

func (m *boundsMemory) explain(h *rubric.Histogram, rows []slo.Row) {
	bounds, _ := m.get(h)
	for i := range rows {
		if f := rows[i].Fault; f != nil && f.Reason == slo.NoSuchBucket {
			f.Detail += nearestBounds(h, bounds)
		}
	}
}

// explainBounds asks for the bounds of histograms, of some of those services
// whose own bound nobody has.
func (a *asker) explainBounds(ctx context.Context, answers []*answer) {
	for _, ans := range answers {
		for i, f := range ans.query.Feeds {
			if f.Role != question.RoleBuckets || ans.fault != nil {
				continue
			}
			h := a.plan.Questions[f.Question].Check.Histogram
			if _, fresh := a.bounds.get(h); fresh {
				continue
			}
			lacking := ans.decoders[i].lackingBound()
			if len(lacking) == 0 {
				continue
			}
			expr := a.plan.Bounds(a.dialect(), f.Identity, lacking[:min(len(lacking), mostExplained)], h)
			sink := &boundsSink{}
			at := time.Unix(ans.decoders[i].span.Last(), 0).UTC()
			if _, err := a.Client.Query(ctx, promapi.Query{Expr: expr, Time: at}, sink); err == nil {
				a.bounds.put(h, sink.bounds)
			}
		}
	}
}

// mostExplained is how many services are asked about to explain a bound that
// is missing: they are likely to be alike.
const mostExplained = 20

// missingBound explains that a histogram lacks the bound.
func missingBound(h *rubric.Histogram) string {
	return fmt.Sprintf("%s has no bucket with the bound %g", h.Metric, h.Threshold)
}

// missingBoundOfSome explains that some series of a histogram lack the bound.
func missingBoundOfSome(h *rubric.Histogram) string {
	return fmt.Sprintf("some series of %s have no bucket with the bound %g, and others have: do several versions run?", h.Metric, h.Threshold)
}

// nearestBounds names the bounds next to the one that is missing, "" where none
// are known.
func nearestBounds(h *rubric.Histogram, bounds []float64) string {
	below, above := math.Inf(-1), math.Inf(1)
	for _, b := range bounds {
		switch {
		case b < h.Threshold:
			below = math.Max(below, b)
		case b > h.Threshold:
			above = math.Min(above, b)
		}
	}
	var nearest []string
	for _, b := range []float64{below, above} {
		if !math.IsInf(b, 0) {
			nearest = append(nearest, strconv.FormatFloat(b, 'g', -1, 64))
		}
	}
	if len(nearest) == 0 {
		return ""
	}
	return "; the nearest are " + strings.Join(nearest, " and ")
}

// lackingBound returns the services, in order, that have rows at the newest
// instant, and series without the bound of the histogram, or no other.
func (d *decoder) lackingBound() []int {
	within, lacking := map[int32]bool{}, map[int32]bool{}
	newest := d.steps[len(d.steps)-1]
	for _, x := range newest {
		within[x.service] = within[x.service] || x.class == classWithin
	}
	for _, x := range newest {
		if x.class == classLacking || x.class == classAll && !within[x.service] {
			lacking[x.service] = true
		}
	}
	var services []int
	for service := range lacking {
		services = append(services, int(service))
	}
	slices.Sort(services)
	return services
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
