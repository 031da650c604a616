package listing

import (
	"slices"
	"strings"
	"time"
)

// Filter says which rows a list has. The zero Filter has all of them.
type Filter struct {
	// Fields must all be met, each by any one of its values.
	Fields map[string][]string
	Text   string    // is contained in the row's Text; lower-cased
	Since  time.Time // the row changed then or later
}

// empty reports whether the filter lets every row pass.
func (f Filter) empty() bool { return len(f.Fields) == 0 && f.Text == "" && f.Since.IsZero() }

// Passes reports whether one row passes the filter, which need not be in a
// table. Of the row its Fields, Text and Changed are looked at.
func (f Filter) Passes(r *Row) bool {
	for name, values := range f.Fields {
		if !slices.ContainsFunc(r.Fields, func(has Field) bool { return has.Name == name && slices.Contains(values, has.Value) }) {
			return false
		}
	}
	return f.passesRest(r)
}

// passesRest is Passes for a row that meets the Fields.
func (f Filter) passesRest(r *Row) bool {
	return (f.Text == "" || strings.Contains(r.Text, f.Text)) && (f.Since.IsZero() || !r.Changed.Before(f.Since))
}

// match returns the rows that pass the filter, in order of their keys.
func (t *Table) match(f Filter) []int32 {
	var rows []int32
	first := true
	for name, values := range f.Fields {
		list := t.anyOf(name, values)
		if first {
			rows, first = list, false
			continue
		}
		rows = intersect(rows, list)
	}
	if first {
		rows = t.orders[ByKey]().rows
	}
	if f.Text == "" && f.Since.IsZero() {
		return rows
	}
	var passed []int32
	for _, i := range rows {
		if f.passesRest(&t.rows[i]) {
			passed = append(passed, i)
		}
	}
	return passed
}

// anyOf returns the rows whose field has one of the values, each row once.
func (t *Table) anyOf(name string, values []string) []int32 {
	if len(values) == 1 {
		return t.postings[Field{name, values[0]}]
	}
	var rows []int32
	for _, v := range values {
		rows = append(rows, t.postings[Field{name, v}]...)
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// intersect returns what two ascending lists have in common.
func intersect(a, b []int32) []int32 {
	out := make([]int32, 0, min(len(a), len(b)))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			out = append(out, a[i])
			i, j = i+1, j+1
		}
	}
	return out
}
