package rubric

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

// What rubric files may hold.
const (
	maxFileBytes      = 4 << 20
	maxFileDocuments  = 100
	maxFileDepth      = 32
	maxTextBytes      = 16 << 10
	maxChecks         = 200 // of a rubric
	maxLevels         = 20
	defaultFloor      = 0.8
	defaultWeight     = 1.0
	maxWeight         = 1e6
	defaultIdentity   = "service"
	nameRule          = "use 1 to 63 lower-case letters, digits and dashes, starting with a letter or digit"
	effectiveFromRule = "write a date such as 2026-11-23, or a time such as 2026-11-23T12:00:00Z"
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// File is a rubric file, by the name that stands in positions.
type File struct {
	Name string
	Data []byte
	Pack bool // shipped with Apgar
	// Detect has its rubrics grade only services that choose them, or of which
	// their checks have rows.
	Detect bool
}

// IsTestFile reports whether a file of this name holds unit tests of rubrics,
// which may stand beside them: *.test.yml or *.test.yaml.
func IsTestFile(name string) bool {
	return strings.HasSuffix(name, ".test.yml") || strings.HasSuffix(name, ".test.yaml")
}

// Load reads rubric files. The rubrics come in the order of the files; one with
// a mistake is left out and the others load. All mistakes of all files are
// reported at once, sorted by position. Identities are those that checks may
// name.
func Load(env *catalog.Env, identities map[string]*Identity, files ...File) ([]*Rubric, []catalog.Problem) {
	l := &loader{env: env, identities: identities, places: map[string]catalog.Position{}}
	for _, f := range files {
		l.file = f
		known := len(l.problems)
		limits := strict.Limits{Bytes: maxFileBytes, Documents: maxFileDocuments, Depth: maxFileDepth}
		roots := strict.Documents(f.Data, limits, l.report)
		for _, root := range roots {
			l.document(root)
		}
		if len(roots) == 0 && len(l.problems) == known {
			l.report(1, "the file is empty: list rubrics under \"rubrics:\", or remove the file")
		}
	}
	catalog.Problems(l.problems).Sort()
	return l.rubrics, l.problems
}

// loader collects the rubrics of all files.
type loader struct {
	env        *catalog.Env
	identities map[string]*Identity
	file       File
	rubrics    []*Rubric
	places     map[string]catalog.Position // rubric name → where it is defined
	problems   []catalog.Problem
	noLevels   bool // those of the rubric could not be read, as has been reported
}

func (l *loader) report(line int, message string) {
	l.problems = append(l.problems, catalog.Problem{Position: l.at(line), Message: message})
}

// warn reports what is probably not meant, but does not keep anything from being
// used.
func (l *loader) warn(line int, message string) {
	l.problems = append(l.problems, catalog.Problem{Position: l.at(line), Message: message, Warning: true})
}

func (l *loader) source() strict.Source {
	return strict.Source{ValueBytes: maxTextBytes, Report: l.report}
}

func (l *loader) at(line int) catalog.Position {
	return catalog.Position{File: l.file.Name, Line: line}
}

func (l *loader) document(root *yaml.Node) {
	m := l.source().Map(root, "the rubric file")
	nodes := m.List("rubrics")
	if !m.Bad() && !m.Has("rubrics") {
		m.Mistake(m.Line(), "rubrics is missing: list the rubrics under \"rubrics:\"")
	}
	m.Done()
	for i, n := range nodes {
		if r := l.rubric(n, i+1); r != nil {
			l.rubrics = append(l.rubrics, r)
		}
	}
}

// rubric reads one rubric, or returns nil after a report.
func (l *loader) rubric(n *yaml.Node, number int) *Rubric {
	m := l.source().Map(n, fmt.Sprintf("rubric %d of the file", number))
	if m.Bad() && len(m.Keys()) == 0 {
		return nil // it is no mapping, which has been said
	}
	r := &Rubric{Name: m.Text("name"), Pack: l.file.Pack, Detect: l.file.Detect, Position: l.at(m.Line())}
	l.nameRubric(m, r)
	r.Title, r.Description = textOr(m, "title", r.Name), strings.TrimSpace(m.Text("description"))
	r.AppliesTo = l.condition(m, "applies_to")
	r.Levels = l.levels(m)
	r.Strict, r.Draft = m.Bool("strict", false), m.Bool("draft", false)
	l.noLevels = m.Bad() && len(r.Levels) == 0 && slices.Contains(m.Keys(), "levels")
	if r.PassLevel = m.Text("pass_level"); r.PassLevel != "" && !l.noLevels {
		rankOf(m, "pass_level", r.PassLevel, r.Levels)
	}
	r.CoverageFloor = number01(m, "coverage_floor", defaultFloor)
	r.Weight = weight(m, defaultWeight)
	r.EffectiveFrom = effectiveFrom(m)
	identities := l.identityList(m, nil)
	nodes := l.checkNodes(m)
	m.Done()
	r.Checks = l.checks(m, nodes, r, identities)
	if m.Bad() {
		return nil
	}
	r.Version = r.version()
	return r
}

// checkNodes returns the list of checks, of a size that is allowed.
func (l *loader) checkNodes(m *strict.Map) []*yaml.Node {
	list := m.Node("checks")
	nodes := m.List("checks")
	switch {
	case list == nil || list.Kind == yaml.SequenceNode && len(nodes) == 0:
		m.Mistake(m.LineOf("checks"), "%s has no checks: list at least one under \"checks:\"", m.What())
	case len(nodes) > maxChecks:
		m.Mistake(m.LineOf("checks"), "%s has %d checks, but at most %d are allowed: split it", m.What(), len(nodes), maxChecks)
		return nil
	}
	return nodes
}

// nameRubric holds the name against the rule and against the other rubrics.
func (l *loader) nameRubric(m *strict.Map, r *Rubric) {
	switch first, taken := l.places[r.Name]; {
	case m.Bad():
		return
	case r.Name == "":
		m.Mistake(m.Line(), "name is missing in %s: add \"name: …\"", m.What())
		return
	case !namePattern.MatchString(r.Name):
		m.Mistake(m.LineOf("name"), "%q is no name of a rubric: %s", strict.Clip(r.Name), nameRule)
	case r.Name == Overall:
		m.Mistake(m.LineOf("name"), "%q is the name of the built-in scorecard over all rubrics of a service: give the rubric another one", r.Name)
	case taken:
		m.Mistake(m.LineOf("name"), "rubric %q is already defined at %s: rename or remove one of them", r.Name, first)
	default:
		l.places[r.Name] = l.at(m.LineOf("name"))
	}
	m.Name(fmt.Sprintf("rubric %q", strict.Clip(r.Name)))
}

// checks reads the checks of a rubric and refuses a repeated name.
func (l *loader) checks(m *strict.Map, nodes []*yaml.Node, r *Rubric, identities []*Identity) []*Check {
	var out []*Check
	lines := map[string]int{}
	for i, n := range nodes {
		c := l.check(m.Source().Map(n, fmt.Sprintf("check %d of %s", i+1, m.What())), r, identities)
		if first, taken := lines[c.Name]; taken && c.Name != "" {
			m.Mistake(c.Position.Line, "check %q of %s is already defined on line %d: rename or remove one of them", c.Name, m.What(), first)
		} else {
			lines[c.Name] = c.Position.Line
		}
		out = append(out, c)
	}
	return out
}

// noLevel is what filters and rollups call it when there is no level.
const noLevel = "none"

func (l *loader) levels(m *strict.Map) []string {
	var out []string
	for _, t := range m.Texts("levels") {
		switch {
		case !namePattern.MatchString(t.Value):
			m.Mistake(t.Line, "%q is no name of a level: %s", strict.Clip(t.Value), nameRule)
		case t.Value == noLevel:
			m.Mistake(t.Line, "%q is what readers call it when a service has no level: give the level another name", t.Value)
		case slices.Contains(out, t.Value):
			m.Mistake(t.Line, "level %q is given twice in %s: remove one of them", t.Value, m.What())
		default:
			out = append(out, t.Value)
		}
	}
	if len(out) > maxLevels {
		m.Mistake(m.LineOf("levels"), "%s has %d levels, but at most %d are allowed", m.What(), len(out), maxLevels)
	}
	return out
}

// rankOf returns the rank of a level, from 1.
func rankOf(m *strict.Map, field, level string, levels []string) int {
	if i := slices.Index(levels, level); i >= 0 {
		return i + 1
	}
	advice := "list it under levels of the rubric"
	if len(levels) > 0 {
		advice = "the levels of the rubric are " + strings.Join(levels, ", ")
	}
	m.Mistake(m.LineOf(field), "%s of %s is %q, which is no level: %s", field, m.What(), strict.Clip(level), advice)
	return 0
}

// condition compiles a CEL condition, or returns nil when the field is absent.
func (l *loader) condition(m *strict.Map, field string) *catalog.Condition {
	if !m.Has(field) {
		return nil
	}
	source := m.Text(field)
	c, err := l.env.Condition(source)
	if err != nil {
		m.Mistake(m.LineOf(field), "%s of %s: %s", field, m.What(), err)
		return nil
	}
	return c
}

func effectiveFrom(m *strict.Map) time.Time {
	text := m.Text("effective_from")
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	m.Mistake(m.LineOf("effective_from"), "effective_from of %s is %q: %s", m.What(), strict.Clip(text), effectiveFromRule)
	return time.Time{}
}

func textOr(m *strict.Map, field, missing string) string {
	if text := strings.TrimSpace(m.Text(field)); text != "" {
		return text
	}
	return missing
}
