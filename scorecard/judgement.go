package scorecard

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// The reasons of results, beside the faults of package slo.
const (
	ReasonOK               = "ok"
	ReasonBelowTarget      = "below_target"
	ReasonBudgetLow        = "budget_low"
	ReasonBudgetSpent      = "budget_spent"
	ReasonBurningSlow      = "burning_slow"
	ReasonBurningFast      = "burning_fast"
	ReasonTargetDown       = "target_down"
	ReasonNoData           = "no_data"
	ReasonIdle             = "idle"
	ReasonWarmingUp        = "warming_up"
	ReasonPartial          = string(slo.Partial)
	ReasonNotApplicable    = "not_applicable"
	ReasonCELError         = "cel_error"
	ReasonIdentityConflict = "identity_conflict"
)

// minMeasuredSlots is how many slots a counted check needs before it is
// judged: an hour of them.
const minMeasuredSlots = 12

// minFresh is the share of its expected cells that must have answered at the
// tick for a check to be judged from them.
const minFresh = 0.5

// downTicksToFail is for how many ticks in a row all targets must be down.
const downTicksToFail = 2

// judgement is one check of one service being judged. Its steps follow the
// rows of the grading specification's table, in order.
type judgement struct {
	check    *rubric.Check
	service  *catalog.Service
	tick     time.Time
	grace    time.Duration
	waiver   string // the id of the one in force, or ""
	facts    CheckFacts
	previous CheckState

	result  Result
	next    CheckState
	quorum  quorum
	windows []window    // of a counted check
	budget  budgeting   // of an objective
	pairs   []pairState // of an objective
}

// judge returns the result as it is without waivers.
func (j *judgement) judge() Result {
	j.quorum = quorumOf(j.facts.Cells)
	j.next = j.previous.begins()
	j.next.Hash = j.check.Hash
	j.describe()
	if j.check.Kind == rubric.KindCatalog {
		j.judgeCatalog()
	} else {
		j.judgeMeasured()
	}
	j.result.Message = j.message()
	if j.result.Verdict.Judged() && slices.ContainsFunc(j.facts.Cells, func(c slo.CellFact) bool { return c.Interpolated }) {
		j.result.Message += "; interpolated in native histograms"
	}
	switch {
	case j.result.Verdict == VerdictUnknown:
		j.carry()
	case !j.result.Verdict.Judged():
	case j.dampened():
		j.dampen()
	default:
		j.stand()
	}
	j.remember()
	return j.result
}

// publish turns a waived result into what is published of it, and dates the
// verdict.
func (j *judgement) publish(beneath Result) Result {
	r := beneath
	if j.waiver != "" {
		r = j.waived(beneath)
	}
	j.next.Verdict, j.next.Reason, j.next.Since = r.Verdict, r.Reason, j.tick
	if j.previous.Verdict == r.Verdict {
		j.next.Since = j.previous.Since
	}
	r.Since = j.next.Since
	switch {
	case beneath.Verdict != VerdictUnknown:
		j.next.UnknownSince = time.Time{}
	case j.previous.UnknownSince.IsZero():
		j.next.UnknownSince = j.tick
	}
	r.unknownSince = j.next.UnknownSince
	return r
}

// describe fills in what does not depend on the verdict.
func (j *judgement) describe() {
	c := j.check
	j.result = Result{
		Check: c.Name, Title: c.Title, Severity: string(c.Severity), Weight: c.Weight,
		Unit: "ratio", CheckHash: c.Hash, Overrides: c.Overrides(), DataTime: j.tick, Evidence: j.facts.Evidence,
	}
	switch {
	case c.Kind == rubric.KindCatalog:
		j.result.Unit = "bool"
	case c.Objective > 0:
		j.result.Window, j.result.Target = c.Period, ptr(c.Objective)
	default:
		j.result.Window, j.result.Target = c.Window, c.Pass
	}
	if c.Kind == rubric.KindValue {
		j.result.Unit = c.Value.Unit
	}
	if c.Kind != rubric.KindCatalog && j.facts.Time > 0 {
		j.result.DataTime = time.Unix(j.facts.Time, 0).UTC()
	}
}

// applicable evaluates the check's own condition.
func (j *judgement) applicable() bool {
	if j.check.AppliesTo == nil {
		return true
	}
	ok, err := j.check.AppliesTo.Eval(j.service)
	switch {
	case err != nil:
		j.unjudged(NotApplicable, ReasonCELError)
	case !ok:
		j.unjudged(NotApplicable, ReasonNotApplicable)
	}
	return err == nil && ok
}

func (j *judgement) judgeCatalog() {
	if !j.applicable() {
		return
	}
	ok, err := j.check.Catalog.Eval(j.service)
	switch {
	case err != nil:
		j.unjudged(NotApplicable, ReasonCELError)
		return
	case ok:
		j.judged(Pass, ReasonOK, 1)
	default:
		j.judged(Fail, ReasonBelowTarget, 0)
	}
	j.whole()
}

func (j *judgement) judgeMeasured() {
	j.countDownTicks()
	j.notePresence()
	j.result.Cells = j.cellResults()
	switch {
	case !j.applicable():
	case j.next.Inapplicable:
		j.unjudged(NotApplicable, ReasonNoData)
	case j.facts.Conflict != "":
		j.unjudged(VerdictUnknown, ReasonIdentityConflict)
	case !slo.AtLeast(j.quorum.fresh, minFresh) && j.quorum.fault != nil:
		j.unjudged(VerdictUnknown, string(j.quorum.fault.Reason))
	case j.next.DownTicks >= downTicksToFail:
		j.judged(Fail, ReasonTargetDown, 0)
		j.whole()
	case j.quorum.rows == 0 && j.facts.Up == 0:
		j.unjudged(VerdictUnknown, ReasonNoData)
	case j.quorum.rows == 0:
		j.judgeMissing()
	case !slo.AtLeast(j.quorum.fresh, minFresh):
		j.unjudged(VerdictUnknown, ReasonNoData)
	default:
		j.judgeRows()
		j.next.Seen = j.next.Seen || j.result.Verdict.Judged()
	}
}

// judgeRows judges what enough cells have answered.
func (j *judgement) judgeRows() {
	switch {
	case j.check.Kind == rubric.KindValue:
		j.judgeValue()
	case j.check.Objective > 0:
		j.judgeObjective()
	default:
		j.judgeRatio()
	}
}

func (j *judgement) unjudged(v Verdict, reason string) {
	j.result.Verdict, j.result.Reason = v, reason
}

func (j *judgement) judged(v Verdict, reason string, credit float64) {
	j.result.Verdict, j.result.Reason, j.result.Credit = v, reason, ptr(credit)
	j.result.Coverage, j.result.freshCoverage = j.quorum.held, j.quorum.fresh
}

// whole marks a result that does not depend on what cells answered.
func (j *judgement) whole() { j.result.Coverage, j.result.freshCoverage = 1, 1 }

// fromCredit turns a credit into the verdict of a value.
func (j *judgement) fromCredit(credit float64) {
	switch credit {
	case 1:
		j.judged(Pass, ReasonOK, credit)
	case 0:
		j.judged(Fail, ReasonBelowTarget, credit)
	default:
		j.judged(Warn, ReasonBelowTarget, credit)
	}
}

func ptr[T any](x T) *T { return &x }
