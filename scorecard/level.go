package scorecard

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/rubric"
)

// levelHeldFor is how long a check that became unknown still holds a level.
const levelHeldFor = 7 * 24 * time.Hour

// level returns the highest level whose checks, and those of all levels below
// it, are met. While too much is waived it is never above the last one.
func (c *Scorecard) level(in *Input, overWaived bool) (rank *int, name string) {
	highest := 0
	for highest < len(in.Rubric.Levels) && c.reaches(in, highest+1) {
		highest++
	}
	if overWaived {
		highest = min(highest, in.lastRank())
	}
	return ptr(highest), levelName(in.Rubric, highest)
}

// reaches reports whether the checks of a level, and of those below it, are met.
func (c *Scorecard) reaches(in *Input, level int) bool {
	for i, check := range in.Rubric.Checks {
		if c.Results[i].blocks(in, check, level) {
			return false
		}
	}
	return true
}

func levelName(r *rubric.Rubric, rank int) string {
	if rank == 0 {
		return ""
	}
	return r.Levels[rank-1]
}

// lastRank is the rank of the level last published; 0 for none.
func (in *Input) lastRank() int {
	if in.Previous == nil || in.Previous.Level == "" {
		return 0
	}
	return slices.Index(in.Rubric.Levels, in.Previous.Level) + 1
}

// blocks reports whether the result of a check keeps the service from a level.
func (r *Result) blocks(in *Input, check *rubric.Check, level int) bool {
	asked := check.LevelRank > 0 && check.LevelRank <= level
	return asked && !r.meets(in.Rubric.Strict) && !r.holds(in, level)
}

// meets reports whether the result meets a level: passed, warned unless the
// rubric is strict, waived or not applicable.
func (r *Result) meets(strict bool) bool {
	return r.Verdict == Waived || r.Verdict == NotApplicable || meets(r.Verdict, strict)
}

func meets(v Verdict, strict bool) bool { return v == Pass || v == Warn && !strict }

// holds reports whether an unknown result still meets a level, which it does up
// to the one last published: for a week, and not where it is remembered as not
// meeting it.
func (r *Result) holds(in *Input, level int) bool {
	if level > in.lastRank() || r.Verdict != VerdictUnknown || in.Tick.Sub(r.unknownSince) >= levelHeldFor {
		return false
	}
	return r.remembered == nil || meets(r.remembered.Verdict, in.Rubric.Strict)
}

// nextSteps lists the checks that keep the service from the next level, and
// what each would bring: those nearest to passing first, then those that bring
// most, then by name. sorted are the results by name.
func (c *Scorecard) nextSteps(in *Input, sorted []*Result) {
	r := in.Rubric
	if c.LevelRank == nil || *c.LevelRank >= len(r.Levels) {
		return
	}
	next := *c.LevelRank + 1
	type fix struct {
		NextStep
		credit, points float64
	}
	var fixes []fix
	for i, check := range r.Checks {
		result := &c.Results[i]
		if !result.blocks(in, check, next) {
			continue
		}
		f := fix{NextStep: NextStep{Check: result.Check, Level: levelName(r, next)}}
		if s, ok := result.standing(); ok {
			f.credit = s.Credit
		}
		if c.Score != nil {
			f.points = c.gain(sorted, result)
			f.Points = ptr(f.points)
		}
		fixes = append(fixes, f)
	}
	slices.SortFunc(fixes, func(a, b fix) int {
		return cmp.Or(cmp.Compare(b.credit, a.credit), cmp.Compare(exact(b.points), exact(a.points)), cmp.Compare(a.Check, b.Check))
	})
	for _, f := range fixes {
		c.NextSteps = append(c.NextSteps, f.NextStep)
	}
}

// exact takes away what rounding has put between numbers that are equal.
func exact(v float64) float64 { return math.Round(v*1e9) / 1e9 }

// gain is how far the score would rise if a check passed.
func (c *Scorecard) gain(sorted []*Result, of *Result) float64 {
	fixed := *of
	fixed.Verdict, fixed.Credit, fixed.Coverage = Pass, ptr(1.0), 1
	results := slices.Clone(sorted)
	results[slices.Index(results, of)] = &fixed
	t := tallyOf(results)
	return max(0, t.score()-*c.Score)
}
