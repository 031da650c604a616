package waiver

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
)

// What waiver files may hold.
const (
	maxFileDocuments = 100
	maxFileDepth     = 32
	maxTextBytes     = 16 << 10
	maxWaivers       = 10_000 // of a document
	apiVersion       = "apgar.dev/v1"
	idRule           = "use 1 to 63 lower-case letters, digits, dots, dashes and underscores, starting with a letter or digit"
	nameRule         = "use 1 to 63 lower-case letters, digits and dashes, starting with a letter or digit"
	dateRule         = "write a date such as 2026-11-23, or a time such as 2026-11-23T12:00:00Z"
)

var (
	idPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`) // of rubrics and checks
)

// File is a waiver file, by the name that stands in positions.
type File struct {
	Name string
	Data []byte
}

// Load reads waiver files. A waiver with a mistake is left out, so that nobody
// is exempted by it, and the others load. All mistakes of all files are
// reported at once, sorted by position. The set is never nil.
func Load(env *catalog.Env, files ...File) (*Set, []catalog.Problem) {
	l := &loader{env: env, places: map[string]catalog.Position{}}
	for _, f := range files {
		l.file = f
		limits := strict.Limits{Bytes: catalog.MaxFileBytes, Documents: maxFileDocuments, Depth: maxFileDepth}
		known := len(l.problems)
		roots := strict.Documents(f.Data, limits, l.report)
		for _, root := range roots {
			l.document(root)
		}
		if len(roots) == 0 && len(l.problems) == known {
			l.problems = append(l.problems, catalog.Problem{Position: l.at(1), Warning: true, Message: "the file is empty: add waivers, or remove the file"})
		}
	}
	catalog.Problems(l.problems).Sort()
	return NewSet(l.waivers...), l.problems
}

// loader collects the waivers of all files.
type loader struct {
	env      *catalog.Env
	file     File
	waivers  []Waiver
	places   map[string]catalog.Position // id → where it is given
	problems []catalog.Problem
}

func (l *loader) report(line int, message string) {
	l.problems = append(l.problems, catalog.Problem{Position: l.at(line), Message: message})
}

func (l *loader) at(line int) catalog.Position {
	return catalog.Position{File: l.file.Name, Line: line}
}

// source is for a part of the file whose mistakes concern it alone.
func (l *loader) source() strict.Source {
	return strict.Source{ValueBytes: maxTextBytes, Report: l.report}
}

// document reads one document. One of another version is left out as a whole:
// what its waivers mean is not known.
func (l *loader) document(root *yaml.Node) {
	m := l.source().Map(root, "the waiver file")
	if m.Bad() {
		return
	}
	switch version := m.Text("apiVersion"); {
	case m.Bad():
		return
	case version == "":
		m.Mistake(m.Line(), "apiVersion is missing: add \"apiVersion: %s\" as the first line", apiVersion)
		return
	case version != apiVersion:
		m.Mistake(m.LineOf("apiVersion"), "apiVersion %q is not known: write %q", strict.Clip(version), apiVersion)
		return
	}
	nodes := m.List("waivers")
	switch {
	case !slices.Contains(m.Keys(), "waivers"):
		m.Mistake(m.Line(), "waivers is missing: list the waivers under \"waivers:\"")
	case len(nodes) > maxWaivers:
		m.Mistake(m.LineOf("waivers"), "the document has %d waivers, but at most %d are read: split it", len(nodes), maxWaivers)
		nodes = nodes[:maxWaivers]
	}
	m.Done()
	for i, n := range nodes {
		if w, ok := l.waiver(n, i+1); ok {
			l.waivers = append(l.waivers, w)
		}
	}
}

// waiver reads one waiver; ok is false after a report.
func (l *loader) waiver(n *yaml.Node, number int) (w Waiver, ok bool) {
	e := &entry{Map: l.source().Map(n, fmt.Sprintf("waiver %d of the file", number)), loader: l}
	e.whole = !e.Bad()
	if !e.whole && len(e.Keys()) == 0 {
		return Waiver{}, false // it is no mapping, which has been said
	}
	w = Waiver{ID: e.id(), Position: l.at(e.Line())}
	w.Reason = e.required("reason", "say why the service is exempted, and what will end it")
	w.Requester, w.Approver = e.people()
	w.Target = e.target()
	w.Rubric = e.name("rubric")
	w.Checks, w.places.checks = e.checks()
	w.Created, w.Expires = e.term()
	w.places.rubric, w.places.expires = l.at(e.LineOf("rubric")), l.at(e.LineOf("expires"))
	for _, field := range targets() {
		if e.Has(field) {
			w.places.target = l.at(e.LineOf(field))
		}
	}
	e.Done()
	return w, !e.Bad()
}

// entry is one waiver of a file.
type entry struct {
	*strict.Map
	loader *loader
	whole  bool // nothing in it was refused before it was read
}

// required reads a text that must be there. What stands in its place and was
// refused already is not missing as well.
func (e *entry) required(field, advice string) string {
	text := strings.TrimSpace(e.Text(field))
	n := e.Node(field)
	if text == "" && e.whole && (n == nil || n.Kind == yaml.ScalarNode && len(n.Value) <= maxTextBytes && strings.TrimSpace(n.Value) == "") {
		e.Mistake(e.LineOf(field), "%s is missing in %s: %s", field, e.What(), advice)
	}
	return text
}

// id reads the id, holds it against those of all files, and names the entry.
func (e *entry) id() string {
	id := e.required("id", "add \"id: …\", by which results and reports name it")
	if id == "" {
		return ""
	}
	switch first, taken := e.loader.places[id]; {
	case !idPattern.MatchString(id):
		e.Mistake(e.LineOf("id"), "%q is no id of a waiver: %s", strict.Clip(id), idRule)
	case taken:
		e.Mistake(e.LineOf("id"), "waiver %q is already defined at %s: rename or remove one of them", id, first)
	default:
		e.loader.places[id] = e.loader.at(e.LineOf("id"))
	}
	e.Name(fmt.Sprintf("waiver %q", strict.Clip(id)))
	return id
}

// people reads who asked and who agreed: two people, however they are written.
func (e *entry) people() (requester, approver string) {
	requester = e.person("requester", "say who asks for the waiver")
	approver = e.person("approver", "say who agrees to it: somebody else than the requester")
	if requester != "" && person(requester) == person(approver) {
		e.Mistake(e.LineOf("approver"), "requester and approver of %s are the same, %s: let somebody else approve it", e.What(), strict.Clip(approver))
	}
	return requester, approver
}

func (e *entry) person(field, advice string) string {
	text := e.required(field, advice)
	if strings.ContainsAny(text, "\n\t") {
		e.Mistake(e.LineOf(field), "%s of %s must be on one line, without tabs", field, e.What())
	}
	return text
}

// person returns what tells people apart: neither case nor spaces do, and
// "user:default/jane" is "jane".
func person(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	if short, err := catalog.ShortRef(text); err == nil {
		return short
	}
	return text
}

// targets lists the fields of which a waiver has one.
func targets() []string { return []string{"service", "owner", "system", "selector"} }

func (e *entry) target() Target {
	var given []string
	for _, field := range targets() {
		if e.Has(field) {
			given = append(given, field)
		}
	}
	switch {
	case len(given) == 0 && !e.whole:
		return Target{}
	case len(given) == 0:
		e.Mistake(e.Line(), "%s has none of service, owner, system and selector: give it exactly one, e.g. service: playlist", e.What())
		return Target{}
	case len(given) > 1:
		e.Mistake(e.LineOf(given[1]), "%s has %s: give it exactly one, or split it into several waivers", e.What(), strings.Join(given, " and "))
		return Target{}
	}
	field := given[0]
	text := e.required(field, "fill it in, or choose services by another field")
	if text == "" {
		return Target{}
	}
	var t Target
	var err error
	switch field {
	case "service":
		t.Service, err = catalog.ParseID(text)
	case "owner":
		t.Owner, err = catalog.ShortRef(text)
	case "system":
		t.System, err = catalog.ShortRef(text)
	case "selector":
		t.Selector, err = e.loader.env.Condition(text)
	}
	if err != nil {
		e.Mistake(e.LineOf(field), "%s of %s: %s", field, e.What(), err)
	}
	return t
}

// name reads the name of a rubric.
func (e *entry) name(field string) string {
	name := e.required(field, "name the rubric from which the service is exempted")
	if name != "" && !namePattern.MatchString(name) {
		e.Mistake(e.LineOf(field), "%s of %s is %q: %s", field, e.What(), strict.Clip(name), nameRule)
	}
	return name
}

// checks reads a name or a list of names; none where the field is absent. One
// that stands there without a value is a mistake: whoever took the last name
// away did not mean every check.
func (e *entry) checks() (names []string, at []catalog.Position) {
	texts := e.TextOrTexts("check")
	const advice = "name the checks, or leave it out for every check of the rubric"
	switch n := e.Node("check"); {
	case n == nil && e.whole && slices.Contains(e.Keys(), "check"):
		e.Mistake(e.LineOf("check"), "check of %s has no value: %s", e.What(), advice)
	case n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		e.Mistake(n.Line, "check of %s is an empty list: %s", e.What(), advice)
	}
	for _, t := range texts {
		switch {
		case !namePattern.MatchString(t.Value):
			e.Mistake(t.Line, "check of %s is %q: %s", e.What(), strict.Clip(t.Value), nameRule)
		case slices.Contains(names, t.Value):
			e.Mistake(t.Line, "check %q is given twice in %s: remove one of them", t.Value, e.What())
		default:
			names, at = append(names, t.Value), append(at, e.loader.at(t.Line))
		}
	}
	return names, at
}

// term reads from when to when the waiver is in force.
func (e *entry) term() (created, expires time.Time) {
	created, from := e.date("created", "say from when on it is in force, e.g. created: 2026-11-23")
	latest := created.Add(MaxTerm)
	advice := "a waiver ends, after 90 days at most: write e.g. expires: 2026-12-23"
	if from {
		advice = fmt.Sprintf("a waiver ends, after 90 days at most: write %s or earlier", day(latest))
	}
	expires, to := e.date("expires", advice)
	switch {
	case !from || !to:
	case !expires.After(created):
		e.Mistake(e.LineOf("expires"), "expires of %s is %s, but must be after created, which is %s", e.What(), day(expires), day(created))
	case expires.After(latest):
		e.Mistake(e.LineOf("expires"), "expires of %s is %s, but a waiver lasts at most 90 days: write %s or earlier, and have it approved anew when it is still needed then",
			e.What(), day(expires), day(latest))
	}
	return created, expires
}

// date reads a date, which is its first moment in UTC, or a time. ok is false
// after a report.
func (e *entry) date(field, advice string) (t time.Time, ok bool) {
	text := e.required(field, advice)
	if text == "" {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	e.Mistake(e.LineOf(field), "%s of %s is %q: %s", field, e.What(), strict.Clip(text), dateRule)
	return time.Time{}, false
}

// day writes a time for a message as it could stand in the file.
func day(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
