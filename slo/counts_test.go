package slo

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestNewCountsAcceptsWhatExtrapolationCanGiveAndNothingElse(t *testing.T) {
	for _, test := range []struct {
		name       string
		bad, total float64
		want       Counts
		ok         bool
	}{
		{"fractions are kept", 1.5, 10.25, Counts{1.5, 10.25}, true},
		{"nothing is nothing", 0, 0, Counts{}, true},
		{"a bad count a hair above the total is the total", 10.000005, 10, Counts{10, 10}, true},
		{"a bad count at the tolerance of a small total is the total", 0.000001, 0, Counts{}, true},
		{"a bad count beyond the tolerance is invalid", 10.1, 10, Counts{}, false},
		{"the tolerance of a large total is relative", 1e9 + 900, 1e9, Counts{1e9, 1e9}, true},
		{"a negative hair is zero", -1e-7, 5, Counts{0, 5}, true},
		{"a negative total within the tolerance is zero", -1e-7, -1e-7, Counts{}, true},
		{"a negative count is invalid", -1, 5, Counts{}, false},
		{"a negative total is invalid", 0, -1, Counts{}, false},
		{"NaN is invalid", math.NaN(), 1, Counts{}, false},
		{"an infinite total is invalid", 0, math.Inf(1), Counts{}, false},
		{"a total that sums would overflow with is invalid", 0, 1e201, Counts{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := NewCounts(test.bad, test.total)
			assert.Equal(t, test.ok, ok)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestComparisonsAllowOnePartInABillion(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b float64
		want bool
	}{
		{"1 − 0.999 is at least 0.001", 1 - 0.999, 0.001, true},
		{"0.001 is at least 1 − 0.999", 0.001, 1 - 0.999, true},
		{"half a billionth below is still at least", 1 - 5e-10, 1, true},
		{"two billionths below is less", 1 - 2e-9, 1, false},
		{"the tolerance grows with the numbers", 1e12 - 500, 1e12, true},
		{"the tolerance shrinks with the numbers", 1e-12 - 2e-21, 1e-12, false},
		{"zero is at least zero", 0, 0, true},
		{"infinity is at least infinity", math.Inf(1), math.Inf(1), true},
		{"minus infinity is not at least a number", math.Inf(-1), 5, false},
		{"opposite giants do not overflow into equality", -1e308, 1e308, false},
		{"NaN is at least nothing", math.NaN(), 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, AtLeast(test.a, test.b))
			assert.Equal(t, test.want, AtMost(test.b, test.a))
		})
	}
}

func TestWilsonLowerAgreesWithTheTextbook(t *testing.T) {
	for _, test := range []struct {
		name string
		c    Counts
		want float64
	}{
		{"no events prove nothing", Counts{0, 0}, 0},
		{"no errors prove nothing", Counts{0, 1e6}, 0},
		{"one error of one proves a fifth", Counts{1, 1}, 0.206543},
		{"ten of ten prove 72 %", Counts{10, 10}, 0.722460},
		{"one of ten proves under 2 %", Counts{1, 10}, 0.017875},
		{"many events prove nearly their share", Counts{10000, 1e6}, 0.009807},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.InDelta(t, test.want, WilsonLower(test.c), 1e-5)
		})
	}
}

func TestWilsonLowerIsBoundedAndGrowsWithTheErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Float64Range(0.01, 1e12).Draw(t, "total")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		c := Counts{Bad: share * total, Total: total}
		got := WilsonLower(c)
		p := c.Bad / c.Total
		if !(got >= 0 && got <= p) {
			t.Fatalf("WilsonLower(%v) = %v is outside 0 and %v", c, got, p)
		}
		z := 1.96
		textbook := (p + z*z/(2*total) - z*math.Sqrt(p*(1-p)/total+z*z/(4*total*total))) / (1 + z*z/total)
		if math.Abs(got-textbook) > 1e-9 {
			t.Fatalf("WilsonLower(%v) = %v, the textbook has %v", c, got, textbook)
		}
		if more := WilsonLower(Counts{math.Min(total, c.Bad*1.5), total}); more < got {
			t.Fatalf("more errors prove less: %v, then %v", got, more)
		}
	})
}

func TestWilsonLowerIsFiniteForAnyCounts(t *testing.T) {
	for _, total := range []float64{math.SmallestNonzeroFloat64, 1e-300, 1e-160, 1e160, maxCount} {
		for _, bad := range []float64{math.SmallestNonzeroFloat64, total / 2, total} {
			got := WilsonLower(Counts{bad, total})
			assert.True(t, got >= 0 && got <= 1, "bad %g of %g gives %g", bad, total, got)
		}
	}
}

func TestTheGravestFaultNamesTheResult(t *testing.T) {
	order := []Reason{InvalidData, Ambiguous, Partial, NoSuchBucket, SourceError, "", "new"}
	for i, graver := range order {
		for _, lesser := range order[i+1:] {
			a, b := &Fault{Reason: graver}, &Fault{Reason: lesser}
			if graver.Rank() < lesser.Rank() {
				assert.Same(t, a, Graver(b, a), "%q before %q", graver, lesser)
			}
			assert.Same(t, a, Graver(a, b), "%q before %q", graver, lesser)
		}
	}
	assert.Nil(t, Graver(nil, nil))
	only := &Fault{Reason: Partial}
	assert.Same(t, only, Graver(nil, only))
	assert.Same(t, only, Graver(only, nil))
}
