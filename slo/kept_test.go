package slo

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestRoundingKeepsTheNearestNumberOfSoManyDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(1e-300, 1e220).Draw(t, "x")
		bits := rapid.SampledFrom([]int{keptBits, partialBits}).Draw(t, "bits")
		want, _ := new(big.Float).SetMode(big.ToNearestEven).SetPrec(uint(bits)).SetFloat64(x).Float64()
		got := roundTo(x, bits)
		if got != want || roundTo(got, bits) != got {
			t.Fatalf("%x rounds to %x, want %x", x, got, want)
		}
		if math.Abs(got-x) > x*math.Ldexp(1, -bits) {
			t.Fatalf("%g is off by more than half a digit: %g", x, got)
		}
	})
	assert.Zero(t, roundTo(0, keptBits))
	assert.InDelta(t, 1<<31+1, roundTo(1<<31+1, keptBits), 0, "32 digits are exact")
	assert.InDelta(t, 1<<32, roundTo(1<<32+1, keptBits), 0, "to even")
	assert.InDelta(t, 1<<32+4, roundTo(1<<32+3, keptBits), 0, "to even")
}

// TestNoWindowIsOffByABillionth enters counts that round as badly as can be,
// in the order of time, and backfilled before the slots that are kept.
func TestNoWindowIsOffByABillionth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Float64Range(0.001, 1e9).Draw(t, "base")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		s := NewSeries(300)
		want := Counts{}
		enter := func(slot int64) {
			c := Counts{base * share * (1 + float64(slot%7919)/7919), base * (1 + float64(slot%7919)/7919)}
			want = want.Plus(c)
			tick(s, slot, nil, has(cellA, c.Bad, c.Total))
		}
		end := int64(noon)
		for slot := end - 2*daySeconds; slot <= end; slot += 300 {
			enter(slot)
		}
		for slot := end - 2*daySeconds - 300; slot > end-6*daySeconds; slot -= 300 {
			enter(slot)
		}
		got := s.Sum(30*day, end).Counts
		week := s.Facts(end, 0, nil).Cells[0].Week
		for name, pair := range map[string][2]float64{
			"total": {got.Total, want.Total}, "bad": {got.Bad, want.Bad},
			"total of the cell": {week.Total, want.Total}, "bad of the cell": {week.Bad, want.Bad},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-9*pair[1] {
				t.Fatalf("%s is %g, want %g: off by %g", name, pair[0], pair[1], pair[0]/pair[1]-1)
			}
		}
	})
}
