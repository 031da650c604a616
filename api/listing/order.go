package listing

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Order is an order of rows. Every order is total: it ends with the key.
type Order int

// The orders. Rows without the number in question come last in either
// direction.
const (
	ByKey          Order = iota // rubric, namespace, name
	ByService                   // namespace, name, rubric
	ByScore                     // worst first
	ByScoreDesc                 // best first
	ByCoverage                  // least first
	ByCoverageDesc              // most first
	ByChanged                   // longest unchanged first
	ByChangedDesc               // newest change first
	orderCount
)

// String returns the order as the parameter `sort` has it.
func (o Order) String() string {
	return [orderCount]string{"rubric", "service", "score", "-score", "coverage", "-coverage", "changed", "-changed"}[o]
}

// AllOrders returns every order.
func AllOrders() []Order {
	all := make([]Order, orderCount)
	for o := range orderCount {
		all[o] = o
	}
	return all
}

// parseOrder finds one of some orders by its name.
func parseOrder(name string, among []Order) (Order, bool) {
	for _, o := range among {
		if o.String() == name {
			return o, true
		}
	}
	return 0, false
}

func orderNames(orders []Order) []string {
	names := make([]string, len(orders))
	for i, o := range orders {
		names[i] = o.String()
	}
	return names
}

// position is where a row stands in an order. It is all that a cursor keeps
// of a row, so that a page goes on after it even when the row is gone.
type position struct {
	Num *float64 `json:"v"`
	Key Key      `json:"k"`
}

func (o Order) compare(a, b position) int {
	if (a.Num == nil) != (b.Num == nil) {
		if a.Num == nil {
			return 1
		}
		return -1
	}
	if a.Num != nil {
		c := cmp.Compare(*a.Num, *b.Num)
		if o == ByScoreDesc || o == ByCoverageDesc || o == ByChangedDesc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	if o == ByService {
		return cmp.Or(strings.Compare(a.Key.Namespace, b.Key.Namespace), strings.Compare(a.Key.Name, b.Key.Name),
			strings.Compare(a.Key.Rubric, b.Key.Rubric))
	}
	return a.Key.Compare(b.Key)
}

// position returns where row r stands in the order.
func (o Order) position(r *Row) position {
	p := position{Key: r.Key}
	switch o {
	case ByScore, ByScoreDesc:
		if r.Score != nil && !math.IsNaN(*r.Score) && !math.IsInf(*r.Score, 0) {
			p.Num = r.Score
		}
	case ByCoverage, ByCoverageDesc:
		if !math.IsNaN(r.Coverage) && !math.IsInf(r.Coverage, 0) {
			p.Num = &r.Coverage
		}
	case ByChanged, ByChangedDesc:
		if !r.Changed.IsZero() {
			seconds := float64(r.Changed.Unix())
			p.Num = &seconds
		}
	}
	return p
}

// sorted is a table in one order: the rows in it, and where each row is.
type sorted struct {
	rows []int32
	rank []int32
}

func (t *Table) sort(o Order) *sorted {
	s := &sorted{rows: make([]int32, len(t.rows)), rank: make([]int32, len(t.rows))}
	positions := make([]position, len(t.rows))
	for i := range t.rows {
		s.rows[i] = int32(i)
		positions[i] = o.position(&t.rows[i])
	}
	if o != ByKey {
		slices.SortFunc(s.rows, func(a, b int32) int { return o.compare(positions[a], positions[b]) })
	}
	for at, i := range s.rows {
		s.rank[i] = int32(at)
	}
	return s
}
