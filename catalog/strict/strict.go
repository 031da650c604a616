// Package strict reads YAML for people who make mistakes: every mistake is
// reported with its line and with what to write instead, nothing is guessed,
// and no document can exhaust the process. It knows YAML only; what the fields
// mean is for its callers to say.
package strict

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Report receives one mistake. Line counts from 1; 0 means the whole file.
type Report func(line int, message string)

// Limits bound what is read. All must be positive.
type Limits struct {
	Bytes     int // of the file
	Documents int // in the file
	Depth     int // of nested lists and mappings in a document
}

// Documents parses data, which may hold several documents separated by "---",
// and returns the root node of each sound one in order, with line numbers that
// count from the start of data. Empty documents are left out. A document that
// is no YAML, nests too deeply, repeats a key, or uses anchors, aliases, merge
// keys, tags or control characters is reported and left out alone.
func Documents(data []byte, limits Limits, report Report) []*yaml.Node {
	if len(data) > limits.Bytes {
		report(0, fmt.Sprintf("the file has %d bytes, but at most %d are read: split it into several files", len(data), limits.Bytes))
		return nil
	}
	if !utf8.Valid(data) {
		report(invalidLine(data), "the file is not UTF-8: save it as UTF-8")
		return nil
	}
	var roots []*yaml.Node
	parts := split(bytes.TrimPrefix(data, []byte("\ufeff")))
	if len(parts) > limits.Documents {
		report(parts[limits.Documents].line+1, fmt.Sprintf("the file has %d documents, but at most %d are read: split it into several files", len(parts), limits.Documents))
		parts = parts[:limits.Documents]
	}
	budget := locateBytes
	for _, p := range parts {
		if root := p.parse(limits, &budget, report); root != nil {
			roots = append(roots, root)
		}
	}
	return roots
}

// part is one document as text, and how many lines stand before it.
type part struct {
	text []byte
	line int
}

// split cuts data at the lines that start with "---". YAML allows such a line
// nowhere inside a document, so that a mistake in one document cannot hide the
// next.
func split(data []byte) []part {
	var parts []part
	current, lines := part{}, 0
	flush := func() {
		if hasContent(current.text) {
			parts = append(parts, current)
		}
	}
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		line := data[:end]
		if isSeparator(line) {
			flush()
			current = part{line: lines}
		}
		current.text = append(current.text, line...)
		data = data[end:]
		lines++
	}
	flush()
	return parts
}

func isSeparator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// hasContent reports whether a document has more than comments, directives and
// separators.
func hasContent(text []byte) bool {
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimSpace(line)
		if isSeparator(line) {
			trimmed = bytes.TrimSpace(trimmed[3:])
		}
		if len(trimmed) > 0 && trimmed[0] != '#' && trimmed[0] != '%' && string(trimmed) != "..." {
			return true
		}
	}
	return false
}

func invalidLine(data []byte) int {
	line := 1
	for text := range bytes.Lines(data) {
		if !utf8.Valid(text) {
			return line
		}
		line++
	}
	return line
}

// parse returns the root of the document, or nil after a report. budget is for
// finding out where it is no YAML.
func (p part) parse(limits Limits, budget *int, report Report) *yaml.Node {
	var doc yaml.Node
	reader := bytes.NewReader(p.text)
	decoder := yaml.NewDecoder(reader)
	if err := decoder.Decode(&doc); err != nil {
		line, text := splitLine(err.Error())
		line = noYAML{p, len(p.text) - reader.Len(), line}.line(budget)
		message := "this is no valid YAML: " + anchorPattern.ReplaceAllString(text, "an alias (*…) has no anchor: put quotes around a text that starts with *")
		if advice := cure(text, p.textOf(line)); advice != "" {
			message += ": " + advice
		}
		report(p.line+line, message)
		return nil
	}
	if len(doc.Content) != 1 {
		return nil
	}
	root := doc.Content[0]
	v := vetter{limits: limits, offset: p.line, report: report}
	v.vet(root, 1)
	var extra yaml.Node
	if err := decoder.Decode(&extra); !errors.Is(err, io.EOF) {
		line, _ := splitLine(fmt.Sprint(err))
		report(p.line+max(line, extra.Line), `a second document starts here without a separator: put "---" before it`)
	}
	if isNull(root) {
		return nil
	}
	return root
}

var (
	linePattern = regexp.MustCompile(`^line (\d+): `)
	// anchorPattern matches a message that repeats a value, which could be a
	// password that starts with a star.
	anchorPattern = regexp.MustCompile(`(?s)^unknown anchor '.*' referenced$`)
)

// splitLine takes the line number out of an error of the YAML package.
func splitLine(message string) (line int, text string) {
	text = strings.TrimPrefix(message, "yaml: ")
	if m := linePattern.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return max(line, 1), text
}

// vetter walks a document before anybody reads it, turns its line numbers into
// the file's, and refuses what no reader should have to think about.
type vetter struct {
	limits Limits
	offset int
	report Report
}

// mistake reports a node and poisons it: whoever reads it has a mistake, which
// need not be reported again.
func (v *vetter) mistake(n *yaml.Node, format string, args ...any) {
	v.report(n.Line, fmt.Sprintf(format, args...))
	*n = yaml.Node{Kind: poison, Line: n.Line}
}

// poison is no kind of the YAML package.
const poison yaml.Kind = 0

func isPoison(n *yaml.Node) bool { return n != nil && n.Kind == poison }

func (v *vetter) vet(n *yaml.Node, depth int) {
	n.Line += v.offset
	if depth > v.limits.Depth {
		v.mistake(n, "this is nested more than %d levels deep", v.limits.Depth)
		return
	}
	switch {
	case n.Kind == yaml.AliasNode:
		v.mistake(n, "aliases (*…) are not supported: write the value out, in quotes if it starts with *")
	case n.Anchor != "":
		v.mistake(n, "anchors (&…) are not supported: write the value out where it is needed, in quotes if it starts with &")
	case n.Style&yaml.TaggedStyle != 0:
		v.mistake(n, "YAML tags (!…) are not supported: write the value without it, in quotes if it starts with !")
	}
	for _, child := range n.Content {
		v.vet(child, depth+1)
	}
	if n.Kind == yaml.MappingNode {
		v.vetKeys(n)
	}
}

// vetKeys poisons the values of fields that cannot be told apart.
func (v *vetter) vetKeys(n *yaml.Node) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		value.Line = cmp.Or(value.Line, key.Line)
		first, repeated := seen[key.Value]
		switch {
		case isPoison(key):
			*value = *key
		case key.Kind != yaml.ScalarNode:
			v.mistake(key, "a field's name must be plain text, not a list or a mapping")
			*value = *key
		case key.Tag == "!!merge":
			v.mistake(key, "merge keys (<<) are not supported: write the fields out")
			*value = *key
		case repeated:
			v.report(key.Line, fmt.Sprintf("%q is given twice, first on line %d: keep one of them", Clip(key.Value), first))
			*value = yaml.Node{Kind: poison, Line: key.Line}
		default:
			seen[key.Value] = key.Line
		}
	}
}

// Clip shortens text of a file for a message.
func Clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func isNull(n *yaml.Node) bool { return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
