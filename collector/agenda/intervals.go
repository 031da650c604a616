package agenda

import (
	"cmp"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Interval is a stretch of time: (from, to], in Unix seconds.
type Interval struct{ From, To int64 }

func (v Interval) empty() bool { return v.From >= v.To }

// within returns the part of an interval that lies in another.
func (v Interval) within(w Interval) Interval {
	return Interval{max(v.From, w.From), min(v.To, w.To)}
}

// Slots is how many slots an interval has; it begins and ends with one.
func (v Interval) Slots() int { return int((v.To - v.From) / seconds(slo.SlotLength)) }

// SlotAt is the slot that ends at a time.
func SlotAt(end int64) Interval { return Interval{end - seconds(slo.SlotLength), end} }

// intervals are a set of times. They are sorted, and neither empty nor
// touching each other: a set has one form. They are immutable.
type intervals []Interval

// with returns the set with another interval in it.
func (s intervals) with(v Interval) intervals {
	if v.empty() {
		return s
	}
	first, _ := slices.BinarySearchFunc(s, v.From, func(w Interval, from int64) int { return cmp.Compare(w.To, from) })
	last := first
	for ; last < len(s) && s[last].From <= v.To; last++ {
		v = Interval{min(v.From, s[last].From), max(v.To, s[last].To)}
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
func (s intervals) missing(in Interval) intervals {
	var out intervals
	for _, v := range s {
		if v = v.within(in); v.empty() {
			continue
		}
		if v.From > in.From {
			out = append(out, Interval{in.From, v.From})
		}
		in.From = v.To
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
		if v.From = max(v.From, t); !v.empty() {
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
	return s[len(s)-1].To
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
