package catalog

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types/ref"
)

// errQuoted is what becomes of the evaluation of a quoted expression.
var errQuoted = errors.New("it is a quotation, for showing only, and was never compiled")

// program is a compiled expression: what Condition and Expression share.
type program struct {
	source    string
	canonical string      // the same in CEL's own spelling
	run       cel.Program // nil: quoted
}

// program plans the evaluation. The cost limit is watched at run time only
// where the worst case for a service within the catalog's limits could exceed
// it, because watching triples the time of an evaluation.
func (e *Env) program(src string, checked *cel.Ast) (program, error) {
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if worst, err := e.env.EstimateCost(checked, sizes{}); err != nil || worst.Max > celCostLimit {
		options = append(options, cel.CostLimit(celCostLimit))
	}
	run, err := e.env.Program(checked, options...)
	if err != nil {
		return program{}, fmt.Errorf("a part of it cannot be evaluated: %w: mend the regular expression or the constant", err)
	}
	canonical, err := cel.AstToString(checked)
	if err != nil {
		canonical = src
	}
	return program{source: src, canonical: canonical, run: run}, nil
}

// Source returns the CEL source as it was written.
func (p program) Source() string { return p.source }

// Canonical returns the source as CEL itself would write it: spaces, quotes and
// needless brackets make no difference.
func (p program) Canonical() string { return p.canonical }

// eval runs the program for s. CEL turns its own panics into errors.
func (p program) eval(s *Service) (ref.Val, error) {
	if p.run == nil {
		return nil, &EvalError{Source: p.source, Service: s.ID, Err: errQuoted}
	}
	v, _, err := p.run.Eval(activation{s})
	if err != nil {
		return nil, &EvalError{Source: p.source, Service: s.ID, Err: err}
	}
	return v, nil
}

// activation binds `service`. A single pointer, so that passing it on as an
// interface does not allocate.
type activation struct{ service *Service }

// ResolveName implements cel.Activation.
func (a activation) ResolveName(name string) (any, bool) {
	if name == "service" {
		return a.service, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (a activation) Parent() cel.Activation { return nil }

// sizes tells CEL's cost estimate how large the parts of a service can be,
// which is what Parse enforces.
type sizes struct{}

// EstimateSize implements cost.CostEstimator.
func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	path := node.Path()
	if len(path) < 2 || path[0] != "service" {
		return nil
	}
	switch path[len(path)-1] {
	case "tags", "labels", "annotations", "links":
		return &cost.SizeEstimate{Max: maxItems}
	case "relations":
		return &cost.SizeEstimate{Max: maxRelations}
	}
	return &cost.SizeEstimate{Max: maxValueBytes}
}

// EstimateCallCost implements cost.CostEstimator: the defaults hold.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
