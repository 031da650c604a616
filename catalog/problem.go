package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file, for its author: where it is, what it is
// and what to write instead. A Warning leaves everything loaded.
type Problem struct {
	Position Position
	Message  string
	Warning  bool
}

// Error returns "file:line: message", and "warning: " before the message of a
// warning.
func (p Problem) Error() string {
	text := p.Message
	if p.Warning {
		text = "warning: " + text
	}
	if place := p.Position.String(); place != "" {
		return place + ": " + text
	}
	return text
}

// String returns "file:line", or the file alone when the line is not known.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Compare orders positions by file, then by line.
func (p Position) Compare(other Position) int {
	return cmp.Or(strings.Compare(p.File, other.File), cmp.Compare(p.Line, other.Line))
}

// Problems is a list of problems that reads as one error.
type Problems []Problem

// Error returns the problems, one per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// HasErrors reports whether one of the problems is more than a warning.
func (p Problems) HasErrors() bool {
	return slices.ContainsFunc(p, func(p Problem) bool { return !p.Warning })
}

// Sort orders the problems by position; problems of one line keep their order.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int { return a.Position.Compare(b.Position) })
}
