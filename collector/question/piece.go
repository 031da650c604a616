package question

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// Piece is a share of the services that a query asks about: those whose value
// of one label is among some of them. The zero piece is all. It is immutable.
type Piece struct {
	label  string
	values []string // sorted
}

// Whole reports that a piece is all services.
func (k Piece) Whole() bool { return k.label == "" }

// Halves cuts a piece in two. ok is false when there is nothing to cut.
func (k Piece) Halves() (a, b Piece, ok bool) {
	n := len(k.values)
	if n < 2 {
		return k, k, false
	}
	return Piece{k.label, k.values[:n/2]}, Piece{k.label, k.values[n/2:]}, true
}

// In writes the query for the services of a piece. Only one that is divisible may
// be written for less than all.
func (k Piece) In(q *Query) string {
	if k.Whole() {
		return q.Expr
	}
	return q.narrowed([]*labels.Matcher{anyOf(k.label, k.values)})
}

// Divisible reports whether a query can be put for some services only.
func (q *Query) Divisible() bool { return q.narrowed != nil }

// Everybody is the piece that names each service of a query: by the label of
// its identities that tells the most of them apart. It is the zero piece when
// some service cannot be named exactly.
func (p *Plan) Everybody(q *Query) Piece {
	values := map[string][]string{}
	for _, f := range q.Feeds {
		id := p.Identities[f.Identity]
		for service := range p.Services {
			if !p.wants(service) {
				continue
			}
			for _, tuple := range id.Index.Tuples(service) {
				if slices.ContainsFunc(tuple, func(v string) bool { return !sayable(v) }) {
					return Piece{} // it might be in two pieces
				}
				for i, name := range id.LabelNames() {
					values[name] = append(values[name], tuple[i])
				}
			}
		}
	}
	var most Piece
	for _, name := range p.Identities[q.Feeds[0].Identity].LabelNames() {
		slices.Sort(values[name])
		if distinct := slices.Compact(values[name]); len(distinct) > len(most.values) {
			most = Piece{name, distinct}
		}
	}
	return most
}

// Equal reports whether two pieces are about the same services.
func (k Piece) Equal(o Piece) bool { return k.label == o.label && slices.Equal(k.values, o.values) }
