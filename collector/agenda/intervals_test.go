package agenda

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// someIntervals draws a set together with what is in it, second by second.
func someIntervals(t *rapid.T, name string) (intervals, map[int64]bool) {
	var s intervals
	in := map[int64]bool{}
	for range rapid.IntRange(0, 6).Draw(t, name) {
		v := someInterval(t)
		s = s.with(v)
		for at := v.From + 1; at <= v.To; at++ {
			in[at] = true
		}
	}
	return s, in
}

func someInterval(t *rapid.T) Interval {
	from := rapid.Int64Range(0, 30).Draw(t, "from")
	return Interval{from, from + rapid.Int64Range(-2, 10).Draw(t, "length")}
}

// members lists what is in a set, and refuses one that has not its one form.
func members(t *rapid.T, s intervals) map[int64]bool {
	in := map[int64]bool{}
	for i, v := range s {
		require.False(t, v.empty())
		require.True(t, i == 0 || s[i-1].To < v.From, "%v", s)
		for at := v.From + 1; at <= v.To; at++ {
			in[at] = true
		}
	}
	return in
}

func TestIntervalsAreSetsOfTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, inA := someIntervals(t, "a")
		b, inB := someIntervals(t, "b")
		require.Equal(t, inA, members(t, a))
		v, from := someInterval(t), rapid.Int64Range(0, 45).Draw(t, "after")
		before := slices.Clone(a)
		either, both, missing, after := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
		for at := int64(0); at < 60; at++ {
			if inA[at] || inB[at] {
				either[at] = true
			}
			if inA[at] && inB[at] {
				both[at] = true
			}
			if at > v.From && at <= v.To && !inA[at] {
				missing[at] = true
			}
			if inA[at] && at > from {
				after[at] = true
			}
		}
		require.Equal(t, either, members(t, a.union(b)))
		require.Equal(t, both, members(t, a.common(b)))
		require.Equal(t, missing, members(t, a.missing(v)))
		require.Equal(t, after, members(t, a.after(from)))
		require.Equal(t, before, a, "sets do not change")
		if len(a) > 0 {
			require.Equal(t, a[len(a)-1].To, a.end())
		}
	})
}
