package collector

import (
	"cmp"
	"slices"

	"github.com/apgarhq/apgar/slo"
)

// interval is a stretch of time: (from, to], in Unix seconds.
type interval struct{ from, to int64 }

func (v interval) empty() bool { return v.from >= v.to }

// within returns the part of an interval that lies in another.
func (v interval) within(w interval) interval {
	return interval{max(v.from, w.from), min(v.to, w.to)}
}

// slots is how many slots an interval has.
func (v interval) slots() int { return int((v.to - v.from) / seconds(slo.SlotLength)) }

// slotAt is the slot that ends at a time.
func slotAt(end int64) interval { return interval{end - seconds(slo.SlotLength), end} }

// intervals are a set of times. They are sorted, and neither empty nor
// touching each other: a set has one form. They are immutable.
type intervals []interval

// with returns the set with another interval in it.
func (s intervals) with(v interval) intervals {
	if v.empty() {
		return s
	}
	first, _ := slices.BinarySearchFunc(s, v.from, func(w interval, from int64) int { return cmp.Compare(w.to, from) })
	last := first
	for ; last < len(s) && s[last].from <= v.to; last++ {
		v = interval{min(v.from, s[last].from), max(v.to, s[last].to)}
	}
	return slices.Concat(s[:first], intervals{v}, s[last:])
}

// union returns what is in either set.
func (s intervals) union(o intervals) intervals {
	for _, v := range o {
		s = s.with(v)
	}
	return s
}

// missing returns what of an interval is not in the set.
func (s intervals) missing(in interval) intervals {
	var out intervals
	for _, v := range s {
		if v = v.within(in); v.empty() {
			continue
		}
		if v.from > in.from {
			out = append(out, interval{in.from, v.from})
		}
		in.from = v.to
	}
	if !in.empty() {
		out = append(out, in)
	}
	return out
}

// common returns what is in both sets.
func (s intervals) common(o intervals) intervals {
	var out intervals
	for _, v := range s {
		for _, w := range o {
			if both := v.within(w); !both.empty() {
				out = append(out, both)
			}
		}
	}
	return out
}

// after returns what of the set is later than a time.
func (s intervals) after(t int64) intervals {
	var out intervals
	for _, v := range s {
		if v.from = max(v.from, t); !v.empty() {
			out = append(out, v)
		}
	}
	return out
}

// end is the latest time of the set; 0 when it is empty.
func (s intervals) end() int64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].to
}
