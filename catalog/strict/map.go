package strict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Map reads the fields of one YAML mapping. A field that is absent or null
// reads as the zero value; one of the wrong shape is reported and reads as the
// zero value too. Done reports the fields that nobody asked for.
type Map struct {
	source Source
	what   string // names the mapping in messages: `check "availability"`
	line   int
	order  []string
	fields map[string]*yaml.Node
	keys   map[string]*yaml.Node
	asked  map[string]bool
	bad    bool
}

// Source says how scalars are read, and who is told of mistakes.
type Source struct {
	ValueBytes int // the longest scalar
	Report     Report

	parent *Map // of which what is read is a part; or nil
}

// Map opens n. What names it in messages. A node that is no mapping is
// reported, and then Bad is true and every field is absent; nil is an empty
// mapping, for a field that is absent.
func (s Source) Map(n *yaml.Node, what string) *Map {
	m := &Map{what: what, source: s, fields: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}, asked: map[string]bool{}}
	if n == nil {
		return m
	}
	m.line = n.Line
	switch {
	case isNull(n):
		m.Mistake(n.Line, "%s is empty: remove it", what)
		return m
	case isPoison(n):
		m.spoil()
		return m
	case n.Kind != yaml.MappingNode:
		m.Mistake(n.Line, "%s must be a mapping of fields, not %s", what, Shape(n))
		return m
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isPoison(n.Content[i]) || isPoison(n.Content[i+1]) {
			m.spoil()
		}
		if isPoison(n.Content[i]) {
			continue
		}
		name := n.Content[i].Value
		if _, repeated := m.fields[name]; repeated {
			continue
		}
		m.order = append(m.order, name)
		m.keys[name], m.fields[name] = n.Content[i], n.Content[i+1]
	}
	return m
}

// Line returns the line on which the mapping starts.
func (m *Map) Line() int { return m.line }

// Bad reports whether a mistake has been reported about the mapping itself or
// one of the fields read through it.
func (m *Map) Bad() bool { return m.bad }

// Name renames the mapping for the messages that follow.
func (m *Map) Name(what string) { m.what = what }

// What returns the mapping's name for messages.
func (m *Map) What() string { return m.what }

// Mistake reports a mistake on a line and marks the mapping as bad.
func (m *Map) Mistake(line int, format string, args ...any) {
	m.spoil()
	m.source.Report(line, fmt.Sprintf(format, args...))
}

// spoil marks the mapping, and those that it is a part of, as bad.
func (m *Map) spoil() {
	for at := m; at != nil; at = at.source.parent {
		at.bad = true
	}
}

// Source returns a Source for parts of the mapping: a mistake in one of them
// marks the mapping as bad.
func (m *Map) Source() Source {
	return Source{ValueBytes: m.source.ValueBytes, Report: m.source.Report, parent: m}
}

// Keys returns the names of the fields in the order of the file.
func (m *Map) Keys() []string { return slices.Clone(m.order) }

// Has reports whether the field is there and not null.
func (m *Map) Has(name string) bool { return m.Node(name) != nil }

// Node returns the value of a field, or nil when it is absent or null.
func (m *Map) Node(name string) *yaml.Node {
	m.asked[name] = true
	n := m.fields[name]
	if isNull(n) || isPoison(n) {
		return nil
	}
	return n
}

// Ask marks a field as known without reading it.
func (m *Map) Ask(name string) { m.asked[name] = true }

// LineOf returns the line of a field's name, or the mapping's own when the
// field is absent.
func (m *Map) LineOf(name string) int {
	if key, ok := m.keys[name]; ok {
		return key.Line
	}
	return m.line
}

// Text returns a scalar as it was written: 1, yes and 1.0 are texts too.
func (m *Map) Text(name string) string {
	n := m.Node(name)
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		m.Mistake(n.Line, "%q of %s must be a text, not %s", name, m.what, Shape(n))
		return ""
	}
	return m.scalar(n, name)
}

// scalar returns the text of a node that has been found to be a scalar.
func (m *Map) scalar(n *yaml.Node, name string) string {
	if len(n.Value) > m.source.ValueBytes {
		m.Mistake(n.Line, "%q of %s has %d bytes, but at most %d are allowed", Clip(name), m.what, len(n.Value), m.source.ValueBytes)
		return ""
	}
	for _, r := range n.Value {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			m.Mistake(n.Line, "%q of %s contains the control character %U: remove it", Clip(name), m.what, r)
			return ""
		}
	}
	return n.Value
}

