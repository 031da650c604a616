package rubrictest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/waiver"
)

const (
	apiVersion      = "apgar.dev/v1"
	defaultInterval = time.Minute
	defaultSource   = "test"
	slowestScrape   = 75 * time.Second // a slower one cannot fill a slot
)

var (
	namePattern  = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	labelPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// Load reads a test file and the rubrics that it names. All mistakes are
// reported at once, those of rubric files with their own positions; with one
// that is more than a warning there is no File.
func Load(path string) (*File, []catalog.Problem) {
	data, err := file.Read(path)
	if err != nil {
		return nil, []catalog.Problem{{Position: catalog.Position{File: path}, Message: err.Error()}}
	}
	return Parse(path, data)
}

// Parse is Load with the content of the file at hand.
func Parse(path string, data []byte) (*File, []catalog.Problem) {
	r := &reader{out: &File{Path: path}, left: maxSamples}
	limits := strict.Limits{Bytes: maxFileBytes, Documents: 1, Depth: maxFileDepth}
	roots := strict.Documents(data, limits, r.report)
	switch {
	case len(roots) > 0:
		r.file(strict.Source{ValueBytes: maxTextBytes, Report: r.report}.Map(roots[0], "the test file"))
	case len(r.problems) == 0:
		r.report(0, "the file is empty: list tests under \"tests:\"")
	}
	catalog.Problems(r.problems).Sort()
	if catalog.Problems(r.problems).HasErrors() {
		return nil, r.problems
	}
	return r.out, r.problems
}

// reader fills one File.
type reader struct {
	out      *File
	problems []catalog.Problem
	left     int // samples that series may yet have
}

func (r *reader) report(line int, message string) {
	r.problems = append(r.problems, catalog.Problem{Position: r.at(line), Message: message})
}

func (r *reader) at(line int) catalog.Position { return catalog.Position{File: r.out.Path, Line: line} }

func (r *reader) file(m *strict.Map) {
	if m.Bad() {
		return
	}
	if v := m.Text("apiVersion"); v != apiVersion {
		m.Mistake(m.LineOf("apiVersion"), "apiVersion of the test file is %q: write \"apiVersion: %s\"", v, apiVersion)
	}
	r.out.Interval = duration(m, "interval", defaultInterval, time.Second, slo.SlotLength)
	if slo.SlotLength%r.out.Interval != 0 || r.out.Interval%time.Second != 0 {
		m.Mistake(m.LineOf("interval"), "interval is %s, but must divide 5m into whole seconds: write e.g. 15s, 30s, 1m or 5m", m.Text("interval"))
		r.out.Interval = defaultInterval
	}
	r.out.scrape = duration(m, "scrape_interval", min(r.out.Interval, time.Minute), time.Second, slowestScrape)
	r.sources(m)
	r.rubrics(m)
	r.services(m)
	r.review()
	tests := m.List("tests")
	switch {
	case len(tests) == 0:
		m.Mistake(m.LineOf("tests"), "the test file has no tests: list at least one under \"tests:\"")
	case len(tests) > maxTests:
		m.Mistake(m.LineOf("tests"), "the file has %d tests, but at most %d are allowed: split it", len(tests), maxTests)
		tests = nil
	}
	m.Done()
	names := map[string]int{}
	for i, n := range tests {
		t := r.test(m.Source().Map(n, fmt.Sprintf("test %d of the file", i+1)))
		if first, taken := names[t.Name]; taken && t.Name != "" {
			m.Mistake(t.Position.Line, "test %q is already defined on line %d: rename or remove one of them", t.Name, first)
		}
		names[t.Name] = t.Position.Line
		r.out.Tests = append(r.out.Tests, t)
	}
}

func duration(m *strict.Map, field string, missing, shortest, longest time.Duration) time.Duration {
	text := m.Text(field)
	if text == "" {
		return missing
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		m.Mistake(m.LineOf(field), "%s of %s is %q, which is no duration: write e.g. 30s, 90m or 2h30m", field, m.What(), strict.Clip(text))
		return missing
	}
	if time.Duration(d) < shortest || time.Duration(d) > longest {
		m.Mistake(m.LineOf(field), "%s of %s is %s, but must be between %s and %s", field, m.What(), text, model.Duration(shortest), model.Duration(longest))
		return missing
	}
	return time.Duration(d)
}

// sources reads where series may be; there is one when the file names none.
func (r *reader) sources(m *strict.Map) {
	nodes := m.List("sources")
	if len(nodes) > maxSources {
		m.Mistake(m.LineOf("sources"), "there are %d sources, but at most %d are allowed", len(nodes), maxSources)
		return
	}
	for i, n := range nodes {
		s := m.Source().Map(n, fmt.Sprintf("source %d of the list", i+1))
		out := source{name: s.Text("name"), partition: s.Text("partition_label"), labels: map[string]string{}}
		switch {
		case !namePattern.MatchString(out.name):
			s.Mistake(s.LineOf("name"), "%q is no name of a source: use 1 to 63 lower-case letters, digits and dashes", strict.Clip(out.name))
		case slices.ContainsFunc(r.out.sources, func(other source) bool { return other.name == out.name }):
			s.Mistake(s.LineOf("name"), "source %q is given twice: rename or remove one of them", out.name)
		case out.partition != "" && !labelPattern.MatchString(out.partition):
			s.Mistake(s.LineOf("partition_label"), "partition_label of %s is %q, which is no name of a label", s.What(), strict.Clip(out.partition))
		}
		for _, p := range s.Pairs("labels") {
			if !labelPattern.MatchString(p.Key) || !labelPattern.MatchString(p.Value) {
				s.Mistake(p.Line, "labels of %s: %q: %q does not rename a label: write e.g. namespace: exported_namespace", s.What(), strict.Clip(p.Key), strict.Clip(p.Value))
			}
			out.labels[p.Key] = p.Value
		}
		s.Done()
		r.out.sources = append(r.out.sources, out)
	}
	if len(nodes) == 0 {
		r.out.sources = []source{{name: defaultSource}}
	}
}

// rubrics reads the rubric files and packs that are tested.
func (r *reader) rubrics(m *strict.Map) {
	env, err := catalog.NewEnv()
	if err != nil {
		m.Mistake(m.Line(), "rubrics cannot be read: %s", err)
		return
	}
	identities := r.identities(m, env)
	var files []rubric.File
	packs, names := m.Texts("packs"), m.Texts("rubrics")
	for _, t := range packs {
		f, ok := rubric.PackFile(t.Value)
		if !ok {
			m.Mistake(t.Line, "there is no pack %q: there are %s", strict.Clip(t.Value), strings.Join(rubric.Packs(), ", "))
			continue
		}
		files = append(files, f)
	}
	for _, t := range names {
		data, err := file.Read(r.path(t.Value))
		if err != nil {
			m.Mistake(t.Line, "rubric file %q cannot be read: %s", strict.Clip(t.Value), err)
			continue
		}
		files = append(files, rubric.File{Name: r.path(t.Value), Data: data})
	}
	if len(packs) == 0 && len(names) == 0 {
		m.Mistake(m.Line(), "the test file names no rubric: add \"rubrics: [rubrics.yml]\", relative to this file, or \"packs: [http]\"")
	}
	r.waivers(m, env)
	var problems []catalog.Problem
	r.out.rubrics, problems = rubric.Load(env, identities, files...)
	r.problems = append(r.problems, problems...)
	for _, c := range r.out.rubrics {
		r.onTick(c)
	}
}

// waivers reads the waiver files that are in force.
func (r *reader) waivers(m *strict.Map, env *catalog.Env) {
	var files []waiver.File
	for _, t := range m.Texts("waivers") {
		data, err := file.Read(r.path(t.Value))
		if err != nil {
			m.Mistake(t.Line, "waiver file %q cannot be read: %s", strict.Clip(t.Value), err)
			continue
		}
		files = append(files, waiver.File{Name: r.path(t.Value), Data: data})
	}
	if len(files) == 0 {
		return
	}
	var problems []catalog.Problem
	r.out.waivers, problems = waiver.Load(env, files...)
	r.problems = append(r.problems, problems...)
}

// onTick refuses a check that the interval cannot keep to.
func (r *reader) onTick(c *rubric.Rubric) {
	for _, check := range c.Checks {
		if check.Interval%r.out.Interval != 0 {
			r.problems = append(r.problems, catalog.Problem{Position: check.Position, Message: fmt.Sprintf(
				"interval of check %q is %s, which is no multiple of the interval %s of %s", check.Name, model.Duration(check.Interval), model.Duration(r.out.Interval), r.out.Path)})
		}
	}
}

func (r *reader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(r.out.Path), name)
}

