package scorecard

import (
	"time"

	"github.com/apgarhq/apgar/rubric"
)

// stickyFor is how long the metric of a check that was once judged must be
// absent, with targets up, before its on_missing counts.
const stickyFor = 7 * 24 * time.Hour

// notePresence remembers that a row was seen: what was absent is there, and
// what did not apply does.
func (j *judgement) notePresence() {
	if j.quorum.rows > 0 {
		j.next.AbsentSince, j.next.Inapplicable = time.Time{}, false
	}
}

// judgeMissing applies on_missing: targets are up and have no such metric. A
// check that was once judged from a row is unknown for a week first.
func (j *judgement) judgeMissing() {
	if j.sticks() {
		j.unjudged(VerdictUnknown, ReasonNoData)
		return
	}
	switch j.check.OnMissing {
	case rubric.MissingFail:
		j.judged(Fail, ReasonNoData, 0)
		j.whole()
	case rubric.MissingPass:
		j.judged(Pass, ReasonNoData, 1)
		j.whole()
	case rubric.MissingNotApplicable:
		j.unjudged(NotApplicable, ReasonNoData)
		j.next.Inapplicable = true
	default:
		j.unjudged(VerdictUnknown, ReasonNoData)
	}
}

// sticks reports whether a missing metric is still expected to come back.
func (j *judgement) sticks() bool {
	if !j.previous.Seen {
		return false
	}
	if j.next.AbsentSince.IsZero() {
		j.next.AbsentSince = j.result.DataTime
	}
	if j.result.DataTime.Sub(j.next.AbsentSince) < stickyFor {
		return true
	}
	j.next.Seen, j.next.AbsentSince = false, time.Time{}
	return false
}

// countDownTicks notes that presence was answered for every expected cell and
// no target is up. An answer that is judged twice counts once.
func (j *judgement) countDownTicks() {
	if !j.facts.Witnessed || j.facts.Up > 0 || j.facts.Down == 0 {
		return
	}
	j.next.DownTicks, j.next.DownAt = j.previous.DownTicks, j.result.DataTime
	if j.previous.DownTicks == 0 || !j.previous.DownAt.Equal(j.next.DownAt) {
		j.next.DownTicks++
	}
}
