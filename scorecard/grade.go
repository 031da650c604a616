package scorecard

import (
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// Input is everything that a grade depends on.
type Input struct {
	Rubric      *rubric.Rubric
	Service     *catalog.Service
	Environment string
	Tick        time.Time
	EvaluatedAt time.Time
	// Interval is the evaluation interval, for the grace of cells.
	Interval time.Duration
	// ServiceVersion names what the catalog says of the service. When it changes,
	// a check that was once judged need not be judged any more.
	ServiceVersion string
	// Waivers are the ids of the waivers in force, by check.
	Waivers map[string]string
	// Facts are those of Rubric.Checks, in the same order; catalog checks
	// need none, and facts left out at the end are empty.
	Facts    []CheckFacts
	Previous *State // nil: empty
	// Stateless marks a grade from an empty state on purpose.
	Stateless bool
	// Detect asks for a scorecard only where the rubric is detected: a row of one
	// of its checks is there, or is remembered.
	Detect bool
}

// CheckFacts are the facts of one check.
type CheckFacts struct {
	slo.Facts
	// Conflict lists the services that claim the same identity, as text.
	Conflict string
	// Unidentified says that no identity of the check names the service.
	Unidentified bool
	// IdentityProblem says why none does, where that is known; it stands in
	// for the general text.
	IdentityProblem string
	// Evidence is a link to the query, or "".
	Evidence string
}

// Grace returns how long a cell's last answer counts in the coverage of a
// check: the larger of three of its intervals and 15 minutes.
func Grace(check *rubric.Check, interval time.Duration) time.Duration {
	return max(3*max(check.Interval, interval), 15*time.Minute)
}

// WindowsOf returns the windows that grading a counted check needs.
func WindowsOf(check *rubric.Check) []time.Duration {
	switch {
	case !check.Kind.Counted():
		return nil
	case check.Objective > 0:
		return append(slo.Windows(check.Period), check.Period)
	}
	return []time.Duration{check.Window}
}

// Applies reports whether a rubric grades a service at all. A condition that
// cannot be evaluated does not apply.
func Applies(r *rubric.Rubric, s *catalog.Service) bool {
	if r.AppliesTo == nil {
		return true
	}
	ok, err := r.AppliesTo.Eval(s)
	return err == nil && ok
}

// Grade judges one service by one rubric: it returns the scorecard and what
// to hand in as Previous at the next tick; neither, where a rubric that is to be
// detected is not. It changes nothing that it is given.
func Grade(in Input) (*Scorecard, *State) {
	r := in.Rubric
	next := &State{
		RubricVersion: r.Version, ServiceVersion: in.ServiceVersion, Checks: make(map[string]CheckState, len(r.Checks)),
	}
	if in.Detect && !in.detect(next) {
		return nil, nil
	}
	card := &Scorecard{
		Rubric:        r.Name,
		RubricVersion: r.Version,
		Environment:   in.Environment,
		Service:       in.Service,
		EvaluatedAt:   in.EvaluatedAt,
		DataTime:      in.Tick,
		Stateless:     in.Stateless,
		Draft:         !r.InEffect(in.Tick),
		Results:       make([]Result, len(r.Checks)),
	}
	var beneath []Result
	if len(in.Waivers) > 0 {
		beneath = make([]Result, len(r.Checks))
	}
	j := new(judgement) // one for all checks: it is large
	for i, check := range r.Checks {
		in.prepare(j, i, check)
		result := j.judge()
		if beneath != nil {
			beneath[i] = result
		}
		card.Results[i] = j.publish(result)
		next.Checks[check.Name] = j.next
	}
	card.sum(&in, beneath)
	card.remember(&in, next)
	return card, next
}

// prepare sets up the judgement of one check.
func (in *Input) prepare(j *judgement, i int, check *rubric.Check) {
	*j = judgement{
		check: check, service: in.Service, tick: in.Tick, grace: Grace(check, in.Interval),
		waiver: in.Waivers[check.Name], previous: in.Previous.previous(check.Name, check.Hash, in.Tick),
	}
	if i < len(in.Facts) {
		j.facts = in.Facts[i]
	}
	if p := in.Previous; p != nil && (p.RubricVersion != in.Rubric.Version || p.ServiceVersion != in.ServiceVersion) {
		j.previous.Seen, j.previous.AbsentSince = false, time.Time{}
	}
}

// remember carries the last score over, or replaces it, and notes the level
// that is published.
func (c *Scorecard) remember(in *Input, next *State) {
	if in.Previous != nil {
		next.LastScore, next.LastScoredAt = in.Previous.LastScore, in.Previous.LastScoredAt
	}
	if c.Status == Scored {
		next.LastScore, next.LastScoredAt = c.Score, in.Tick
	}
	c.LastScore, c.LastScoredAt = next.LastScore, next.LastScoredAt
	if c.LastScore == nil {
		c.Level, c.LevelRank, c.NextSteps = "", nil, nil
	}
	next.Level = c.Level
}
