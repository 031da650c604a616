package collector

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// piece is a share of the services that a query asks about: those whose value
// of one label is among some of them. The zero piece is all.
type piece struct {
	label  string
	values []string // sorted
}

func (k piece) whole() bool { return k.label == "" }

// halves cuts a piece in two. ok is false when there is nothing to cut.
func (k piece) halves() (a, b piece, ok bool) {
	n := len(k.values)
	if n < 2 {
		return k, k, false
	}
	return piece{k.label, k.values[:n/2]}, piece{k.label, k.values[n/2:]}, true
}

// in writes the query for the services of a piece. Only one that is divisible may
// be written for less than all.
func (k piece) in(q *query) string {
	if k.whole() {
		return q.expr
	}
	return q.narrowed([]*labels.Matcher{anyOf(k.label, k.values)})
}

// divisible reports whether a query can be put for some services only.
func (q *query) divisible() bool { return q.narrowed != nil }

// everybody is the piece that names each service of a query: by the label of
// its identities that tells the most of them apart.
func (p *Plan) everybody(q *query) piece {
	values := map[string][]string{}
	for _, f := range q.feeds {
		id := p.identities[f.identity]
		for service := range p.Services {
			if !p.wants(service) {
				continue
			}
			for _, tuple := range id.index.Tuples(service) {
				if slices.ContainsFunc(tuple, func(v string) bool { return !sayable(v) }) {
					return piece{} // it might be in two pieces
				}
				for i, name := range id.LabelNames() {
					values[name] = append(values[name], tuple[i])
				}
			}
		}
	}
	var most piece
	for _, name := range p.identities[q.feeds[0].identity].LabelNames() {
		slices.Sort(values[name])
		if distinct := slices.Compact(values[name]); len(distinct) > len(most.values) {
			most = piece{name, distinct}
		}
	}
	return most
}

// equal reports whether two pieces are about the same services.
func (k piece) equal(o piece) bool { return k.label == o.label && slices.Equal(k.values, o.values) }
