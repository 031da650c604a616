package scorecard

import (
	"math"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// judgeValue merges a gauge over its cells and judges it.
func (j *judgement) judgeValue() {
	if j.check.Value.Across == rubric.Sum && j.quorum.fresh < 1 {
		j.unjudged(VerdictUnknown, ReasonPartial)
		return
	}
	value := mergeGauge(j.check, j.facts.Cells)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		j.unjudged(VerdictUnknown, string(slo.InvalidData))
		return
	}
	j.result.Value = ptr(value)
	j.fromCredit(creditOf(j.check, value))
}

// judgeRatio judges an un-objectived ratio: the share of good events over the
// check's window. Verdict and credit take the error share that the events
// prove, so that few events do not fail a service.
func (j *judgement) judgeRatio() {
	j.keepWindows()
	window := j.window(j.check.Window)
	ratio, ok := window.Counts.ErrorRatio()
	switch {
	case !ok:
		j.unjudged(VerdictUnknown, ReasonIdle)
	case j.facts.Measured < minMeasuredSlots:
		j.unjudged(VerdictUnknown, ReasonWarmingUp)
	case !window.judged:
		j.unjudged(VerdictUnknown, ReasonPartial)
	default:
		j.result.Value = ptr(1 - ratio)
		j.fromCredit(creditOf(j.check, 1-slo.WilsonLower(window.Counts)))
		plain := creditOf(j.check, 1-ratio)
		j.result.LowTraffic = verdictOf(plain) != j.result.Verdict
	}
}

// mergeGauge merges the rows of the cells that answered, as the check says.
func mergeGauge(check *rubric.Check, cells []slo.CellFact) float64 {
	var merged float64
	n := 0
	lowerIsBetter := check.Op == rubric.AtMost
	for _, c := range cells {
		if !c.Answered || !c.Row {
			continue
		}
		n++
		switch across := check.Value.Across; {
		case n == 1:
			merged = c.Value
		case across == rubric.Sum || across == rubric.Mean:
			merged += c.Value
		case (across == rubric.Best) == lowerIsBetter:
			merged = math.Min(merged, c.Value)
		default:
			merged = math.Max(merged, c.Value)
		}
	}
	if check.Value.Across == rubric.Mean && n > 0 {
		merged /= float64(n)
	}
	return merged
}

// creditOf returns 1 at pass or better, 0 at fail or worse, linear between;
// without fail it is 1 or 0. The order of pass and fail gives the direction,
// which the loader has put into Op.
func creditOf(check *rubric.Check, x float64) float64 {
	pass := *check.Pass
	better := slo.AtMost
	if check.Op == rubric.AtLeast {
		better = slo.AtLeast
	}
	switch {
	case better(x, pass):
		return 1
	case check.Fail == nil || better(*check.Fail, x):
		return 0
	}
	fail := *check.Fail
	// Halves, so that no difference of two large numbers overflows.
	return min(1, max(0, (fail/2-x/2)/(fail/2-pass/2)))
}

func verdictOf(credit float64) Verdict {
	switch credit {
	case 1:
		return Pass
	case 0:
		return Fail
	}
	return Warn
}