// identities returns those that rubrics may name: the built-in ones, those of a
// configuration, and those of the file itself.
func (r *reader) identities(m *strict.Map, env *catalog.Env) map[string]*rubric.Identity {
	out, err := rubric.BuiltinIdentities(env)
	if err != nil {
		m.Mistake(m.Line(), "identities cannot be read: %s", err)
		return nil
	}
	if name := m.Text("config"); name != "" {
		cfg, problems := config.Load(r.path(name))
		r.problems = append(r.problems, problems...)
		if cfg != nil {
			out, problems = cfg.LoadIdentities(env)
			r.problems = append(r.problems, problems...)
		}
	}
	ids := m.Map("identities")
	ids.Name("identities")
	for _, key := range ids.Keys() {
		id := ids.Map(key)
		id.Name("identity " + key)
		spec := rubric.IdentitySpec{Name: key, Presence: id.Text("presence"), Position: r.at(ids.LineOf(key)), PresenceAt: r.at(id.LineOf("presence"))}
		for _, p := range id.Pairs("labels") {
			spec.Labels = append(spec.Labels, rubric.LabelSpec{Name: p.Key, Source: p.Value, Position: r.at(p.Line)})
		}
		id.Done()
		if id.Bad() {
			continue
		}
		identity, problems := rubric.NewIdentity(env, spec)
		r.problems = append(r.problems, problems...)
		if identity != nil {
			out[key] = identity
		}
	}
	return out
}

