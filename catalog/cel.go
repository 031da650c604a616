package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

const (
	maxConditionBytes = 4 << 10
	celCostLimit      = 10_000
)

// Env compiles CEL conditions and expressions over one variable, `service`.
// It is immutable and safe for concurrent use.
type Env struct {
	env   *cel.Env
	types *celTypes
}

// NewEnv returns an environment with `service`, the standard functions of CEL
// and its string functions (split, replace, lowerAscii …).
func NewEnv() (*Env, error) {
	t, err := newCELTypes()
	if err != nil {
		return nil, err
	}
	env, err := cel.NewEnv(
		cel.CustomTypeAdapter(t),
		cel.CustomTypeProvider(t),
		cel.Variable("service", cel.ObjectType(serviceTypeName)),
		cel.ParserExpressionSizeLimit(maxConditionBytes),
		cel.ParserRecursionLimit(64),
		cel.EnableMacroCallTracking(), // so that macros can be written out again
		ext.Strings(),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	return &Env{env: env, types: t}, nil
}

// Condition is a compiled CEL expression that says yes or no about a service.
// It is immutable and safe for concurrent use.
type Condition struct{ program }

// Condition compiles src, of at most 4 KiB, which must return a bool. The error
// names every mistake with its line and column within src.
func (e *Env) Condition(src string) (*Condition, error) {
	p, out, err := e.compile(src)
	if err != nil {
		return nil, err
	}
	if !out.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it returns %s, but a condition must return a bool: compare it with something, e.g. … != \"\"", celTypeName(out))
	}
	return &Condition{p}, nil
}

// QuotedCondition returns a condition for showing: its Source is src, whatever
// that is, and its Eval fails. It is for readers of what others have graded.
func QuotedCondition(src string) *Condition { return &Condition{program{source: src}} }

// Eval reports whether the condition holds for s. An error is an *EvalError.
func (c *Condition) Eval(s *Service) (bool, error) {
	v, err := c.eval(s)
	if err != nil {
		return false, err
	}
	b, ok := v.Value().(bool)
	if !ok {
		return false, &EvalError{Source: c.source, Service: s.ID, Err: fmt.Errorf("it returned %s, not a bool", v.Type().TypeName())}
	}
	return b, nil
}

// Expression is a compiled CEL expression that yields strings for a service.
// It is immutable and safe for concurrent use.
type Expression struct{ program }

// Expression compiles src, of at most 4 KiB, which must return a string or a
// list of strings.
func (e *Env) Expression(src string) (*Expression, error) {
	p, out, err := e.compile(src)
	if err != nil {
		return nil, err
	}
	if !out.IsExactType(cel.StringType) && !out.IsExactType(cel.ListType(cel.StringType)) {
		return nil, fmt.Errorf("it returns %s, but must return a string or a list of strings: convert it with string(…)", celTypeName(out))
	}
	return &Expression{p}, nil
}

// QuotedExpression returns an expression for showing: its Source is src,
// whatever that is, and its Values fails.
func QuotedExpression(src string) *Expression { return &Expression{program{source: src}} }

// Values returns what the expression yields for s, in the expression's order,
// without empty strings and without repetitions. An error is an *EvalError.
func (x *Expression) Values(s *Service) ([]string, error) {
	v, err := x.eval(s)
	if err != nil {
		return nil, err
	}
	if text, ok := v.(types.String); ok {
		if text == "" {
			return nil, nil
		}
		return []string{string(text)}, nil
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, &EvalError{Source: x.source, Service: s.ID, Err: fmt.Errorf("it returned %s, not strings", v.Type().TypeName())}
	}
	var values []string
	for it := list.Iterator(); it.HasNext() == types.True; {
		text, ok := it.Next().(types.String)
		if ok && text != "" && !slices.Contains(values, string(text)) {
			values = append(values, string(text))
		}
	}
	return values, nil
}

// EvalError says that a condition or an expression that compiles could not be
// evaluated for one service, such as an index beyond the end of a list.
type EvalError struct {
	Source  string // the CEL source
	Service ID
	Err     error
}

// Error implements error.
func (e *EvalError) Error() string {
	return fmt.Sprintf("evaluating %q for service %s: %v", e.Source, e.Service, e.Err)
}

// Unwrap returns what CEL said.
func (e *EvalError) Unwrap() error { return e.Err }

// compile checks src and returns the program and the type it returns.
func (e *Env) compile(src string) (program, *cel.Type, error) {
	if strings.TrimSpace(src) == "" {
		return program{}, nil, errors.New(`it is empty: write a CEL expression such as 'service.tier == 1'`)
	}
	if len(src) > maxConditionBytes {
		return program{}, nil, fmt.Errorf("it has %d bytes, but at most %d are allowed: make it shorter", len(src), maxConditionBytes)
	}
	checked, issues := e.env.Compile(src)
	if err := issues.Err(); err != nil {
		return program{}, nil, e.explain(issues)
	}
	if comparesMaps(checked.NativeRep()) {
		return program{}, nil, errors.New(`it compares a whole map: compare its values one by one, e.g. service.labels["a"] == "b"`)
	}
	p, err := e.program(src, checked)
	return p, checked.OutputType(), err
}

// comparesMaps reports whether a == or != has a map as an operand. The maps of
// a service differ from CEL's own in what a missing key is, so such an
// equality would depend on the side on which each stands.
func comparesMaps(checked *ast.AST) bool {
	found := false
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		if name := call.FunctionName(); name != operators.Equals && name != operators.NotEquals {
			return
		}
		for _, arg := range call.Args() {
			found = found || checked.GetType(arg.ID()).Kind() == types.MapKind
		}
	}))
	return found
}
