package scorecard

import (
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// quorum is how much of a check's expected cells answered.
type quorum struct {
	fresh  float64 // share that answered completely at this tick
	held   float64 // share that did so within the grace
	rows   int
	faults int
	fault  *slo.Fault // the gravest
	cell   slo.CellKey
}

func quorumOf(cells []slo.CellFact) quorum {
	var q quorum
	for _, c := range cells {
		if c.Answered {
			q.fresh += c.Weight
		}
		if c.Graced {
			q.held += c.Weight
		}
		if c.Row {
			q.rows++
		}
		if c.Fault != nil {
			q.faults++
		}
		if graver := slo.Graver(q.fault, c.Fault); graver != q.fault {
			q.fault, q.cell = graver, c.Key
		}
	}
	q.fresh, q.held = clampShare(q.fresh), clampShare(q.held)
	return q
}

// clampShare takes rounding out of a sum of weights.
func clampShare(x float64) float64 {
	if slo.AtLeast(x, 1) {
		return 1
	}
	return max(0, x)
}

// cellResults says what each expected cell contributed: a gauge's value now,
// or the good share of a counted SLI over 7 days.
func (j *judgement) cellResults() []CellResult {
	if len(j.facts.Cells) == 0 {
		return nil
	}
	cells := make([]CellResult, len(j.facts.Cells))
	for i, c := range j.facts.Cells {
		cells[i] = CellResult{Source: c.Key.Source, Cell: c.Key.Cell}
		if c.Answered {
			cells[i].Coverage = 1
		}
		if c.Fault != nil {
			cells[i].Fault = string(c.Fault.Reason)
		}
		switch ratio, ok := c.Week.ErrorRatio(); {
		case j.check.Kind == rubric.KindValue && c.Row:
			cells[i].Value = ptr(c.Value)
		case j.check.Kind.Counted() && ok:
			cells[i].Value = ptr(1 - ratio)
		}
	}
	return cells
}
