package scorecard

import (
	"strings"
	"time"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// carry lets the last fresh result stand in for an unknown one, within the
// grace.
func (j *judgement) carry() {
	last := j.previous.Standing
	if last.Verdict == "" || j.result.DataTime.Sub(last.At) > j.grace {
		return
	}
	age := j.result.DataTime.Sub(last.At)
	j.result.Carried, j.result.Missing, j.result.Flapping = true, j.result.Reason, j.flaps()
	if pending := j.previous.Evaluated.Verdict; j.dampened() && pending != last.Verdict {
		j.result.Pending = pending
	}
	j.result.Verdict, j.result.Reason, j.result.Credit = last.Verdict, last.Reason, ptr(last.Credit)
	j.result.Coverage, j.result.freshCoverage = last.Coverage, 0
	j.result.DataTime = last.At
	j.showCarried(last)
	j.result.Message += "; the result of " + FormatDuration(age.Truncate(time.Second)) + " ago stands"
}

// showCarried publishes the value of a carried result. That of a counted check
// is in the ledger, which goes on while nothing is answered.
func (j *judgement) showCarried(last Standing) {
	if !j.check.Kind.Counted() {
		j.result.Value = last.Value
		return
	}
	if j.windows == nil {
		kept := j.next.Windows
		j.keepWindows()
		j.next.Windows = kept
	}
	if j.check.Objective > 0 {
		j.showBudget()
	} else if ratio, ok := j.window(j.check.Window).Counts.ErrorRatio(); ok {
		j.result.Value = ptr(1 - ratio)
	}
}

// remember keeps what was judged, and hands an unknown result what it is
// remembered by.
func (j *judgement) remember() {
	r := &j.result
	switch {
	case r.Verdict.Judged() && !r.Carried:
		j.next.Standing = Standing{Verdict: r.Verdict, Reason: r.Reason, Credit: *r.Credit, Coverage: r.Coverage, At: r.DataTime}
		if j.check.Kind == rubric.KindValue {
			j.next.Standing.Value = r.Value
		}
	case r.Verdict == VerdictUnknown && j.previous.Standing.Verdict != "":
		r.remembered = ptr(j.next.Standing)
		r.Message += "; it counts as the " + string(j.previous.Standing.Verdict) + " that it last was"
	}
}

// standing returns what the result counts as: what was judged, or what is
// remembered of it; false where there is neither.
func (r *Result) standing() (s Standing, ok bool) {
	switch {
	case r.known():
		return Standing{Verdict: r.Verdict, Reason: r.Reason, Credit: *r.Credit}, true
	case r.remembered != nil:
		return *r.remembered, true
	}
	return Standing{}, false
}

// known reports whether the result counts: judged, with at least half of its
// expected cells.
func (r *Result) known() bool { return r.Verdict.Judged() && slo.AtLeast(r.Coverage, minKnown) }

// minKnown is the share of its expected cells that a known result rests on.
const minKnown = 0.5

// applicable reports whether the result is in the score at all.
func (r *Result) applicable() bool { return r.Verdict != NotApplicable && r.Verdict != Waived }

// fresh is the share of cells that answered at this very tick.
func (r *Result) fresh() float64 {
	if !r.Verdict.Judged() || r.Carried {
		return 0
	}
	return r.freshCoverage
}

// waiverReason is what the reason of a waived result begins with.
const waiverReason = "waiver:"

// WaiverID returns the id of the waiver that takes a result out of the score,
// and false where there is none.
func (r *Result) WaiverID() (string, bool) {
	if r.Verdict != Waived {
		return "", false
	}
	return strings.CutPrefix(r.Reason, waiverReason)
}

// waived is what is published of a check that a waiver is in force for.
func (j *judgement) waived(beneath Result) Result {
	r := beneath
	r.WithoutWaiver = beneath.Verdict
	r.Verdict, r.Reason = Waived, waiverReason+j.waiver
	r.Credit, r.Coverage, r.freshCoverage, r.remembered = nil, 0, 0, nil
	r.Carried, r.Missing, r.Pending, r.Flapping, r.LowTraffic = false, "", "", false, false
	r.Message = "a waiver is in force; without it: " + beneath.Message
	return r
}
