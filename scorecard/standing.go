package scorecard

import (
	"fmt"
	"slices"

	"github.com/apgarhq/apgar/slo"
)

// stand keeps a judged result from getting better while expected cells do not
// answer: they may be the ones that were bad. Verdict, credit and burn state
// are the worse of what the other cells say now and what was last judged.
func (j *judgement) stand() {
	if !j.result.Verdict.Judged() {
		return
	}
	seen := Standing{j.result.Verdict, j.result.Reason, *j.result.Credit}
	now := seen
	if j.result.freshCoverage < 1 {
		if slices.ContainsFunc(j.pairs, func(p pairState) bool { return p.held }) {
			v, reason, credit := j.budget.verdict(j.pairs, slo.WilsonLower)
			now = worse(now, Standing{v, reason, credit})
		}
		now = worse(now, j.previous.Standing)
	}
	j.next.Standing = now
	if now == seen {
		return
	}
	j.result.Verdict, j.result.Reason, j.result.Credit = now.Verdict, now.Reason, ptr(now.Credit)
	what := "verdict"
	if now.Verdict == seen.Verdict && now.Reason == seen.Reason {
		what = "credit"
	}
	j.result.Message += "; " + j.absent() + " did not answer, so the last " + what + " stands"
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
		before := slices.IndexFunc(j.previous.Firing, func(f FiringPair) bool { return f.Long == p.Long && f.Short == p.Short })
		if before >= 0 {
			p.fires, p.held, p.idleSince = true, true, j.previous.Firing[before].IdleSince
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
