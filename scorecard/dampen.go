package scorecard

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/rubric"
)

// A verdict flaps that has turned this often within this time.
const (
	turnsToFlap  = 3
	flappingTime = time.Hour
)

// dampened reports whether the verdict of a check needs two evaluations to
// change: those of values and of un-objectived ratios. Burn rates have their
// own two windows, and a catalog entry does not waver.
func (j *judgement) dampened() bool {
	return j.check.Kind == rubric.KindValue || j.check.Kind.Counted() && j.check.Objective == 0
}

// dampen publishes a change of verdict after two evaluations in a row on the
// same side of the published one: the nearer of the two. What is published
// without a row, by target_down and on_missing, is published at once.
func (j *judgement) dampen() {
	raw := Evaluation{j.result.Verdict, *j.result.Credit, j.result.DataTime}
	before := j.previous.Evaluated
	if before.At.Equal(raw.At) {
		before = Evaluation{} // the same answer, judged again, counts once
	}
	j.next.Evaluated = raw
	j.turn(raw)
	j.result.Flapping = j.flaps()
	standing := j.previous.Standing
	switch side := raw.Verdict.order() - standing.Verdict.order(); {
	case standing.Verdict == "" || j.result.Reason == ReasonTargetDown || j.result.Reason == ReasonNoData:
	case side == 0:
		j.lower(standing)
	case side < 0:
		j.worsen(raw, before, standing)
	default:
		j.better(raw, before, standing)
	}
}

// order is 1 for a fail, 2 for a warn and 3 for a pass.
func (v Verdict) order() int {
	switch v {
	case Fail:
		return 1
	case Warn:
		return 2
	case Pass:
		return 3
	}
	return 0
}

// turn notes that the verdict is another than at the evaluation before.
func (j *judgement) turn(raw Evaluation) {
	if before := j.previous.Evaluated; before.Verdict == "" || before.Verdict == raw.Verdict {
		return
	}
	turns := j.previous.Turns
	turns = turns[max(0, len(turns)-turnsToFlap+1):]
	j.next.Turns = append(slices.Clone(turns), raw.At)
}

func (j *judgement) flaps() bool {
	turns := j.next.Turns
	return len(turns) == turnsToFlap && j.result.DataTime.Sub(turns[0]) < flappingTime
}

// lower keeps the credit of the same verdict from rising while cells are
// silent.
func (j *judgement) lower(standing Standing) {
	if j.result.freshCoverage < 1 && standing.Credit < *j.result.Credit {
		j.instead(standing.Verdict, standing.Reason, standing.Credit, j.absent()+" did not answer, so the last credit stands")
	}
}

// worsen publishes a worse verdict that a second evaluation confirms, or that
// need not be confirmed.
func (j *judgement) worsen(raw, before Evaluation, standing Standing) {
	atOnce := j.result.Flapping || j.check.Severity == rubric.Critical && raw.Verdict == Fail
	switch {
	case atOnce:
	case before.Verdict != "" && before.Verdict.order() < standing.Verdict.order():
		if before.Verdict.order() > raw.Verdict.order() {
			j.nearer(before)
		}
	default:
		j.holdBack(standing, "one evaluation is not enough, so the last verdict stands")
	}
}

// better publishes a better verdict that a second evaluation confirms, if all
// cells answer and the verdict does not flap.
func (j *judgement) better(raw, before Evaluation, standing Standing) {
	switch {
	case j.result.Flapping:
		j.holdBack(standing, "the verdict flaps, so the worse one stands")
	case j.result.freshCoverage < 1:
		j.holdBack(standing, j.absent()+" did not answer, so the last verdict stands")
	case before.Verdict.order() > standing.Verdict.order():
		if before.Verdict.order() < raw.Verdict.order() {
			j.nearer(before)
		}
	default:
		j.holdBack(standing, "one evaluation is not enough, so the last verdict stands")
	}
}

// holdBack publishes what stands; the change is pending.
func (j *judgement) holdBack(standing Standing, why string) {
	j.result.Pending = j.result.Verdict
	j.instead(standing.Verdict, standing.Reason, standing.Credit, why)
}

// nearer publishes the evaluation before, which is nearer to what stood; the
// rest of the change is pending. Between two verdicts there is only a warning.
func (j *judgement) nearer(before Evaluation) {
	j.result.Pending = j.result.Verdict
	j.instead(before.Verdict, ReasonBelowTarget, before.Credit, "the evaluation before was nearer to the last verdict")
}
