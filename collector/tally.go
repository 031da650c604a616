package collector

import "github.com/apgarhq/apgar/slo"

// tally adds up what each query of a source has cost. One goroutine at a time
// uses it. A nil tally adds nothing up.
type tally map[*query]slo.Cost

func (t *tally) add(queries []*query, answers [][]*answer) {
	if t == nil {
		return
	}
	for i, q := range queries {
		(*t)[q] = (*t)[q].Plus(costOf(answers[i]))
	}
}

// restart returns what has been added up, and begins anew.
func (t *tally) restart() tally {
	was := *t
	*t = tally{}
	return was
}

// of returns what the queries have cost that a plan needs.
func (t tally) of(p *Plan) slo.Cost {
	slis, identities := p.needs()
	var sum slo.Cost
	for q, cost := range t {
		if q.serves(p, slis, identities) {
			sum = sum.Plus(cost)
		}
	}
	return sum
}

// needs returns which SLIs and which identities the graded services need.
func (p *Plan) needs() (slis, identities []bool) {
	slis, identities = make([]bool, len(p.slis)), make([]bool, len(p.identities))
	for i := range p.graded {
		for _, sli := range p.graded[i].slis {
			if sli < 0 || slis[sli] {
				continue
			}
			slis[sli] = true
			for _, q := range p.slis[sli].questions {
				identities[p.questions[q].identity] = true
			}
		}
	}
	return slis, identities
}

// serves reports whether a query feeds any of some SLIs or identities.
func (q *query) serves(p *Plan, slis, identities []bool) bool {
	for _, f := range q.feeds {
		if f.question < 0 && identities[f.identity] || f.question >= 0 && slis[p.questions[f.question].sli] {
			return true
		}
	}
	return false
}
