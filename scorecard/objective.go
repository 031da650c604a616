package scorecard

import (
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Shares of slots that must be measured before a window is judged.
const (
	windowCoverage = 0.8
	periodCoverage = 0.9
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
	j.budget = j.budgeting()
	b := &j.budget
	j.result.Budget = b.published()
	period := b.period.Counts
	if ratio, ok := period.ErrorRatio(); ok {
		j.result.Value = ptr(1 - ratio)
	}
	if j.idleEverywhere(b) {
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
	if j.cannotTell(j.pairs, reason) {
		j.unjudged(VerdictUnknown, ReasonPartial)
		return
	}
	j.judged(verdict, reason, credit)
	j.rememberFiring(j.pairs)
	if b.anyBad() {
		plain, _, _ := b.verdict(j.judgePairs(b, plainShare), plainShare)
		j.result.LowTraffic = plain != verdict
	}
}

// anyBad reports whether a window other than the period has bad events; where
// none has, the bound and the plain share are both 0.
func (b *budgeting) anyBad() bool {
	return slices.ContainsFunc(b.facts.Windows, func(w slo.Window) bool { return w.Length != b.length && w.Counts.Bad > 0 })
}

func plainShare(c slo.Counts) float64 {
	ratio, _ := c.ErrorRatio()
	return ratio
}

// budgeting is the arithmetic of one objective at one tick.
type budgeting struct {
	objective float64
	length    time.Duration
	facts     *slo.Facts
	table     []slo.Pair
	period    slo.Window
	spent     float64
	counts    bool    // the rows on the budget apply
	covered   float64 // measured share of the whole period
}

func (j *judgement) budgeting() budgeting {
	c := j.check
	b := budgeting{objective: c.Objective, length: c.Period, facts: &j.facts.Facts}
	b.table = slo.BurnTable(c.Period, c.Objective)
	b.period, _ = j.facts.Window(c.Period)
	b.covered = math.Min(1, float64(b.period.Measured)*float64(slo.SlotLength)/float64(c.Period))
	spent, ok := slo.BudgetSpent(b.period.Counts, c.Objective)
	b.spent = spent
	b.counts = ok && b.period.Judged(periodCoverage) && slo.AtLeast(b.period.Counts.Bad, minBadPeriod) &&
		slo.AtLeast(b.covered, minCovered)
	return b
}

// burning reports whether a judged window burns at 1 or more.
func (b *budgeting) burning(length time.Duration, share func(slo.Counts) float64) bool {
	w, ok := b.facts.Window(length)
	return ok && w.Judged(windowCoverage) && slo.AtLeast(slo.Burn(share(w.Counts), b.objective), 1)
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
	n := len(b.facts.Windows)
	p.Burn = make([]Burn, 0, n)
	rates := make([]float64, n)
	for i, w := range b.facts.Windows {
		if w.Length == b.length {
			continue
		}
		burn := Burn{Window: w.Length}
		if ratio, ok := w.Counts.ErrorRatio(); ok && w.Judged(windowCoverage) {
			rates[i] = slo.Burn(ratio, b.objective)
			burn.Rate = &rates[i]
		}
		p.Burn = append(p.Burn, burn)
	}
	return p
}

// pairState is one burn pair at one tick.
type pairState struct {
	slo.Pair
	judged    bool
	fires     bool
	held      bool      // it fires only because cells did not answer
	idleSince time.Time // set while it only stays firing
}

func anyFires(pairs []pairState, page bool) bool {
	return slices.ContainsFunc(pairs, func(p pairState) bool { return p.Page == page && p.fires })
}

// judgePairs evaluates the burn table.
func (j *judgement) judgePairs(b *budgeting, share func(slo.Counts) float64) []pairState {
	pairs := make([]pairState, 0, len(b.table))
	for _, pair := range b.table {
		long, _ := j.facts.Window(pair.Long)
		short, _ := j.facts.Window(pair.Short)
		p := pairState{Pair: pair, judged: long.Judged(windowCoverage) && short.Judged(windowCoverage)}
		if p.judged {
			p.fires = fires(pair, long.Counts, short.Counts, b.objective, share)
			j.holdIdle(&p, short.Counts)
		}
		pairs = append(pairs, p)
	}
	return pairs
}

func fires(pair slo.Pair, long, short slo.Counts, objective float64, share func(slo.Counts) float64) bool {
	if pair.Page && (!slo.AtLeast(short.Bad, minBadShort) || !slo.AtLeast(long.Bad, minBadLong)) {
		return false
	}
	return slo.AtLeast(slo.Burn(share(long), objective), pair.Factor) &&
		slo.AtLeast(slo.Burn(share(short), objective), pair.Factor)
}

// holdIdle keeps a firing pair firing while its short window has no events:
// until it has ten good ones again, or for an hour.
func (j *judgement) holdIdle(p *pairState, short slo.Counts) {
	if p.fires {
		return
	}
	i := slices.IndexFunc(j.previous.Firing, func(f FiringPair) bool { return f.Long == p.Long && f.Short == p.Short })
	if i < 0 {
		return
	}
	since := j.previous.Firing[i].IdleSince
	if since.IsZero() {
		if short.Total > 0 {
			return
		}
		since = j.tick
	}
	if slo.AtLeast(short.Total-short.Bad, goodToClear) || j.tick.Sub(since) >= time.Hour {
		return
	}
	p.fires, p.idleSince = true, since
}

func (j *judgement) rememberFiring(pairs []pairState) {
	firing := []FiringPair(nil)
	for _, p := range pairs {
		if p.fires {
			firing = append(firing, FiringPair{p.Long, p.Short, p.idleSince})
		} else if !p.judged {
			i := slices.IndexFunc(j.previous.Firing, func(f FiringPair) bool { return f.Long == p.Long && f.Short == p.Short })
			if i >= 0 {
				firing = append(firing, j.previous.Firing[i])
			}
		}
	}
	j.next.Firing = firing
}

// cannotTell reports that too little is measured: a pair that was firing
// cannot be judged and no other page fires, or the result would be ok and no
// page pair can be judged.
func (j *judgement) cannotTell(pairs []pairState, reason string) bool {
	pageJudged, lost := false, false
	for _, p := range pairs {
		pageJudged = pageJudged || (p.Page && p.judged)
		wasFiring := slices.ContainsFunc(j.previous.Firing, func(f FiringPair) bool { return f.Long == p.Long && f.Short == p.Short })
		lost = lost || (wasFiring && !p.judged)
	}
	return lost && !anyFires(pairs, true) || reason == ReasonOK && !pageJudged
}

// idleEverywhere reports that every window of the pairs, and the period, has
// no events.
func (j *judgement) idleEverywhere(b *budgeting) bool {
	for _, w := range b.facts.Windows {
		if w.Counts.Total > 0 {
			return false
		}
	}
	return true
}
