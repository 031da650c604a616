package scorecard

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// State is what grading remembers of one scorecard from tick to tick. It is
// immutable: grading returns a new one.
type State struct {
	// RubricVersion and ServiceVersion are what the scorecard was graded by; a
	// change of either ends the stickiness of its checks.
	RubricVersion  string
	ServiceVersion string
	LastScore      *float64
	LastScoredAt   time.Time
	Level          string // the last one published; "" for none
	// Detected says that a rubric that has to be detected was, and AbsentSince when
	// targets were first up and none of its checks had a row; zero while one has.
	Detected    bool
	AbsentSince time.Time
	Checks      map[string]CheckState
}

// CheckState is what grading remembers of one check. It is dropped when the
// check's hash changes.
type CheckState struct {
	Hash    string
	Verdict Verdict
	Reason  string
	Since   time.Time // when Verdict became what it is
	// UnknownSince is since when the check is unknown, be it waived or not; zero
	// while it is not.
	UnknownSince time.Time
	// DownTicks counts the answers in a row that said that all targets were
	// down, and DownAt is the data time of the newest.
	DownTicks int
	DownAt    time.Time
	// Firing are the burn pairs that fired when last judged.
	Firing []FiringPair
	// Standing is the last judged result, whatever has become of it since; its
	// verdict is "" before the first.
	Standing Standing
	// Evaluated is the newest evaluation that counts, and Turns are the data
	// times of up to three changes of its verdict, oldest first: for values and
	// un-objectived ratios.
	Evaluated Evaluation
	Turns     []time.Time
	// Windows are the windows of a counted check as they were last judged.
	Windows []WindowState
	// Seen says that the check was judged from a row, and AbsentSince when its
	// metric was first missed with targets up; zero while it is there.
	Seen        bool
	AbsentSince time.Time
	// Inapplicable says that on_missing made the check not applicable and that
	// no row has been seen since.
	Inapplicable bool
}

// Standing is a judged result that was published. It stands while cells do not
// answer, is carried within the grace, and is remembered after that.
type Standing struct {
	Verdict  Verdict
	Reason   string
	Credit   float64   // 0 to 1
	Value    *float64  // of a gauge
	Coverage float64   // its q
	At       time.Time // the data time
}

// Evaluation is what an evaluation came to, before hysteresis.
type Evaluation struct {
	Verdict Verdict
	Credit  float64
	At      time.Time // the data time
}

// WindowState is a window as it was last judged.
type WindowState struct {
	Length time.Duration
	Counts slo.Counts
	At     int64 // the data time, in Unix seconds
}

// FiringPair is a burn pair that fires.
type FiringPair struct {
	Long, Short time.Duration
	// IdleSince is the tick at which the short window became 0/0 while
	// firing; zero while it has events.
	IdleSince time.Time
}

// firing returns what is remembered of a burn pair that fired when last judged.
func (c *CheckState) firing(pair slo.Pair) (before FiringPair, fired bool) {
	i := slices.IndexFunc(c.Firing, func(f FiringPair) bool { return f.Long == pair.Long && f.Short == pair.Short })
	if i < 0 {
		return FiringPair{}, false
	}
	return c.Firing[i], true
}

// memoryOfCredit is how long a credit is remembered.
const memoryOfCredit = 30 * 24 * time.Hour

// previous returns what the state remembers of a check, or nothing when the
// check means something else now. A credit that is too old is forgotten.
func (s *State) previous(check, hash string, tick time.Time) CheckState {
	if s == nil {
		return CheckState{}
	}
	c, ok := s.Checks[check]
	if !ok || c.Hash != hash {
		return CheckState{}
	}
	if tick.Sub(c.Standing.At) > memoryOfCredit {
		c.Standing, c.Evaluated, c.Turns = Standing{}, Evaluation{}, nil
	}
	return c
}

// begins returns a check's memory for the next tick: what nothing has changed.
func (c *CheckState) begins() CheckState {
	next := *c
	next.DownTicks, next.DownAt = 0, time.Time{}
	return next
}
