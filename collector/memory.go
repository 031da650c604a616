package collector

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// backlogTicks is how many ticks are remembered that could not be committed.
const backlogTicks = 120

// memory is what grading goes on from: what a takeover reads from the store,
// and what a collector hands to the next. The goroutine of Run owns it.
type memory struct {
	ledger   *slo.Ledger
	states   map[scorecard.Key]*scorecard.State // of the newest commit, until the grader has them
	last     []*scorecard.Scorecard             // of the newest commit
	lastTick time.Time                          // the newest in the ledger
	// newRing says that the ring is to be asked for whatever lastTick is: it was
	// kept for ticks of another length.
	newRing bool
	agenda  *agenda.Agenda
	roster  []string // the services of the plan that the ledger was kept for

	loaded    version // of the store, that this was read from
	committed mark    // the newest commit known
	attempt   *attempt
	backlog   []scorecard.HistoryRow // ticks after the newest commit
	saved     string                 // version of the collector's own page in the store
	unread    map[slo.PageKey]string // versions of pages that could not be read
	lostSome  bool                   // the store has lost pages, and does not know which
}

func newMemory(interval time.Duration) memory {
	return memory{
		ledger: slo.NewLedger(interval), states: map[scorecard.Key]*scorecard.State{},
		agenda: agenda.New(), unread: map[slo.PageKey]string{},
	}
}

// version names a generation of a store.
type version struct {
	incarnation string
	generation  uint64
}

func versionOf(s *scorecard.Snapshot) version {
	if s == nil {
		return version{}
	}
	return version{s.Incarnation, s.Generation}
}

// mark names a commit, whatever store took it: no two leases have the same
// epoch.
type mark struct {
	epoch uint64
	tick  int64
}

func markOf(s *scorecard.Snapshot) mark { return mark{s.Epoch, s.Tick.UnixNano()} }

// attempt is a commit that may have been taken: the store did not say.
type attempt struct {
	mark
	cards []*scorecard.Scorecard
}

// took notes that the store has a commit, and what came with it.
func (m *memory) took(at mark, cards []*scorecard.Scorecard) {
	m.committed, m.last, m.attempt = at, cards, nil
	var after []scorecard.HistoryRow // the old ones may be the store's by now
	for _, row := range m.backlog {
		if row.Tick.UnixNano() > at.tick {
			after = append(after, row)
		}
	}
	m.backlog = after
}

// missedOut notes a tick that the store does not have.
func (m *memory) missedOut(row scorecard.HistoryRow) {
	kept := m.backlog[max(0, len(m.backlog)+1-backlogTicks):]
	m.backlog = slices.Concat(kept, []scorecard.HistoryRow{row})
}