// services reads the catalog.
func (r *reader) services(m *strict.Map) {
	nodes := m.List("services")
	if len(nodes) == 0 {
		m.Mistake(m.LineOf("services"), "the test file has no services: list catalog entries under \"services:\", e.g. - {name: playlist, tags: [http]}")
	}
	document, problems := catalog.ParseServices(r.out.Path, nodes)
	r.problems = append(r.problems, problems...)
	r.out.catalog, problems = catalog.Merge(document)
	r.problems = append(r.problems, problems...)
}

// review holds services and waivers against the rubrics and sources: what names
// nothing there could make a test pass for the wrong reason. Services and waiver
// files may be those of production, and speak of other rubrics too.
func (r *reader) review() {
	services := r.out.catalog.Services()
	r.problems = append(r.problems, rubric.CheckOverrides(r.out.rubrics, services)...)
	r.problems = append(r.problems, rubric.CheckOverridden(r.out.rubrics, services)...)
	scope := config.WaiverScope(r.out.rubrics, services)
	scope.Partial = true
	r.problems = append(r.problems, r.out.waivers.Review(scope, time.Time{})...)
	if slices.ContainsFunc(r.out.sources, func(s source) bool { return s.partition != "" }) {
		return // its values may be expected as well
	}
	var sources []string
	for _, s := range r.out.sources {
		sources = append(sources, s.name)
	}
	r.problems = append(r.problems, config.UnknownSources(sources, services)...)
}

// nodesOf returns the lists of tests and expectations with a limit.
func nodesOf(m *strict.Map, field string, most int) []*yaml.Node {
	nodes := m.List(field)
	if len(nodes) > most {
		m.Mistake(m.LineOf(field), "%s has %d entries under %q, but at most %d are allowed", m.What(), len(nodes), field, most)
		return nil
	}
	return nodes
}
