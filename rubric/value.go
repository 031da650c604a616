package rubric

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog/strict"
)

// The placeholders of a value's query, as they stand in Value.Expr. In the
// text of the author they are $identity and $window, and as long, so that the
// columns of errors are right.
const (
	// IdentityPlaceholder stands in lists of labels: by ($identity).
	IdentityPlaceholder = "__apgar__"
	// WindowPlaceholder stands where a duration does: [$window]. It is longer
	// than any range a query may have.
	WindowPlaceholder = 36*24*time.Hour + 17*time.Millisecond

	windowText = "36d17ms" // WindowPlaceholder in PromQL
)

// parseValue parses the author's query. Everything that can be wrong with it
// is in the error.
func parseValue(text string) (parser.Expr, error) {
	substituted, err := substitute(text)
	if err != nil {
		return nil, err
	}
	expr, err := parseExpr(substituted)
	if err != nil {
		return nil, restore(err)
	}
	if expr.Type() != parser.ValueTypeVector {
		return nil, fmt.Errorf("it yields %s, but must yield one value per service: aggregate by ($identity)", parser.DocumentedType(expr.Type()))
	}
	if err := errors.Join(checkCost(expr), checkPlaceholders(expr)); err != nil {
		return nil, restore(err)
	}
	if !byIdentity(expr) {
		return nil, errors.New("its result is not aggregated by the identity: write e.g. max by ($identity) (…) around it")
	}
	return expr, nil
}

// substitute puts legal PromQL in place of $identity and $window, outside of
// strings and comments.
func substitute(text string) (string, error) {
	if strings.Contains(text, IdentityPlaceholder) {
		return "", fmt.Errorf("it contains the reserved name %s: write $identity", IdentityPlaceholder)
	}
	if len(text) > maxQueryBytes {
		return "", checkSize(text)
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '"', '\'', '`', '#':
			end := i + endOfQuote(text[i:])
			if quoted := text[i:end]; c != '#' && (strings.Contains(quoted, "$identity") || strings.Contains(quoted, "$window")) {
				return "", fmt.Errorf("the string %s contains a placeholder: $identity stands only in by (…) and on (…), $window only in ranges", strict.Clip(quoted))
			}
			out.WriteString(text[i:end])
			i = end
		case '$':
			name := placeholderName(text[i+1:])
			switch name {
			case "identity":
				out.WriteString(IdentityPlaceholder)
			case "window":
				out.WriteString(windowText)
			default:
				return "", fmt.Errorf("$%s is not known: there are $identity and $window", strict.Clip(name))
			}
			i += 1 + len(name)
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), nil
}

// endOfQuote returns the length of the string or comment that text starts with.
func endOfQuote(text string) int {
	if text[0] == '#' {
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return end
		}
		return len(text)
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] != '`':
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return len(text)
}

func placeholderName(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
	if end < 0 {
		return text
	}
	return text[:end]
}

// restore puts the author's words back into a message.
func restore(err error) error {
	text := strings.NewReplacer(IdentityPlaceholder, "$identity", windowText, "$window").Replace(err.Error())
	return errors.New(strings.ReplaceAll(text, "\n", "; "))
}

// checkPlaceholders refuses placeholders where Render could not put anything
// in their place.
func checkPlaceholders(expr parser.Expr) error {
	var errs []error
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.AggregateExpr:
			if n.Without && slices.Contains(n.Grouping, IdentityPlaceholder) {
				errs = append(errs, errors.New("without ($identity) drops what names the service: write by ($identity)"))
			}
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil && slices.Contains(m.Include, IdentityPlaceholder) {
				errs = append(errs, errors.New("group_left ($identity) is not supported: match with on ($identity)"))
			}
			if m := n.VectorMatching; m != nil && !m.On && slices.Contains(m.MatchingLabels, IdentityPlaceholder) {
				errs = append(errs, errors.New("ignoring ($identity) would match different services: write on ($identity)"))
			}
		case *parser.VectorSelector:
			errs = append(errs, checkNames(n))
		case *parser.NumberLiteral:
			if n.Val == WindowPlaceholder.Seconds() {
				errs = append(errs, errors.New("$window stands only in ranges and offsets, as in [$window]"))
			}
		}
		return nil
	})
	return errors.Join(errs...)
}

func checkNames(n *parser.VectorSelector) error {
	if n.Name == IdentityPlaceholder {
		return errors.New("$identity stands only in lists of labels, as in by ($identity)")
	}
	for _, m := range n.LabelMatchers {
		if m.Name == IdentityPlaceholder {
			return errors.New("$identity cannot be matched in a selector: services are told apart by ($identity), outside of it")
		}
	}
	return nil
}

// Render returns the query as PromQL: identityLabels, and after them those of
// extra, in place of $identity, and window in place of $window.
func (v *Value) Render(identityLabels, extra []string, window time.Duration) string {
	return v.RenderExpr(identityLabels, extra, window).String()
}

// RenderExpr is Render as a tree, which belongs to the caller.
func (v *Value) RenderExpr(identityLabels, extra []string, window time.Duration) parser.Expr {
	return renderExpr(v.Expr, identityLabels, extra, window)
}

// renderExpr works on a copy: expr itself is shared.
func renderExpr(expr parser.Expr, identityLabels, extra []string, window time.Duration) parser.Expr {
	own, err := parser.NewParser(parser.Options{}).ParseExpr(expr.String())
	if err != nil {
		own = expr // cannot be: what the parser printed, it reads; a test and a fuzz target hold it to that
	}
	r := renderer{labels: slices.Concat(identityLabels, extra), window: window}
	parser.Inspect(own, func(node parser.Node, _ []parser.Node) error {
		r.render(node)
		return nil
	})
	return own
}

// renderer replaces the placeholders of one tree in place.
type renderer struct {
	labels []string
	window time.Duration
}

func (r renderer) render(node parser.Node) {
	switch n := node.(type) {
	case *parser.AggregateExpr:
		n.Grouping = r.expand(n.Grouping)
	case *parser.BinaryExpr:
		if n.VectorMatching != nil {
			n.VectorMatching.MatchingLabels = r.expand(n.VectorMatching.MatchingLabels)
		}
	case *parser.MatrixSelector:
		n.Range = r.duration(n.Range)
	case *parser.SubqueryExpr:
		n.Range, n.Step, n.OriginalOffset = r.duration(n.Range), r.duration(n.Step), r.duration(n.OriginalOffset)
	case *parser.VectorSelector:
		n.OriginalOffset = r.duration(n.OriginalOffset)
	}
}

// expand puts the labels in place of the placeholder, each once.
func (r renderer) expand(names []string) []string {
	if !slices.Contains(names, IdentityPlaceholder) {
		return names
	}
	var out []string
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, name := range names {
		if name != IdentityPlaceholder {
			add(name)
			continue
		}
		for _, label := range r.labels {
			add(label)
		}
	}
	return out
}

func (r renderer) duration(d time.Duration) time.Duration {
	switch d {
	case WindowPlaceholder:
		return r.window
	case -WindowPlaceholder:
		return -r.window
	}
	return d
}
