package catalog

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

// entityReader reads what our services and Backstage's entities have in
// common. Its Map is the entity; mistakes reported through it, or through a Map
// opened from it, reject the entity.
type entityReader struct {
	*strict.Map
	file      *fileParser
	id        ID
	title     string
	links     map[string]string
	relations []Relation
	tierLine  int
	relative  bool // references start at the entity's own namespace
}

func (p *fileParser) open(n *yaml.Node, what string) *entityReader {
	return &entityReader{Map: p.source().Map(n, what), file: p}
}

// identify reads name, namespace and title out of m.
func (e *entityReader) identify(m *strict.Map) {
	name, namespace, title := m.Text("name"), m.Text("namespace"), e.line(m, "title")
	if m.Bad() && name == "" {
		return
	}
	if name == "" {
		m.Mistake(m.Line(), "name is missing in %s: add \"name: …\"", m.What())
		return
	}
	if namespace == "" {
		namespace = DefaultNamespace
	}
	if strings.Contains(name, "/") {
		m.Mistake(m.LineOf("name"), "%q is no name: write the namespace into its own field", strict.Clip(name))
		return
	}
	id, err := parseID(name, namespace)
	if err != nil {
		m.Mistake(m.LineOf("name"), "%s", err)
		return
	}
	e.id, e.title = id, cmp.Or(title, name)
}

// line reads a text that must stand on one line.
func (e *entityReader) line(m *strict.Map, name string) string {
	text := m.Text(name)
	if strings.ContainsFunc(text, unicode.IsControl) {
		m.Mistake(m.LineOf(name), "%q of %s must be on one line, without tabs", name, m.What())
		return ""
	}
	return text
}

func (e *entityReader) description(m *strict.Map) string {
	return strings.TrimSpace(m.Text("description"))
}

// refField reads a reference and returns its short form. With a relation, it
// is also kept as one.
func (e *entityReader) refField(m *strict.Map, name, kind, relation string) string {
	text := m.Text(name)
	if text == "" {
		return ""
	}
	r, err := parseRef(text, kind, e.namespace())
	if err != nil {
		m.Mistake(m.LineOf(name), "%q of %s: %s", name, m.What(), err)
		return ""
	}
	if relation != "" {
		e.relate(relation, r)
	}
	return r.short()
}

// refList reads a list of references as relations of one type.
func (e *entityReader) refList(m *strict.Map, name, kind, relation string) {
	for _, text := range m.Texts(name) {
		r, err := parseRef(text.Value, kind, e.namespace())
		if err != nil {
			m.Mistake(text.Line, "%q of %s: %s", name, m.What(), err)
			continue
		}
		e.relate(relation, r)
	}
	if len(e.relations) > maxRelations {
		m.Mistake(m.LineOf(name), "%s has more than %d relations", m.What(), maxRelations)
	}
}

// namespace is the one that references of the entity leave out: in Backstage's
// format the entity's own, in ours always the default one.
func (e *entityReader) namespace() string {
	if e.relative && e.id.Namespace != "" {
		return e.id.Namespace
	}
	return DefaultNamespace
}

func (e *entityReader) relate(relation string, target entityRef) {
	r := Relation{Type: relation, Target: target.String()}
	if !slices.Contains(e.relations, r) {
		e.relations = append(e.relations, r)
	}
}

func (e *entityReader) tags(m *strict.Map) []string {
	var tags []string
	for _, t := range m.Texts("tags") {
		if t.Value == "" || strings.ContainsFunc(t.Value, unicode.IsControl) {
			m.Mistake(t.Line, "a tag of %s is empty or has a control character: remove it", m.What())
			continue
		}
		if !slices.Contains(tags, t.Value) {
			tags = append(tags, t.Value)
		}
	}
	e.limit(m, "tags", len(tags))
	return tags
}

func (e *entityReader) labels(m *strict.Map) map[string]string {
	return e.pairs(m, "labels", m.Pairs("labels"))
}

func (e *entityReader) pairs(m *strict.Map, name string, pairs []strict.Pair) map[string]string {
	e.limit(m, name, len(pairs))
	if len(pairs) == 0 {
		return nil
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p.Key] = p.Value
	}
	return out
}

func (e *entityReader) limit(m *strict.Map, name string, n int) {
	if n > maxItems {
		m.Mistake(m.LineOf(name), "%s has %d %s, but at most %d are allowed", m.What(), n, name, maxItems)
	}
}

// annotations reads annotations and drops those of ours that mean nothing,
// with a report.
func (e *entityReader) annotations(m *strict.Map) map[string]string {
	pairs := m.Pairs("annotations") // read once, for each reading tells of its mistakes
	out := e.pairs(m, "annotations", pairs)
	for _, p := range pairs {
		if p.Key == annotationTier {
			e.tierLine = p.Line
		}
		if message := checkAnnotation(p.Key, p.Value); message != "" {
			e.file.report(p.Line, fmt.Sprintf("in %s: %s", m.What(), message))
			delete(out, p.Key)
		}
	}
	return out
}

// annotatedTier reads the tier from the annotations.
func (e *entityReader) annotatedTier(annotations map[string]string) (int, bool) {
	text, ok := annotations[annotationTier]
	if !ok {
		return 0, false
	}
	tier, err := strconv.Atoi(text)
	if err != nil || tier < 1 || tier > 4 {
		e.Mistake(e.tierLine, "the annotation %s of %s is %q: write \"1\" (most critical) to \"4\"", annotationTier, e.What(), strict.Clip(text))
		return 0, false
	}
	return tier, true
}

// tierField reads the tier of our own format.
func (e *entityReader) tierField() int {
	if !e.Has("tier") {
		return 0
	}
	tier := e.Int("tier", 1)
	if tier < 1 || tier > 4 {
		e.Mistake(e.LineOf("tier"), "the tier of %s is %d: write 1 (most critical) to 4, or leave it out", e.What(), tier)
		return 0
	}
	return tier
}

// addLink keeps a link that a browser may safely open. Another one is reported
// and left out; the entity loads. The first of two links of one name stands.
func (e *entityReader) addLink(name, address string, line int) {
	name = strings.ToLower(strings.TrimSpace(name))
	u, err := url.Parse(address)
	switch {
	case name == "":
		e.file.report(line, fmt.Sprintf("a link of %s has neither type nor title: add one", e.What()))
		return
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsFunc(address, unicode.IsControl):
		e.file.report(line, fmt.Sprintf("the link %q of %s is left out: its address must start with https:// or http://", strict.Clip(name), e.What()))
		return
	case u.User != nil:
		e.file.report(line, fmt.Sprintf("the link %q of %s is left out: its address contains a user or password, remove it", strict.Clip(name), e.What()))
		return
	case len(e.links) >= maxItems:
		e.Mistake(line, "%s has more than %d links", e.What(), maxItems)
		return
	}
	if e.links == nil {
		e.links = map[string]string{}
	}
	if _, taken := e.links[name]; !taken {
		e.links[name] = address
	}
}
