package listing

import (
	"slices"
	"sort"
)

// Page is a part of a list.
type Page struct {
	Rows  []int32 // indexes into the table, in the order asked for; not to be changed
	Total int     // rows of the whole list
	Next  string  // the cursor of the next page; "" on the last one
}

// Page returns the page that q asks for. A row that passes the filter before
// and after a new generation, and has not moved in the order, is on exactly
// one of the pages that a chain of cursors gives.
func (t *Table) Page(q Query) Page {
	rows := t.list(q.Filter, q.Order)
	start := 0
	if q.after != nil {
		start = sort.Search(len(rows), func(i int) bool {
			return q.Order.compare(q.Order.position(&t.rows[rows[i]]), *q.after) > 0
		})
	}
	end := min(start+q.Limit, len(rows))
	page := Page{Rows: rows[start:end], Total: len(rows)}
	if end < len(rows) {
		page.Next = q.cursor(q.Order.position(&t.rows[rows[end-1]]))
	}
	return page
}

// All returns every row that passes the filter, in order of the keys.
func (t *Table) All(f Filter) []int32 { return t.list(f, ByKey) }

func (t *Table) list(f Filter, o Order) []int32 {
	order := t.orders[o]()
	if f.empty() {
		return order.rows
	}
	rows := t.match(f)
	if o == ByKey {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b int32) int { return int(order.rank[a]) - int(order.rank[b]) })
	return rows
}
