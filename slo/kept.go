package slo

import "math"

// Counts are kept with 32 significant bits, a relative error of at most 2⁻³³:
// what is in memory is then exactly what a page holds, and a page is half as
// large. A sum that is still being added to keeps 44, so that the errors of its
// parts do not add up.
const (
	keptBits    = 32
	partialBits = 44
)

// kept returns the counts as the ledger keeps them.
func (c Counts) kept() Counts { return Counts{roundTo(c.Bad, keptBits), roundTo(c.Total, keptBits)} }

// keptSum returns the counts of an hour, of which a slot is measured where its
// bit is set, as the ledger keeps them: never less than nothing.
func (c Counts) keptSum(measured uint16) Counts {
	bits := partialBits
	if measured == wholeHour {
		bits = keptBits
	}
	return Counts{roundTo(math.Max(0, c.Bad), bits), roundTo(math.Max(0, c.Total), bits)}
}

// roundTo rounds a finite number to so many significant bits, to even where
// two are as near. Numbers that are too small to have so many lose the digits
// that others lose too.
func roundTo(x float64, significant int) float64 {
	const mantissa = 53
	drop := mantissa - significant
	bits := math.Float64bits(x)
	bits += 1<<(drop-1) - 1 + bits>>drop&1
	return math.Float64frombits(bits >> drop << drop)
}
