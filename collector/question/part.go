package question

import (
	"slices"

	"github.com/apgarhq/apgar/rubric"
)

// GradedBy returns a plan with the same questions by which only some of the
// rubrics grade.
func (p *Plan) GradedBy(rubrics []*rubric.Rubric) *Plan {
	part := *p
	part.Rubrics = rubrics
	part.Graded = slices.DeleteFunc(slices.Clone(p.Graded), func(g GradedService) bool { return !slices.Contains(rubrics, g.Origin) })
	return &part
}

// Need is what a plan asks for the services that it grades. It is immutable.
type Need struct {
	plan       *Plan
	slis       []bool // by place
	identities []bool // by place
}

// Need finds it.
func (p *Plan) Need() Need {
	n := Need{p, make([]bool, len(p.SLIs)), make([]bool, len(p.Identities))}
	for i := range p.Graded {
		for _, sli := range p.Graded[i].SLIs {
			if sli < 0 || n.slis[sli] {
				continue
			}
			n.slis[sli] = true
			for _, q := range p.SLIs[sli].Questions {
				n.identities[p.Questions[q].Identity] = true
			}
		}
	}
	return n
}

// Has reports whether a query feeds anything that is needed.
func (n Need) Has(q *Query) bool {
	return slices.ContainsFunc(q.Feeds, func(f Feed) bool {
		if f.Question < 0 {
			return n.identities[f.Identity]
		}
		return n.slis[n.plan.Questions[f.Question].SLI]
	})
}
