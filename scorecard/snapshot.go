package scorecard

import (
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
)

// Snapshot is everything that readers are served from: one generation of
// scorecards with the catalog, rubrics and sources that they were graded
// from. It is immutable; a new generation is a new Snapshot.
type Snapshot struct {
	// Incarnation names the life of the store that Generation and the ids of
	// changes count in. A store that has lost everything begins another one, and
	// counts from 1 again.
	Incarnation string
	Generation  uint64
	Epoch       uint64
	Tick        time.Time
	Interval    time.Duration
	// CommittedAt is when the store took it.
	CommittedAt time.Time
	// LastChange is the id of the newest change up to this generation; 0: none.
	LastChange uint64
	Catalog    *catalog.Snapshot
	Rubrics    []*rubric.Rubric
	Scorecards []*Scorecard // sorted by rubric, then service
	Sources    []SourceStatus
	Identities []IdentityReport
}

// SourceStatus is what is known of one source at a tick.
type SourceStatus struct {
	Name        string
	Environment string
	State       string // ok, failing or open (its circuit breaker)
	Cells       []string
	LastSuccess time.Time
	LastError   string // safe to show
	Replica     string // the preferred one, redacted
	Tick        time.Time
	Queries     int           // sent for the tick
	Failed      int           // of those
	Samples     int64         // queryable samples, as the source counted them
	Duration    time.Duration // wall time of the tick's queries
	Unmatched   int           // rows that name no service of the catalog
}

// IdentityReport lists what the catalog and the series do not agree on.
type IdentityReport struct {
	Identity  string
	Conflicts []IdentityConflict
	Unreached []catalog.ID // services whose identity is empty
}

// IdentityConflict is a tuple of label values claimed by several services.
type IdentityConflict struct {
	Labels   string // {service="playlist"}
	Services []catalog.ID
}

// HistoryPoint is one scorecard, thinned for plots.
type HistoryPoint struct {
	Time     time.Time
	Score    *float64
	Coverage float64
	Level    string
}

// Change is one difference between two generations of a scorecard.
type Change struct {
	ID          uint64 // grows by one per change of a store
	Generation  uint64
	Time        time.Time // the tick
	Kind        ChangeKind
	Key         Key
	Environment string
	Check       string // for verdict changes
	From, To    string
	FromScore   *float64
	ToScore     *float64
	Reason      string
	Message     string
}

// ChangeKind says what changed.
type ChangeKind string

// The kinds of change.
const (
	ScorecardAdded   ChangeKind = "scorecard_added"
	ScorecardRemoved ChangeKind = "scorecard_removed"
	VerdictChanged   ChangeKind = "verdict_changed"
	LevelChanged     ChangeKind = "level_changed"
	GradeChanged     ChangeKind = "grade_changed"
	StatusChanged    ChangeKind = "status_changed"
)
