package scorecard

import (
	"fmt"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// objectiveMessage explains a judged objective by its budget.
func (j *judgement) objectiveMessage() string {
	b := &j.budget
	c := b.period.Counts
	allowed := 1 - b.objective
	switch j.result.Reason {
	case ReasonBurningFast, ReasonBurningSlow:
		return j.burningMessage()
	case ReasonBudgetSpent:
		return j.share(c, &allowed) + " over " + j.covered() + b.born() + ", and the objective allows " + percent(allowed) +
			": " + b.left("the error budget")
	}
	if c.Total <= 0 {
		return "there were no " + j.events() + " over " + j.covered() + ": all of the error budget is left"
	}
	message := j.share(c, &allowed) + " over " + j.covered() + b.born() + ": " + b.left("the error budget")
	switch why := b.uncounted(); {
	case why != "" && !slo.AtMost(b.spent, lowBudget):
		message += ", which does not count while " + why
	case j.result.LowTraffic:
		message += "; too few to prove a burn"
	}
	return message
}

// burningMessage names the fastest pair that fires.
func (j *judgement) burningMessage() string {
	b := &j.budget
	page := j.result.Reason == ReasonBurningFast
	i := slices.IndexFunc(j.pairs, func(p pairState) bool { return p.fires && !p.held && p.Page == page })
	if i < 0 {
		return "the " + FormatDuration(b.length) + " budget burns too fast, " + b.left("it")
	}
	pair := &j.pairs[i]
	short, long := j.window(pair.Short), j.window(pair.Long)
	longBurn := number(slo.Burn(plainShare(long.Counts), b.objective))
	if !pair.idleSince.IsZero() {
		return fmt.Sprintf("only %s in the last %s, too few to say that the %s budget no longer burns too fast (%s: %s), %s",
			j.counted(short.Counts.Total), FormatDuration(pair.Short), FormatDuration(b.length), FormatDuration(pair.Long), longBurn, b.left("it"))
	}
	return fmt.Sprintf("%s in the last %s: the %s budget burns %s times too fast (%s: %s), %s",
		j.share(short.Counts), FormatDuration(pair.Short), FormatDuration(b.length),
		number(slo.Burn(plainShare(short.Counts), b.objective)), FormatDuration(pair.Long), longBurn, b.left("it"))
}

// covered names the period, and what of it is measured where that is not all.
func (j *judgement) covered() string {
	b := &j.budget
	if slo.AtLeast(b.covered, 0.995) {
		return FormatDuration(b.length)
	}
	measured := time.Duration(b.period.Measured) * slo.SlotLength
	return "the " + FormatDuration(measured) + " measured of " + FormatDuration(b.length)
}

// born says how many of the bad events are such that whoever asks Prometheus for
// an increase does not find; "" where that is none.
func (b *budgeting) born() string {
	if !slo.AtLeast(b.period.Born, 0.5) {
		return ""
	}
	return " (" + count(b.period.Born) + " of them in the first values of new series)"
}

// left says how much of the budget is left, or how far it is overspent.
func (b *budgeting) left(budget string) string {
	spent, ok := slo.BudgetSpent(b.period.Counts, b.objective)
	switch remaining := 1 - spent; {
	case !ok:
		return "all of " + budget + " is left"
	case slo.AtLeast(spent, 1) && slo.AtMost(spent, 1):
		return "0 % of " + budget + " is left"
	case remaining < 0:
		return budget + " is overspent by " + percent(-remaining)
	default:
		return percent(remaining) + " of " + budget + " is left"
	}
}

// uncounted says why the rows on the budget do not apply, or "".
func (b *budgeting) uncounted() string {
	switch {
	case b.counts:
		return ""
	case !slo.AtLeast(b.period.Counts.Bad, minBadPeriod):
		return "there are fewer than 3 bad ones"
	case !slo.AtLeast(b.covered, minCovered):
		return "less than 10 % of the period is measured"
	}
	return "more than 10 % of the measurements are missing"
}
