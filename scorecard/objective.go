package scorecard

import (
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// The evidence that a page and the budget rows need; increases are
// extrapolated, so counts are compared with half an event less.
const (
	minBadShort  = 1.5
	minBadLong   = 2.5
	minBadPeriod = 2.5
	minCovered   = 0.1
	lowBudget    = 0.75
	goodToClear  = 10
)

// pageLong is the long window of the slower page, whose burn tells whether the
// budget is being spent now.
const pageLong = 6 * time.Hour

// judgeObjective judges an SLI with an objective by its budget and burn.
func (j *judgement) judgeObjective() {
	j.keepWindows()
	j.showBudget()
	b := &j.budget
	if j.idleEverywhere() {
		j.unjudged(VerdictUnknown, ReasonIdle)
		return
	}
	if j.facts.Measured < minMeasuredSlots {
		j.unjudged(VerdictUnknown, ReasonWarmingUp)
		return
	}
	j.pairs = j.judgePairs(b, slo.WilsonLower)
	verdict, reason, credit := b.verdict(j.pairs, slo.WilsonLower)
	j.holdFiring()
	j.rememberFiring(j.pairs)
	if j.cannotTell(j.pairs, reason) {
		j.unjudged(VerdictUnknown, ReasonPartial)
		return
	}
	j.judged(verdict, reason, credit)
	if b.anyBad() {
		plain, _, _ := b.verdict(j.judgePairs(b, plainShare), plainShare)
		j.result.LowTraffic = plain != verdict
	}
}

// showBudget publishes what the ledger says of the period.
func (j *judgement) showBudget() {
	j.budget = j.budgeting()
	j.result.Budget = j.budget.published()
	if ratio, ok := j.budget.period.Counts.ErrorRatio(); ok {
		j.result.Value = ptr(1 - ratio)
	}
}

// anyBad reports whether a window other than the period has bad events; where
// none has, the bound and the plain share are both 0.
func (b *budgeting) anyBad() bool {
	return slices.ContainsFunc(b.windows, func(w window) bool { return w.Length != b.length && w.Counts.Bad > 0 })
}

func plainShare(c slo.Counts) float64 {
	ratio, _ := c.ErrorRatio()
	return ratio
}

// budgeting is the arithmetic of one objective at one tick.
type budgeting struct {
	objective float64
	length    time.Duration
	windows   []window
	table     []slo.Pair
	period    window
	spent     float64
	counts    bool    // the rows on the budget apply
	covered   float64 // measured share of the whole period
}

func (j *judgement) budgeting() budgeting {
	c := j.check
	b := budgeting{objective: c.Objective, length: c.Period, windows: j.windows}
	b.table = slo.BurnTable(c.Period, c.Objective)
	b.period = j.window(c.Period)
	b.covered = math.Min(1, float64(b.period.Measured)*float64(slo.SlotLength)/float64(c.Period))
	spent, ok := slo.BudgetSpent(b.period.Counts, c.Objective)
	b.spent = spent
	b.counts = ok && b.period.judged && slo.AtLeast(b.period.Counts.Bad, minBadPeriod) &&
		slo.AtLeast(b.covered, minCovered)
	return b
}

// burning reports whether a judged window burns at 1 or more.
func (b *budgeting) burning(length time.Duration, share func(slo.Counts) float64) bool {
	i := slices.IndexFunc(b.windows, func(w window) bool { return w.Length == length })
	if i < 0 {
		return false
	}
	w := &b.windows[i]
	return w.judged && slo.AtLeast(slo.Burn(share(w.Counts), b.objective), 1)
}

// verdict takes the first row of the specification's table that applies.
func (b *budgeting) verdict(pairs []pairState, share func(slo.Counts) float64) (Verdict, string, float64) {
	now := b.burning(pageLong, share) || b.burning(slo.RoundToSlots(b.length/10), share)
	credit := 1.0
	if b.counts {
		credit = math.Min(1, math.Max(0, (1-b.spent)/0.25))
		if !now {
			credit = math.Max(0.5, credit)
		}
	}
	spent := b.counts && slo.AtLeast(b.spent, 1)
	switch {
	case anyFires(pairs, true):
		return Fail, ReasonBurningFast, 0
	case spent && now:
		return Fail, ReasonBudgetSpent, 0
	case anyFires(pairs, false):
		return Warn, ReasonBurningSlow, math.Min(0.5, credit)
	case spent:
		return Warn, ReasonBudgetSpent, 0.5
	case b.counts && !slo.AtMost(b.spent, lowBudget):
		return Warn, ReasonBudgetLow, credit
	}
	return Pass, ReasonOK, 1
}

// published returns the budget as readers see it, with plain values.
func (b *budgeting) published() *Budget {
	p := &Budget{
		Objective: b.objective, Period: b.length, Covered: b.covered,
		From: time.Unix(b.period.From, 0).UTC(), To: time.Unix(b.period.To, 0).UTC(),
		Bad: b.period.Counts.Bad, Total: b.period.Counts.Total, Born: b.period.Born,
	}
	if spent, ok := slo.BudgetSpent(b.period.Counts, b.objective); ok {
		p.Remaining = ptr(1 - spent)
	}
	n := len(b.windows)
	p.Burn = make([]Burn, 0, n)
	rates := make([]float64, n)
	for i, w := range b.windows {
		if w.Length == b.length {
			continue
		}
		burn := Burn{Window: w.Length}
		if ratio, ok := w.Counts.ErrorRatio(); ok && w.judged {
			rates[i] = slo.Burn(ratio, b.objective)
			burn.Rate = &rates[i]
		}
		p.Burn = append(p.Burn, burn)
	}
	return p
}

// idleEverywhere reports that every window of the pairs, and the period, has
// no events.
func (j *judgement) idleEverywhere() bool {
	return !slices.ContainsFunc(j.facts.Windows, func(w slo.Window) bool { return w.Counts.Total > 0 })
}
