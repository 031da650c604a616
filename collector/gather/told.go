package gather

import (
	"sync"

	"github.com/apgarhq/apgar/collector/question"
)

// toldMemory remembers of which queries a source's rows are too many, so that it is
// to classify the events itself. It is safe for concurrent use.
type toldMemory struct {
	mu   sync.Mutex
	told map[*question.Query]bool // of those that were measured
}

// inEffect returns how a query is put: as it is, or to the same end.
func (m *toldMemory) inEffect(q *question.Query) *question.Query {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told[q] {
		return q.Told
	}
	return q
}

// unmeasured reports whether it is not known yet how many rows a query has.
func (m *toldMemory) unmeasured(q *question.Query) bool {
	if q.Told == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.told[q]
	return !known
}

// tooMany notes that a query has more rows than may be. It returns how to put it
// instead, nil if there is no other way.
func (m *toldMemory) tooMany(q *question.Query) *question.Query {
	if q.Told == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(q, true)
	return q.Told
}

// set is for who holds the lock.
func (m *toldMemory) set(q *question.Query, told bool) {
	if m.told == nil {
		m.told = map[*question.Query]bool{}
	}
	m.told[q] = told
}

// note measures a query by the first answer to it that has any rows.
func (m *toldMemory) note(q *question.Query, answers []*answer) {
	if !m.unmeasured(q) {
		return
	}
	rows, identities := 0, 0
	for _, ans := range answers {
		if ans.fault != nil {
			return
		}
		d := ans.decoders[0] // all see the same rows
		rows, identities = rows+d.rows, identities+len(d.tuples)
	}
	if rows == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(q, rows > question.MostRows*identities)
}
