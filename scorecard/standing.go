package scorecard

import (
	"fmt"
	"slices"

	"github.com/apgarhq/apgar/slo"
)

// stand keeps a judged result from getting better while expected cells do not
// answer: they may be the ones that were bad. Verdict, credit and burn state
// are the worse of what the other cells say now and of what was last judged.
func (j *judgement) stand() {
	if j.result.freshCoverage >= 1 {
		return
	}
	seen := Standing{Verdict: j.result.Verdict, Reason: j.result.Reason, Credit: *j.result.Credit}
	now := seen
	if slices.ContainsFunc(j.pairs, func(p pairState) bool { return p.held }) {
		v, reason, credit := j.budget.verdict(j.pairs, slo.WilsonLower)
		now = worse(now, Standing{Verdict: v, Reason: reason, Credit: credit})
	}
	now = worse(now, j.previous.Standing)
	if now.Verdict == seen.Verdict && now.Reason == seen.Reason && now.Credit == seen.Credit {
		return
	}
	what := "verdict"
	if now.Verdict == seen.Verdict && now.Reason == seen.Reason {
		what = "credit"
	}
	j.instead(now.Verdict, now.Reason, now.Credit, j.absent()+" did not answer, so the last "+what+" stands")
}

// instead publishes another verdict than what was seen, and says why.
func (j *judgement) instead(v Verdict, reason string, credit float64, why string) {
	j.result.Verdict, j.result.Reason, j.result.Credit = v, reason, ptr(credit)
	j.result.Message += "; " + why
}

// holdFiring keeps the pairs that fired when last judged firing while expected
// cells do not answer.
func (j *judgement) holdFiring() {
	if j.quorum.fresh >= 1 {
		return
	}
	for i := range j.pairs {
		p := &j.pairs[i]
		if !p.judged || p.fires {
			continue
		}
		if before, fired := j.previous.firing(p.Pair); fired {
			p.fires, p.held, p.idleSince = true, true, before.IdleSince
		}
	}
}

// worse returns the worse of two results, with the smaller credit. Where both
// are as bad, the first names the reason.
func worse(a, b Standing) Standing {
	w := a
	switch {
	case b.Verdict == "":
		return a
	case b.badness() > a.badness():
		w = b
	}
	w.Credit = min(a.Credit, b.Credit)
	return w
}

// badness orders judged results. A spent budget is the least of the fails, for
// it alone does not cap the score.
func (s Standing) badness() int {
	switch {
	case s.Verdict == Pass:
		return 0
	case s.Verdict == Warn:
		return 1
	case s.Reason == ReasonBudgetSpent:
		return 2
	}
	return 3
}

// absent names the expected cells that have not answered, two of them at most.
func (j *judgement) absent() string {
	const named = 2
	var names []string
	more := 0
	for _, c := range j.facts.Cells {
		switch {
		case c.Answered:
		case len(names) < named:
			names = append(names, cellName(c.Key))
		default:
			more++
		}
	}
	switch {
	case len(names) == 0:
		return "some cells"
	case len(names) == 1:
		return names[0]
	case more == 0:
		return names[0] + " and " + names[1]
	}
	return fmt.Sprintf("%s, %s and %d more", names[0], names[1], more)
}
