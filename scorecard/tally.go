package scorecard

import (
	"cmp"
	"math"
	"slices"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// criticalCap is the highest score with a failed critical check.
const criticalCap = 59

// caps says which critical checks hold scores down.
type caps struct {
	any      bool // a critical check fails, or is remembered to
	known    bool // one fails that is known
	blind    bool // one is not known
	unwaived bool // one fails that no waiver, were there none, would hide
}

// tally is the sums over the results of a scorecard.
type tally struct {
	applicable float64 // weight of A: what is applicable and not waived
	waived     float64 // weight of what is waived
	known      float64 // weight of K: what is judged
	sure       float64 // weight times credit of K
	counted    float64 // weight of K ∪ R: what is judged or remembered
	earned     float64 // weight times credit of K ∪ R
	coverage   float64
	fresh      float64
	failed     *Result // the heaviest critical fail that caps, then by name
	caps       caps
}

// tallyOf adds up results in order of check name, so that the order of checks
// in a rubric does not matter to the last bit.
func tallyOf(byName []*Result) tally {
	var t tally
	for _, r := range byName {
		switch {
		case r.Weight == 0:
		case r.Verdict == Waived:
			t.waived += r.Weight
		case r.applicable():
			t.add(r)
		}
	}
	if t.applicable > 0 {
		t.coverage /= t.applicable
		t.fresh /= t.applicable
	}
	return t
}

func (t *tally) add(r *Result) {
	critical, known := r.Severity == string(rubric.Critical), r.known()
	t.applicable += r.Weight
	t.coverage += r.Weight * r.Coverage
	t.fresh += r.Weight * r.fresh()
	t.caps.blind = t.caps.blind || critical && !known
	s, ok := r.standing()
	if !ok {
		return
	}
	t.counted += r.Weight
	t.earned += r.Weight * s.Credit
	if known {
		t.known += r.Weight
		t.sure += r.Weight * s.Credit
	}
	if critical && s.caps() {
		t.caps.any = true
		t.caps.known = t.caps.known || known
		if t.failed == nil || r.Weight > t.failed.Weight {
			t.failed = r
		}
	}
}

// caps reports whether a critical check that stands like this caps the score.
func (s *Standing) caps() bool { return s.Verdict == Fail && s.Reason != ReasonBudgetSpent }

// byName returns results in order of check name.
func byName(results []Result) []*Result {
	sorted := make([]*Result, len(results))
	for i := range results {
		sorted[i] = &results[i]
	}
	slices.SortFunc(sorted, func(a, b *Result) int { return cmp.Compare(a.Check, b.Check) })
	return sorted
}

// status says whether there is a score.
func (t *tally) status(r *rubric.Rubric) Status {
	switch {
	case t.applicable == 0:
		return NotScored
	case !slo.AtLeast(t.coverage, r.CoverageFloor) || t.counted == 0:
		return Unknown
	}
	return Scored
}

// raw is the score of what counts, before the cap.
func (t *tally) raw() float64 { return outOf100(t.earned, t.counted) }

// outOf100 is a part of a whole in hundredths. It multiplies first, so that what
// lies halfway between two published scores comes out exactly there, and is not
// above 100, where that would bring it by rounding.
func outOf100(part, whole float64) float64 { return math.Min(100, 100*part/whole) }

// score is the score after the cap.
func (t *tally) score() float64 { return capped(t.raw(), t.caps.any) }

func capped(raw float64, fails bool) float64 {
	if fails {
		return math.Min(raw, criticalCap)
	}
	return raw
}

// bounds returns the lowest and the highest score that what is not known could
// bring, the caps included.
func (t *tally) bounds() (low, high float64) {
	low = outOf100(t.sure, t.applicable)
	high = outOf100(t.sure+(t.applicable-t.known), t.applicable)
	if t.counted > 0 { // take out what rounding has put between
		low, high = math.Min(low, t.raw()), math.Max(high, t.raw())
	}
	if t.caps.any || t.caps.blind {
		low = math.Min(low, criticalCap)
	}
	if t.caps.known {
		high = math.Min(high, criticalCap)
	}
	return low, high
}

// mostWaived is the share of weight above which waivers hide too much for a
// promotion or a pass.
const mostWaived = 0.25

// overWaived reports whether more than a quarter of the weight is waived.
func (t *tally) overWaived() bool {
	return t.waived > 0 && !slo.AtMost(t.waived, mostWaived*(t.waived+t.applicable))
}
