package gather

import (
	"math"
	"slices"

	"github.com/apgarhq/apgar/collector/promapi"
)

// nativeWithin estimates how many observations of a native histogram are at
// most a threshold, as PromQL's histogram_fraction does: a bucket that the
// threshold cuts is interpolated, exponentially where buckets grow so, linearly
// in the zero bucket and in buckets of the author's own bounds.
func nativeWithin(h promapi.HistogramPoint, threshold float64) float64 {
	var within float64
	for _, b := range h.Buckets {
		b = narrowed(b, h.Buckets)
		switch {
		case b.Upper <= threshold:
			within += b.Count
		case b.Lower < threshold:
			within += b.Count * shareBelow(b, threshold)
		}
	}
	return within
}

// narrowed takes 0 for a bound of a bucket around it that observations cannot
// lie beyond: of the zero bucket of a histogram that has buckets on one side
// only, and of the first of an author's own.
func narrowed(b promapi.Bucket, all []promapi.Bucket) promapi.Bucket {
	if b.Lower > 0 || b.Upper < 0 {
		return b
	}
	if math.IsInf(b.Lower, -1) {
		if b.Upper > 0 {
			b.Lower = 0
		}
		return b
	}
	positive := slices.ContainsFunc(all, func(o promapi.Bucket) bool { return o.Lower > 0 })
	negative := slices.ContainsFunc(all, func(o promapi.Bucket) bool { return o.Upper < 0 })
	switch {
	case positive && !negative:
		b.Lower = 0
	case negative && !positive:
		b.Upper = 0
	}
	return b
}

// shareBelow returns which share of a bucket is at most v, which lies inside.
func shareBelow(b promapi.Bucket, v float64) float64 {
	switch {
	case math.IsInf(b.Lower, -1):
		return 1
	case math.IsInf(b.Upper, 1):
		return 0
	case !exponential(b):
		return (v - b.Lower) / (b.Upper - b.Lower)
	}
	lower, upper, at := math.Log2(math.Abs(b.Lower)), math.Log2(math.Abs(b.Upper)), math.Log2(math.Abs(v))
	return (at - lower) / (upper - lower)
}

// exponential reports whether a bucket is one of a standard schema: its bounds
// are successive powers of 2^(2^-n) for an n from -4 to 8. An answer does not
// say which schema it has.
func exponential(b promapi.Bucket) bool {
	if b.Lower*b.Upper <= 0 {
		return false
	}
	const tolerance = 1e-6
	width := math.Abs(math.Log2(b.Upper / b.Lower))
	n := -math.Log2(width)
	place := math.Log2(math.Abs(b.Upper)) / width
	return n > -4.5 && n < 8.5 && math.Abs(n-math.Round(n)) < tolerance && math.Abs(place-math.Round(place)) < tolerance
}
