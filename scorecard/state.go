package scorecard

import "time"

// State is what grading remembers of one scorecard from tick to tick. It is
// immutable: grading returns a new one.
type State struct {
	LastScore    *float64
	LastScoredAt time.Time
	Checks       map[string]CheckState
}

// CheckState is what grading remembers of one check. It is dropped when the
// check's hash changes.
type CheckState struct {
	Hash    string
	Verdict Verdict
	Reason  string
	Since   time.Time // when Verdict became what it is
	// DownTicks counts the answers in a row that said that all targets were
	// down, and DownAt is the data time of the newest.
	DownTicks int
	DownAt    time.Time
	// Firing are the burn pairs that fired when last judged.
	Firing []FiringPair
	// Standing is the last judged result, whatever has become of it since; its
	// verdict is "" before the first.
	Standing Standing
}

// Standing is a judged result that stands while cells do not answer.
type Standing struct {
	Verdict Verdict
	Reason  string
	Credit  float64 // 0 to 1
}

// FiringPair is a burn pair that fires.
type FiringPair struct {
	Long, Short time.Duration
	// IdleSince is the tick at which the short window became 0/0 while
	// firing; zero while it has events.
	IdleSince time.Time
}

// previous returns what the state remembers of a check, or nothing when the
// check means something else now.
func (s *State) previous(check, hash string) CheckState {
	if s == nil {
		return CheckState{}
	}
	if c, ok := s.Checks[check]; ok && c.Hash == hash {
		return c
	}
	return CheckState{}
}
