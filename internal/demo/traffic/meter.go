package traffic

import (
	"math"
	"slices"
	"time"
)

// Meter reads the counters of one instance. It is immutable: when an Episode is added, a new Meter is made, which reads
// the same at every time before that episode begins.
type Meter struct {
	load  Load
	start float64
	spans []span
}

// span is a stretch of constant behaviour, with the state of every counter at its beginning.
type span struct {
	from        float64 // seconds since 1970
	descriptors float64
	version     string
	failed      thinning
	notFound    thinning
	slower      [BucketCount - 1]thinning // requests slower than bound k, among those slower than bound k−1
	slowRatio   float64
}

// thinning picks a share of a growing number of parents, evenly. As the share is at most 1, the children and the
// remainder both grow with the parents, whatever the steps.
type thinning struct {
	ratio  float64
	origin uint64  // parents at the beginning of the span
	picked float64 // children, not yet rounded, at the beginning of the span
}

func (t thinning) children(parents uint64) uint64 {
	return uint64(t.exact(parents))
}

func (t thinning) exact(parents uint64) float64 {
	return math.Min(t.picked+t.ratio*float64(parents-t.origin), float64(parents))
}

// NewMeter returns the meter of an instance whose process started load.Uptime before anchor. The episodes may come in
// any order; one that overlaps an earlier one is ignored, as is one that ends before it begins.
func NewMeter(load Load, anchor time.Time, episodes []Episode) *Meter {
	m := &Meter{load: load, start: seconds(anchor.Add(-load.Uptime))}
	m.addSpan(m.start, Episode{})
	sorted := slices.Clone(episodes)
	slices.SortStableFunc(sorted, func(a, b Episode) int { return a.From.Compare(b.From) })
	var end time.Time
	for _, e := range sorted {
		if !e.To.After(e.From) || e.From.Before(end) || seconds(e.From) < m.start {
			continue
		}
		m.addSpan(seconds(e.From), e)
		m.addSpan(seconds(e.To), Episode{})
		end = e.To
	}
	return m
}

// addSpan begins a new span at from: every counter goes on from what the previous span makes of it.
func (m *Meter) addSpan(from float64, e Episode) {
	next := span{
		from:        from,
		descriptors: either(e.DescriptorShare, m.load.DescriptorShare),
		slowRatio:   clampRatio(either(e.SlowRatio, m.load.SlowRatio)),
		version:     m.load.Version,
	}
	if e.Version != "" {
		next.version = e.Version
	}
	total := m.requests(from)
	var previous *span
	if len(m.spans) > 0 {
		previous = &m.spans[len(m.spans)-1]
	}
	next.failed = follow(pick(previous, func(s *span) thinning { return s.failed }), clampRatio(either(e.ErrorRatio, m.load.ErrorRatio)), total)
	// The remainder is taken of what the previous span counted, so that it is continuous as well.
	answered := total - next.failed.children(total)
	next.notFound = follow(pick(previous, func(s *span) thinning { return s.notFound }), clampRatio(m.load.NotFoundRatio), answered)
	parents := total
	for k, ratio := range tail(next.slowRatio) {
		next.slower[k] = follow(pick(previous, func(s *span) thinning { return s.slower[k] }), ratio, parents)
		parents = next.slower[k].children(parents)
	}
	m.spans = append(m.spans, next)
}

func pick(s *span, field func(*span) thinning) thinning {
	if s == nil {
		return thinning{}
	}
	return field(s)
}

// follow continues a thinning at a number of parents with another ratio.
func follow(previous thinning, ratio float64, parents uint64) thinning {
	return thinning{ratio: ratio, origin: parents, picked: previous.exact(parents)}
}

// tail turns the share of requests slower than 500 ms into the conditional shares of each bound: of the requests slower
// than one bound, how many are slower than the next.
func tail(slow float64) [BucketCount - 1]float64 {
	above := [...]float64{slow + (1-slow)*0.5, slow + (1-slow)*0.2, slow + (1-slow)*0.04, slow}
	return [...]float64{above[0], above[1] / above[0], above[2] / above[1], above[3] / above[2], 0.3, 0.15}
}

// Read returns what the instance exposes at t; before its process' start, nothing but zeros.
func (m *Meter) Read(t time.Time) Reading {
	now := seconds(t)
	total := m.requests(now)
	s := m.spanAt(now)
	r := Reading{
		Failed:         s.failed.children(total),
		MaxDescriptors: m.load.MaxDescriptors,
		StartTime:      m.start,
		Version:        s.version,
	}
	answered := total - r.Failed
	r.NotFound = s.notFound.children(answered)
	r.OK = answered - r.NotFound
	m.fillHistogram(&r, s, total)
	wave := 0.02 * math.Sin(2*math.Pi*now/1700)
	r.OpenDescriptors = math.Round(m.load.MaxDescriptors * math.Min(math.Max(s.descriptors+wave*(1-s.descriptors), 0.01), 1))
	r.InFlight = math.Round(m.load.rateAt(m.start, now) * (0.06 + 1.2*s.slowRatio))
	return r
}

func (m *Meter) fillHistogram(r *Reading, s *span, total uint64) {
	typical := [BucketCount]float64{0.025, 0.07, 0.16, 0.35, 0.7, 1.6, 4}
	parents := total
	for k := range s.slower {
		slower := s.slower[k].children(parents)
		r.Buckets[k] = total - slower
		r.Sum += float64(parents-slower) * typical[k]
		parents = slower
	}
	r.Buckets[BucketCount-1] = total
	r.Sum += float64(parents) * typical[BucketCount-1]
}

// Versions returns every version the instance runs in its life as known so far, each once, the usual one first.
func (m *Meter) Versions() []string {
	var versions []string
	for _, s := range m.spans {
		if !slices.Contains(versions, s.version) {
			versions = append(versions, s.version)
		}
	}
	return versions
}

func (m *Meter) spanAt(now float64) *span {
	for i := len(m.spans) - 1; i > 0; i-- {
		if m.spans[i].from <= now {
			return &m.spans[i]
		}
	}
	return &m.spans[0]
}

func (m *Meter) requests(now float64) uint64 {
	return uint64(math.Max(m.load.requestsUntil(m.start, now), 0))
}

func either(override, usual float64) float64 {
	if override > 0 {
		return override
	}
	return usual
}

func clampRatio(r float64) float64 { return math.Min(math.Max(r, 0), 0.9) }
