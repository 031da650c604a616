package collector

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/collector/promapi"
)

const (
	splitMemory = time.Hour // after which a query is asked in one piece again
	mostPieces  = 64        // of one query; what is too large in these is too large
	// mostSlow is mostPieces where a source gave up for time: each try has
	// kept it busy until then.
	mostSlow = 8
)

// piecesFor returns into how many pieces a query may be cut after an error; 0
// when smaller questions would not help. A source that does not answer at all
// is never asked more often for it.
func piecesFor(err error) int {
	switch {
	case promapi.IsTooManySamples(err):
		return mostPieces
	case promapi.IsTooSlow(err):
		return mostSlow
	}
	return 0
}

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

// in writes the query for the services of a piece.
func (k piece) in(q *query) string {
	if k.whole() {
		return q.expr
	}
	return q.narrowed([]*labels.Matcher{anyOf(k.label, k.values)})
}

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

// splitMemories remembers into which pieces the queries to a source had to be
// cut, because it could not answer them at once. It is safe for concurrent
// use.
type splitMemories struct {
	mu      sync.Mutex
	queries map[splitKey]*splitState
}

// splitKey tells questions about one instant from those about many.
type splitKey struct {
	query *query
	past  bool
}

// splitState is what is remembered of one query.
type splitState struct {
	since    time.Time // when it was first cut
	pieces   []piece
	hopeless bool // the smallest pieces were too large as well
}

// pieces returns how to ask a query: in one piece, or as it was cut lately.
func (m *splitMemories) pieces(key splitKey) []piece {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.queries[key]
	switch {
	case s == nil:
		return []piece{{}}
	case time.Since(s.since) >= splitMemory:
		delete(m.queries, key)
		return []piece{{}}
	case s.hopeless:
		return []piece{{}}
	}
	return slices.Clone(s.pieces)
}

// cut returns the halves of a piece that was too large, and remembers them in
// its place. ok is false when the query cannot be cut any further, or is in most
// pieces already; it is then
// left whole for a while, so that a source is not asked many questions that it
// cannot answer.
func (m *splitMemories) cut(p *Plan, key splitKey, k piece, most int) (halves []piece, ok bool) {
	if key.query.narrowed == nil {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.queries[key]
	if s == nil {
		s = &splitState{since: time.Now(), pieces: []piece{{}}}
		if m.queries == nil {
			m.queries = map[splitKey]*splitState{}
		}
		m.queries[key] = s
	}
	cut := k
	if k.whole() && !s.hopeless {
		cut = p.everybody(key.query)
	}
	a, b, ok := cut.halves()
	if s.hopeless || !ok || len(s.pieces) >= most {
		s.hopeless, s.pieces = true, nil
		return nil, false
	}
	// Another asking may have cut it already: then its pieces stand.
	if i := slices.IndexFunc(s.pieces, k.equal); i >= 0 {
		s.pieces = slices.Replace(s.pieces, i, i+1, a, b)
	}
	return []piece{a, b}, true
}

func (k piece) equal(o piece) bool { return k.label == o.label && slices.Equal(k.values, o.values) }
