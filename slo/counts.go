package slo

import "math"

// Counts are how many events there were, and how many of them were bad.
// Increases are extrapolated, so they are not whole numbers.
type Counts struct {
	Bad   float64
	Total float64
}

// Plus returns the sum of c and d.
func (c Counts) Plus(d Counts) Counts { return Counts{c.Bad + d.Bad, c.Total + d.Total} }

// withBorn returns the counts with bad events that counters were born with.
func (c Counts) withBorn(born float64) Counts { return Counts{c.Bad + born, c.Total + born} }

// ErrorRatio returns bad/total, and false when there were no events.
func (c Counts) ErrorRatio() (float64, bool) {
	if c.Total <= 0 {
		return 0, false
	}
	return c.Bad / c.Total, true
}

// countTolerance is how far a count may be off its bounds, relative to the
// total (or to 1, for small totals), before the answer is invalid.
const countTolerance = 1e-6

// maxCount bounds what one answer may count, so that no sum of answers can
// overflow.
const maxCount = 1e200

// NewCounts checks an answered pair. Within the tolerance a negative count is
// 0 and a bad count above the total is the total; beyond it, or when a number
// is not finite or too large to be added up, ok is false.
func NewCounts(bad, total float64) (c Counts, ok bool) {
	if !finite(bad) || !finite(total) || total > maxCount {
		return Counts{}, false
	}
	tolerance := countTolerance * math.Max(1, total)
	if bad < -tolerance || total < -tolerance || bad > total+tolerance {
		return Counts{}, false
	}
	total = math.Max(0, total)
	return Counts{Bad: math.Min(math.Max(0, bad), total), Total: total}, true
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// relativeTolerance applies to every comparison of computed numbers:
// 1 − 0.999 is not 0.001.
const relativeTolerance = 1e-9

// AtLeast reports a ≥ b with the relative tolerance of 1e-9. Infinities are
// compared exactly, and NaN is at least nothing.
func AtLeast(a, b float64) bool {
	if a >= b {
		return true
	}
	return finite(a) && finite(b) && b-a <= relativeTolerance*math.Max(math.Abs(a), math.Abs(b))
}

// AtMost reports a ≤ b with the relative tolerance of 1e-9.
func AtMost(a, b float64) bool { return AtLeast(b, a) }

// wilsonZ is the two-sided 95 % quantile of the normal distribution.
const wilsonZ = 1.96

// WilsonLower returns the lower end of the two-sided 95 % Wilson score
// interval of the error share bad/total: the share that the events prove.
// It is 0 without events or without bad ones, and never above bad/total.
//
// With p the share and n the total it is (centre − spread)/(1 + z²/n). The
// product of both ends of the interval is p²/(1 + z²/n), so that the lower end
// is also p²/(centre + spread), which loses no digits where p is small.
// Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927).
func WilsonLower(c Counts) float64 {
	if c.Total <= 0 || c.Bad <= 0 {
		return 0
	}
	n, p := c.Total, math.Min(1, c.Bad/c.Total)
	half := wilsonZ * wilsonZ / (2 * n)
	if !finite(half * half) {
		return 0 // next to nothing was counted
	}
	centre := p + half
	spread := math.Sqrt(2*half*p*(1-p) + half*half)
	return math.Min(p, p*p/(centre+spread))
}
