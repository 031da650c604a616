package scorecard

import (
	"slices"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// sum turns the results into score, coverage, bounds, cap, grade and level.
// beneath are the results as they were without waivers, nil where none is in
// force.
func (c *Scorecard) sum(in *Input, beneath []Result) {
	r := in.Rubric
	sorted := byName(c.Results)
	t := tallyOf(sorted)
	unwaived := t
	if beneath != nil {
		unwaived = tallyOf(byName(beneath))
	}
	c.caps = t.caps
	c.caps.unwaived = unwaived.caps.any
	c.Coverage, c.FreshCoverage, c.Status = t.coverage, t.fresh, t.status(r)
	c.LevelRank, c.Level = c.level(in, t.overWaived())
	if unwaived.status(r) == Scored {
		c.ScoreWithoutWaivers = ptr(unwaived.score())
	}
	if c.Status == NotScored {
		return
	}
	low, high := t.bounds()
	c.ScoreLow, c.ScoreHigh = ptr(low), ptr(high)
	if c.Status == Scored {
		c.score(&t)
	}
	if !t.overWaived() {
		c.Pass = c.passes(r)
	}
	c.nextSteps(in, sorted)
}

// score sets the score, the cap and the points lost. raw is the score before
// the cap; points lost and cap points add up to 100 − score.
func (c *Scorecard) score(t *tally) {
	raw, score := t.raw(), t.score()
	if t.caps.any && !slo.AtMost(raw, criticalCap) {
		c.CappedBy = t.failed.Check
	}
	c.RawScore, c.Score, c.CapPoints = ptr(raw), ptr(score), ptr(raw-score)
	c.Grade = gradeOf(score)
	for i := range c.Results {
		r := &c.Results[i]
		if s, ok := r.standing(); ok && r.applicable() {
			r.PointsLost = ptr(100 * r.Weight * (1 - s.Credit) / t.counted)
		}
	}
}

// gradeOf returns the grade of an unrounded score.
func gradeOf(score float64) string {
	for _, g := range [...]struct {
		from  float64
		grade string
	}{{90, "A"}, {80, "B"}, {70, "C"}, {60, "D"}} {
		if slo.AtLeast(score, g.from) {
			return g.grade
		}
	}
	return "F"
}

// passes reports whether no check of weight fails, those that are unknown
// standing as they are remembered, and the pass level, if any, is held; nil
// when one is unknown without a memory and nothing fails.
func (c *Scorecard) passes(r *rubric.Rubric) *bool {
	unknown := false
	for i := range c.Results {
		result := &c.Results[i]
		if result.Weight == 0 || !result.applicable() {
			continue
		}
		s, ok := result.standing()
		if ok && s.Verdict == Fail {
			return ptr(false)
		}
		unknown = unknown || !ok
	}
	if unknown {
		return nil
	}
	need := slices.Index(r.Levels, r.PassLevel) + 1
	return ptr(c.LevelRank == nil || *c.LevelRank >= need)
}
