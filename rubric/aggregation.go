package rubric

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// byIdentity reports whether the result of expr has the labels of the identity
// and no others, so that there is one row per service.
func byIdentity(expr parser.Expr) bool { return aggregated(expr, nil) }

// aggregated reports whether the labels of expr's result are the identity's
// and at most those of also.
func aggregated(expr parser.Expr, also []string) bool {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return aggregated(e.Expr, also)
	case *parser.UnaryExpr:
		return aggregated(e.Expr, also)
	case *parser.StepInvariantExpr:
		return aggregated(e.Expr, also)
	case *parser.SubqueryExpr:
		return aggregated(e.Expr, also)
	case *parser.AggregateExpr:
		return aggregate(e, also)
	case *parser.BinaryExpr:
		return binary(e, also)
	case *parser.Call:
		return call(e, also)
	}
	return false
}

func aggregate(e *parser.AggregateExpr, also []string) bool {
	switch e.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return aggregated(e.Expr, also) // these keep the labels of what they choose from
	case parser.COUNT_VALUES:
		return false // it adds a label of its own
	}
	return !e.Without && onlyIdentity(e.Grouping, also)
}

func onlyIdentity(names, also []string) bool {
	if !slices.Contains(names, IdentityPlaceholder) {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		return name != IdentityPlaceholder && !slices.Contains(also, name)
	})
}

func binary(e *parser.BinaryExpr, also []string) bool {
	if e.VectorMatching == nil { // one side is a number
		return aggregated(e.LHS, also) || aggregated(e.RHS, also)
	}
	m := e.VectorMatching
	switch {
	case e.Op == parser.LOR:
		return aggregated(e.LHS, also) && aggregated(e.RHS, also)
	case e.Op == parser.LAND, e.Op == parser.LUNLESS:
		return aggregated(e.LHS, also)
	case m.Card == parser.CardManyToOne:
		return aggregated(e.LHS, also) && !hasOthers(m.Include, also)
	case m.Card == parser.CardOneToMany:
		return aggregated(e.RHS, also) && !hasOthers(m.Include, also)
	case m.On:
		return onlyIdentity(m.MatchingLabels, also)
	}
	return aggregated(e.LHS, also) && aggregated(e.RHS, also)
}

func hasOthers(names, also []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(also, name) })
}

func call(e *parser.Call, also []string) bool {
	switch e.Func.Name {
	case "absent", "absent_over_time", "vector", "info", "label_replace", "label_join":
		return false // their labels are not those of their argument
	case "histogram_quantile", "histogram_fraction":
		also = append(slices.Clone(also), "le") // which they consume
	}
	found := false
	for _, arg := range e.Args {
		switch arg.Type() {
		case parser.ValueTypeVector, parser.ValueTypeMatrix:
			if !aggregated(arg, also) {
				return false
			}
			found = true
		}
	}
	return found
}