// Bool returns true or false; missing is the value of an absent field.
func (m *Map) Bool(name string, missing bool) bool {
	n := m.Node(name)
	if n == nil {
		return missing
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return strings.EqualFold(n.Value, "true")
	}
	m.Mistake(n.Line, "%q of %s must be true or false, not %s", name, m.what, Shape(n))
	return missing
}

// Int returns a whole number; missing is the value of an absent field.
func (m *Map) Int(name string, missing int) int {
	n := m.Node(name)
	if n == nil {
		return missing
	}
	if v, err := strconv.Atoi(n.Value); err == nil && n.Kind == yaml.ScalarNode {
		return v
	}
	m.Mistake(n.Line, "%q of %s must be a whole number, not %s", name, m.what, Shape(n))
	return missing
}

// List returns the elements of a list field.
func (m *Map) List(name string) []*yaml.Node {
	n := m.Node(name)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		m.Mistake(n.Line, "%q of %s must be a list, not %s", name, m.what, Shape(n))
		return nil
	}
	return n.Content
}

// Texts returns a list of texts, each with its line.
func (m *Map) Texts(name string) []Text { return m.texts(name, m.List(name)) }

// TextOrTexts returns a list of texts where a single text is allowed too.
func (m *Map) TextOrTexts(name string) []Text {
	if n := m.Node(name); n != nil && n.Kind == yaml.ScalarNode {
		return []Text{{Value: m.scalar(n, name), Line: n.Line}}
	}
	return m.Texts(name)
}

func (m *Map) texts(name string, nodes []*yaml.Node) []Text {
	var out []Text
	for _, n := range nodes {
		if isPoison(n) {
			m.spoil()
			continue
		}
		if n.Kind != yaml.ScalarNode || isNull(n) {
			m.Mistake(n.Line, "each element of %q of %s must be a text, not %s", name, m.what, Shape(n))
			continue
		}
		out = append(out, Text{Value: m.scalar(n, name), Line: n.Line})
	}
	return out
}

// Map opens a field that is a mapping itself, named in messages as this one's
// field. An absent field is an empty mapping.
func (m *Map) Map(name string) *Map {
	child := m.Source().Map(m.Node(name), fmt.Sprintf("%q of %s", name, m.what))
	if child.line == 0 {
		child.line = m.LineOf(name)
	}
	return child
}

// Pairs returns a mapping of texts, in the order of the file.
func (m *Map) Pairs(name string) []Pair {
	child := m.Map(name)
	var out []Pair
	for _, key := range child.order {
		n := child.fields[key]
		if isPoison(n) {
			continue // the child is bad already
		}
		if n.Kind != yaml.ScalarNode || isNull(n) {
			m.Mistake(n.Line, "%q in %s must be a text, not %s", Clip(key), child.what, Shape(n))
			continue
		}
		out = append(out, Pair{Key: child.scalar(child.keys[key], key), Value: child.scalar(n, key), Line: child.keys[key].Line})
	}
	return out
}

// Done reports each field that has not been asked for, with the nearest of
// those that have.
func (m *Map) Done() {
	var known []string
	for name := range m.asked {
		known = append(known, name)
	}
	slices.Sort(known)
	for _, name := range m.order {
		if m.asked[name] {
			continue
		}
		hint := "the fields are " + strings.Join(known, ", ")
		if near := Nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		m.Mistake(m.keys[name].Line, "unknown field %q in %s; %s", Clip(name), m.what, hint)
	}
}

// Text is a scalar and its line.
type Text struct {
	Value string
	Line  int
}

// Pair is one entry of a mapping of texts.
type Pair struct {
	Key   string
	Value string
	Line  int // of the key
}

// Shape says what a node is, for messages: a list, a mapping, or the value. A
// value that could be an address with a password in it is not repeated.
func Shape(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case isPoison(n):
		return "this"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	}
	if strings.ContainsAny(n.Value, "@/") {
		return "a text"
	}
	return strconv.Quote(Clip(n.Value))
}
