// Package listing answers lists from memory: rows in a fixed order with an
// index of what they can be filtered by, and pages of them by keyset cursor.
// A table is built once per generation and is immutable; a cursor made from
// one generation finds its place in the next. It knows what a query string is,
// and nothing else of HTTP; nor what a row means.
package listing

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/api/wire"
)

// Table is the rows of one kind of resource, in order of their keys. It is
// immutable but for what it computes once and keeps, and safe for concurrent
// use.
type Table struct {
	rows     []Row
	bodies   []atomic.Pointer[wire.Body]
	postings map[Field][]int32
	orders   [orderCount]func() *sorted
}

// Row is one resource. Keys are unique in a table.
type Row struct {
	Key    Key
	Fields []Field // what filters find it by
	Text   string  // what q searches; lower-cased

	Score    *float64
	Coverage float64
	Changed  time.Time

	// Encode returns the JSON of the row. It is called when the row is first
	// served, and must give the same bytes whenever it is called.
	Encode func() (*wire.Body, error)
}

// Key is the place of a row: a rubric, a namespace and a name, those of them
// that its kind of resource has.
type Key struct {
	Rubric    string `json:"r,omitempty"`
	Namespace string `json:"s,omitempty"`
	Name      string `json:"n,omitempty"`
}

// Compare orders keys by rubric, namespace and name.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(k.Rubric, o.Rubric), strings.Compare(k.Namespace, o.Namespace), strings.Compare(k.Name, o.Name))
}

// Field is one value that a row can be filtered by.
type Field struct {
	Name, Value string
}

// New returns a table of rows, which it sorts and keeps.
func New(rows []Row) *Table {
	slices.SortFunc(rows, func(a, b Row) int { return a.Key.Compare(b.Key) })
	t := &Table{
		rows:     rows,
		bodies:   make([]atomic.Pointer[wire.Body], len(rows)),
		postings: make(map[Field][]int32),
	}
	for i := range rows {
		for _, f := range rows[i].Fields {
			if list := t.postings[f]; len(list) == 0 || list[len(list)-1] != int32(i) {
				t.postings[f] = append(list, int32(i))
			}
		}
	}
	for o := range t.orders {
		t.orders[o] = sync.OnceValue(func() *sorted { return t.sort(Order(o)) })
	}
	return t
}

// Find returns the index of the row with the key.
func (t *Table) Find(k Key) (int, bool) {
	return slices.BinarySearchFunc(t.rows, k, func(r Row, k Key) int { return r.Key.Compare(k) })
}

// Body returns the encoded row at index i. Two callers may both encode it the
// first time; the bytes are the same.
func (t *Table) Body(i int) (*wire.Body, error) {
	if b := t.bodies[i].Load(); b != nil {
		return b, nil
	}
	b, err := t.rows[i].Encode()
	if err != nil {
		return nil, err
	}
	t.bodies[i].Store(b)
	return b, nil
}

// Key returns the key of the row at index i.
func (t *Table) Key(i int) Key { return t.rows[i].Key }

// Service returns "namespace/name".
func (k Key) Service() string { return k.Namespace + "/" + k.Name }
