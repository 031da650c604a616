package scorecard

import (
	"cmp"
	"slices"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// criticalCap is the highest score with a failed critical check.
const criticalCap = 59

// sum turns the results into score, coverage, bounds, cap, grade and level.
func (c *Scorecard) sum(r *rubric.Rubric) {
	t := c.tally()
	c.Coverage, c.FreshCoverage = t.coverage, t.fresh
	c.LevelRank, c.Level = c.level(r)
	switch {
	case t.applicable == 0:
		c.Status, c.Coverage, c.FreshCoverage = NotScored, 0, 0
		return
	case !slo.AtLeast(t.coverage, r.CoverageFloor) || t.known == 0:
		c.Status = Unknown
	default:
		c.Status = Scored
	}
	c.bound(t)
	if c.Status == Scored {
		c.score(t)
	}
	c.Pass = c.passes(r)
}

// tally is the sums over the results of a scorecard.
type tally struct {
	applicable float64 // weight of what is applicable
	known      float64 // weight of what is judged
	earned     float64 // weight times credit of what is judged
	coverage   float64
	fresh      float64
	failed     *Result // the heaviest critical fail that caps, then by name
	blind      bool    // a critical check is not known
}

// tally adds up the results in order of check name, so that the order of
// checks in a rubric does not matter to the last bit.
func (c *Scorecard) tally() tally {
	var t tally
	for _, result := range c.byName() {
		if result.Verdict == NotApplicable || result.Verdict == Waived || result.Weight == 0 {
			continue
		}
		t.applicable += result.Weight
		t.coverage += result.Weight * result.Coverage
		t.fresh += result.Weight * result.fresh()
		critical := result.Severity == string(rubric.Critical)
		if !result.known() {
			t.blind = t.blind || critical
			continue
		}
		t.known += result.Weight
		t.earned += result.Weight * *result.Credit
		if critical && result.Verdict == Fail && result.Reason != ReasonBudgetSpent &&
			(t.failed == nil || result.Weight > t.failed.Weight) {
			t.failed = result
		}
	}
	if t.applicable > 0 {
		t.coverage /= t.applicable
		t.fresh /= t.applicable
	}
	return t
}

// byName returns the results in order of check name.
func (c *Scorecard) byName() []*Result {
	results := make([]*Result, len(c.Results))
	for i := range c.Results {
		results[i] = &c.Results[i]
	}
	slices.SortFunc(results, func(a, b *Result) int { return cmp.Compare(a.Check, b.Check) })
	return results
}

// known reports whether the result counts: judged, with at least half of its
// expected cells.
func (r *Result) known() bool { return r.Verdict.Judged() && slo.AtLeast(r.Coverage, 0.5) }

// fresh is the share of cells that answered at this very tick.
func (r *Result) fresh() float64 {
	if !r.Verdict.Judged() || r.Carried {
		return 0
	}
	return r.freshCoverage
}

// score sets the score, the cap and the points lost. raw is the score before
// the cap; points lost and cap points add up to 100 − score.
func (c *Scorecard) score(t tally) {
	raw := t.raw()
	score := raw
	if t.failed != nil {
		score = min(raw, criticalCap)
		if !slo.AtMost(raw, criticalCap) {
			c.CappedBy = t.failed.Check
		}
	}
	c.RawScore, c.Score, c.CapPoints = ptr(raw), ptr(score), ptr(raw-score)
	c.ScoreWithoutWaivers = c.Score
	c.Grade = gradeOf(score)
	for i := range c.Results {
		if r := &c.Results[i]; r.known() {
			r.PointsLost = ptr(100 * r.Weight * (1 - *r.Credit) / t.known)
		}
	}
}

// raw is the score of what is known, before the cap. The share comes first:
// it cannot exceed 1, which 100 · earned ÷ known can, by rounding, exceed 100.
func (t tally) raw() float64 { return 100 * (t.earned / t.known) }

// bound sets the lowest and the highest score that what is unknown could
// bring, the cap included.
func (c *Scorecard) bound(t tally) {
	low := 100 * (t.earned / t.applicable)
	high := 100 * ((t.earned + (t.applicable - t.known)) / t.applicable)
	if t.known > 0 { // take out what rounding has put between
		low, high = min(low, t.raw()), max(high, t.raw())
	}
	if t.failed != nil || t.blind {
		low = min(low, criticalCap)
	}
	if t.failed != nil {
		high = min(high, criticalCap)
	}
	c.ScoreLow, c.ScoreHigh = ptr(low), ptr(min(100, high))
}

// gradeOf returns the grade of an unrounded score.
func gradeOf(score float64) string {
	for _, g := range []struct {
		from  float64
		grade string
	}{{90, "A"}, {80, "B"}, {70, "C"}, {60, "D"}} {
		if slo.AtLeast(score, g.from) {
			return g.grade
		}
	}
	return "F"
}

// level returns the highest level whose checks, and those of all levels below
// it, are met: passed, warned unless the rubric is strict, waived or not
// applicable. Before the first scored tick there is no level to speak of.
func (c *Scorecard) level(r *rubric.Rubric) (rank *int, name string) {
	if len(r.Levels) == 0 {
		return nil, ""
	}
	highest := len(r.Levels)
	for i, check := range r.Checks {
		if check.LevelRank > 0 && !c.Results[i].meets(r.Strict) {
			highest = min(highest, check.LevelRank-1)
		}
	}
	if highest > 0 {
		name = r.Levels[highest-1]
	}
	return ptr(highest), name
}

// meets reports whether the result holds a level.
func (r *Result) meets(strict bool) bool {
	switch r.Verdict {
	case Pass, Waived, NotApplicable:
		return true
	case Warn:
		return !strict
	}
	return false
}

// passes reports whether no check of weight fails and the pass level, if any,
// is held; nil when a check of weight is unknown and nothing fails.
func (c *Scorecard) passes(r *rubric.Rubric) *bool {
	unknown := false
	for i := range c.Results {
		if c.Results[i].Weight == 0 {
			continue
		}
		switch c.Results[i].Verdict {
		case Fail:
			return ptr(false)
		case VerdictUnknown:
			unknown = true
		}
	}
	if unknown {
		return nil
	}
	need := slices.Index(r.Levels, r.PassLevel) + 1
	return ptr(c.LevelRank == nil || *c.LevelRank >= need)
}
