package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"

	"github.com/apgarhq/apgar/catalog/strict"
)

// explain rewrites what CEL says about a source for its author: line and
// column first, fields that exist, operators as they are written.
func (e *Env) explain(issues *cel.Issues) error {
	const most = 3
	var texts []string
	for i, issue := range issues.Errors() {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(issues.Errors())-most))
			break
		}
		place := ""
		if issue.Location.Line() > 0 {
			place = fmt.Sprintf("line %d, column %d: ", issue.Location.Line(), issue.Location.Column()+1)
		}
		texts = append(texts, place+e.reword(issue.Message))
	}
	return errors.New(strings.Join(texts, "; "))
}

// reword turns one message of CEL's checker into advice.
func (e *Env) reword(message string) string {
	if name, ok := quotedAfter(message, "undefined field '"); ok {
		return e.noSuchField(name)
	}
	if name, ok := quotedAfter(message, "undeclared reference to '"); ok {
		return fmt.Sprintf("there is no %q here: the one variable is service, as in service.name", name)
	}
	if name, ok := quotedAfter(message, "found no matching overload for '"); ok {
		if symbol, known := operators.FindReverse(name); known && symbol != "" {
			name = symbol
		}
		_, operands, _ := strings.Cut(message, "applied to '")
		return fmt.Sprintf("%s cannot be applied to %s", name, strings.TrimSuffix(operands, "'"))
	}
	if strings.HasPrefix(message, "expression recursion limit exceeded") {
		return "it is nested too deeply: use fewer brackets, or split it into several checks"
	}
	message = strings.TrimPrefix(message, "Syntax error: ")
	if strings.Contains(message, "'<EOF>'") {
		return "the expression ends too early"
	}
	return regexp.MustCompile(` expecting \{.*\}$`).ReplaceAllString(message, "")
}

// noSuchField names the fields that exist, and the nearest first.
func (e *Env) noSuchField(name string) string {
	known, _ := e.types.FindStructFieldNames(serviceTypeName)
	hint := ""
	if near := strict.Nearest(name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("there is no field %q%s (a service has %s; a relation has target and type)", name, hint, strings.Join(known, ", "))
}

// quotedAfter returns the text between prefix and the next single quote.
func quotedAfter(message, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(message, prefix)
	if !ok {
		return "", false
	}
	name, _, ok := strings.Cut(rest, "'")
	return name, ok
}

// celTypeName names a type for messages.
func celTypeName(t *cel.Type) string {
	if t.IsExactType(cel.StringType) {
		return "a string"
	}
	return fmt.Sprintf("a value of type %s", t)
}
