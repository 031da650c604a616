package scorecard

import (
	"time"

	"github.com/apgarhq/apgar/catalog"
)

// Scorecard is the result of one rubric for one service at one time. It is
// immutable once graded. Unknown numbers are nil, never NaN. Scores are
// unrounded, 0 to 100; ratios are 0 to 1.
type Scorecard struct {
	Rubric        string
	RubricVersion string
	Environment   string
	Service       *catalog.Service

	Status       Status
	Pass         *bool
	Score        *float64 // after the critical cap; nil unless Status is Scored
	LastScore    *float64
	LastScoredAt time.Time // zero when never scored
	RawScore     *float64  // before the cap
	ScoreLow     *float64
	ScoreHigh    *float64
	// ScoreWithoutWaivers is the score as if no waiver were in force.
	ScoreWithoutWaivers *float64
	Coverage            float64
	FreshCoverage       float64
	Grade               string // A to F; "" when the score is unknown
	Level               string // "" for none
	LevelRank           *int   // 0 is none; nil before the first scored tick
	CappedBy            string // the check that caps the score, of Overall the rubric; or ""
	CapPoints           *float64
	Delta               Delta
	EvaluatedAt         time.Time
	DataTime            time.Time // the tick
	Stateless           bool      // graded from an empty state (apgar evaluate)
	Draft               bool      // counted nowhere: the rubric is a draft, or not yet in effect
	NextSteps           []NextStep
	Results             []Result // in the rubric's order of checks

	caps caps
}

// NextStep is a check that keeps a service from the next level.
type NextStep struct {
	Check string
	Level string // the next one
	// Points is how far the score would rise if the check passed and all else
	// stayed as it is; nil while there is no score.
	Points *float64
}

// Delta is how far the score has moved since earlier times, in points; nil
// where either score is unknown.
type Delta struct {
	Hour, Day, Week *float64
}

// Key names a scorecard among those of one environment.
type Key struct {
	Rubric  string
	Service catalog.ID
}

// Key returns the scorecard's key.
func (c *Scorecard) Key() Key { return Key{Rubric: c.Rubric, Service: c.Service.ID} }

// Status says whether a scorecard has a score, and if not, why.
type Status string

// The statuses of a scorecard.
const (
	Scored    Status = "scored"
	Unknown   Status = "unknown"    // coverage is below the rubric's floor
	NotScored Status = "not_scored" // no applicable check has a weight
)

// Result is one check of a scorecard.
type Result struct {
	Check      string
	Title      string
	Severity   string
	Weight     float64
	Verdict    Verdict
	Reason     string
	Credit     *float64 // 0 to 1; nil when not judged
	PointsLost *float64
	Value      *float64 // the SLI over Window, or the gauge
	Window     time.Duration
	Target     *float64
	Unit       string
	Coverage   float64
	Carried    bool
	Missing    string // the reason that a carried result stands in for
	Pending    Verdict
	Flapping   bool
	LowTraffic bool
	Since      time.Time // when the verdict became what it is
	DataTime   time.Time
	Message    string
	Evidence   string // a link to the query, or ""
	Cells      []CellResult
	Budget     *Budget
	CheckHash  string
	// Overrides are the fields of the check that the service overrides, with the
	// values as written; nil where there are none.
	Overrides map[string]string
	// WithoutWaiver is the verdict that a waived check would have; "" unless it
	// is waived.
	WithoutWaiver Verdict

	freshCoverage float64   // share of expected cells that answered at this tick
	remembered    *Standing // what an unknown result counts as; nil: nothing
	unknownSince  time.Time // since when it is unknown, be it waived meanwhile or not
}

// Verdict is what a check came to.
type Verdict string

// The verdicts. Pass, Warn and Fail are judged, the others are not.
const (
	Pass           Verdict = "pass"
	Warn           Verdict = "warn"
	Fail           Verdict = "fail"
	VerdictUnknown Verdict = "unknown"
	Waived         Verdict = "waived"
	NotApplicable  Verdict = "not_applicable"
)

// Judged reports whether v is pass, warn or fail.
func (v Verdict) Judged() bool { return v == Pass || v == Warn || v == Fail }

// CellResult is what one cell contributed to a result.
type CellResult struct {
	Source   string
	Cell     string
	Value    *float64 // the gauge, or the good share of a counted SLI over 7 days
	Coverage float64
	Fault    string // the reason why it has not answered, or ""
}

// Budget is the error budget behind a result with an objective.
type Budget struct {
	Objective float64
	Period    time.Duration
	Covered   float64 // measured share of the period, 0 to 1
	From, To  time.Time
	Remaining *float64 // 1 - bad/((1-objective)·total); may be negative
	Bad       float64
	Total     float64
	Born      float64 // the part of both that is the first value of a series
	Burn      []Burn  // by window, shortest first
}

// Burn is how many times too fast a window spends the budget.
type Burn struct {
	Window time.Duration
	Rate   *float64 // nil where the window is not judged
}
