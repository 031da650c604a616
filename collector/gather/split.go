package gather

import (
	"slices"
	"sync"
	"time"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
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

// splitMemories remembers into which pieces the queries to a source had to be
// cut, because it could not answer them at once. It is safe for concurrent
// use.
type splitMemories struct {
	mu      sync.Mutex
	queries map[splitKey]*splitState
}

// splitKey tells questions about one instant from those about many.
type splitKey struct {
	query *question.Query
	past  bool
}

// splitState is what is remembered of one query.
type splitState struct {
	since    time.Time // when it was first cut
	pieces   []question.Piece
	hopeless bool // the smallest pieces were too large as well
}

// pieces returns how to ask a query: in one piece, or as it was cut lately.
func (m *splitMemories) pieces(key splitKey) []question.Piece {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.queries[key]
	switch {
	case s == nil:
		return []question.Piece{{}}
	case time.Since(s.since) >= splitMemory:
		delete(m.queries, key)
		return []question.Piece{{}}
	case s.hopeless:
		return []question.Piece{{}}
	}
	return slices.Clone(s.pieces)
}

// cut returns the halves of a piece that was too large, and remembers them in
// its place. ok is false when the query cannot be cut any further, or is in most
// pieces already; it is then
// left whole for a while, so that a source is not asked many questions that it
// cannot answer.
func (m *splitMemories) cut(p *question.Plan, key splitKey, k question.Piece, most int) (halves []question.Piece, ok bool) {
	if !key.query.Divisible() {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.queries[key]
	if s == nil {
		s = &splitState{since: time.Now(), pieces: []question.Piece{{}}}
		if m.queries == nil {
			m.queries = map[splitKey]*splitState{}
		}
		m.queries[key] = s
	}
	cut := k
	if k.Whole() && !s.hopeless {
		cut = p.Everybody(key.query)
	}
	a, b, ok := cut.Halves()
	if s.hopeless || !ok || len(s.pieces) >= most {
		s.hopeless, s.pieces = true, nil
		return nil, false
	}
	// Another asking may have cut it already: then its pieces stand.
	if i := slices.IndexFunc(s.pieces, k.Equal); i >= 0 {
		s.pieces = slices.Replace(s.pieces, i, i+1, a, b)
	}
	return []question.Piece{a, b}, true
}
