package config

import (
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/rubric"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	prefixPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	labelPattern  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

const nameRule = "use 1 to 63 lower-case letters, digits and dashes"

// Load reads the file at path. All mistakes are reported at once; with one that
// is more than a warning, the Config is nil. The catalog, the rubrics and the
// waivers that the file names are not read: LoadCatalog, LoadRubrics and
// LoadWaivers do that.
func Load(path string) (*Config, []catalog.Problem) { return load(path, (*reader).everything) }

// LoadForReaders is Load for a process that shows what others have committed: of
// the sections it reads global, redis and exporter alone, and what is wrong in
// others is no concern of it.
func LoadForReaders(path string) (*Config, []catalog.Problem) {
	return load(path, (*reader).forReaders)
}

func load(path string, sections func(*reader, *strict.Map)) (*Config, []catalog.Problem) {
	data, err := file.Read(path)
	if err != nil {
		return nil, []catalog.Problem{{Position: catalog.Position{File: path}, Message: err.Error()}}
	}
	return parse(path, data, sections)
}

// Parse is Load with the content of the file at hand.
func Parse(path string, data []byte) (*Config, []catalog.Problem) {
	return parse(path, data, (*reader).everything)
}

func parse(path string, data []byte, sections func(*reader, *strict.Map)) (*Config, []catalog.Problem) {
	r := &reader{out: &Config{Path: path, Dir: filepath.Dir(path), lines: map[string]int{}}}
	limits := strict.Limits{Bytes: catalog.MaxFileBytes, Documents: 1, Depth: 32}
	roots := strict.Documents(data, limits, r.report)
	source := strict.Source{ValueBytes: maxTextBytes, Report: r.report}
	m := source.Map(nil, "apgar.yml")
	if len(roots) > 0 {
		m = source.Map(roots[0], "apgar.yml")
	}
	if !m.Bad() {
		sections(r, m)
		m.Done()
	}
	catalog.Problems(r.problems).Sort()
	if catalog.Problems(r.problems).HasErrors() {
		return nil, r.problems
	}
	return r.out, r.problems
}

// reader fills one Config.
type reader struct {
	out      *Config
	problems []catalog.Problem
}

func (r *reader) everything(m *strict.Map) {
	r.global(m)
	r.sources(m)
	r.catalog(m)
	r.rubrics(m)
	r.identities(m)
	r.redis(m)
	r.exporter(m)
}

func (r *reader) forReaders(m *strict.Map) {
	r.global(m)
	r.redis(m)
	r.exporter(m)
	for _, section := range []string{"sources", "catalog", "rubrics", "identities"} {
		m.Ask(section)
	}
}

func (r *reader) report(line int, message string) {
	r.problems = append(r.problems, catalog.Problem{Position: r.at(line), Message: message})
}

func (r *reader) at(line int) catalog.Position {
	return catalog.Position{File: r.out.Path, Line: line}
}

func (r *reader) global(m *strict.Map) {
	g := m.Map("global")
	g.Name("global")
	r.out.Global = Global{
		EvaluationInterval: duration(g, "evaluation_interval", defaultInterval, time.Second, slot),
		QueryDelay:         duration(g, "query_delay", defaultDelay, 0, maxDelay),
		QueryTimeout:       duration(g, "query_timeout", defaultTimeout, time.Second, maxTimeout),
		ExternalURL:        externalURL(g),
		Environment:        name(g, "environment", defaultEnvironment),
	}
	if i := r.out.Global.EvaluationInterval; slot%i != 0 {
		g.Mistake(g.LineOf("evaluation_interval"), "evaluation_interval is %s, but must divide 5m: write e.g. 15s, 30s, 1m or 5m", g.Text("evaluation_interval"))
	}
	g.Done()
}

func (r *reader) catalog(m *strict.Map) {
	c := m.Map("catalog")
	c.Name("catalog")
	r.out.Catalog.Files = r.patterns(c, "files")
	c.Done()
}

func (r *reader) rubrics(m *strict.Map) {
	c := m.Map("rubrics")
	c.Name("rubrics")
	r.packs(c)
	r.out.Rubrics.Files, r.out.Rubrics.Waivers = r.patterns(c, "files"), r.patterns(c, "waivers")
	c.Done()
}

// identities compiles what it reads, so that mistakes in CEL are found with all
// the others.
func (r *reader) identities(m *strict.Map) {
	ids := m.Map("identities")
	ids.Name("identities")
	if len(ids.Keys()) == 0 {
		return
	}
	env, err := catalog.NewEnv()
	if err != nil {
		ids.Mistake(ids.Line(), "identities cannot be read: %s", err)
		return
	}
	for _, key := range ids.Keys() {
		id := ids.Map(key)
		id.Name("identity " + key)
		spec := rubric.IdentitySpec{
			Name: key, Presence: id.Text("presence"),
			Position: r.at(ids.LineOf(key)), PresenceAt: r.at(id.LineOf("presence")),
		}
		for _, p := range id.Pairs("labels") {
			spec.Labels = append(spec.Labels, rubric.LabelSpec{Name: p.Key, Source: p.Value, Position: r.at(p.Line)})
		}
		id.Done()
		if id.Bad() {
			continue
		}
		_, problems := rubric.NewIdentity(env, spec)
		r.problems = append(r.problems, problems...)
		r.out.Identities = append(r.out.Identities, spec)
	}
}

func (r *reader) exporter(m *strict.Map) {
	e := m.Map("exporter")
	e.Name("exporter")
	r.out.Exporter.SeriesLimit = integer(e, "series_limit", defaultSeries, 1, maxSeries)
	e.Done()
}

// duration reads a field in Prometheus' notation, within [shortest, longest].
func duration(m *strict.Map, field string, missing, shortest, longest time.Duration) time.Duration {
	text := m.Text(field)
	if text == "" {
		return missing
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		m.Mistake(m.LineOf(field), "%s of %s is %q, which is no duration: write e.g. 30s or 1m", field, m.What(), strict.Clip(text))
		return missing
	}
	if time.Duration(d) < shortest || time.Duration(d) > longest {
		m.Mistake(m.LineOf(field), "%s of %s is %s, but must be between %s and %s", field, m.What(), text, model.Duration(shortest), model.Duration(longest))
		return missing
	}
	return time.Duration(d)
}

func integer(m *strict.Map, field string, missing, least, most int) int {
	v := m.Int(field, missing)
	if v < least || v > most {
		m.Mistake(m.LineOf(field), "%s of %s is %d, but must be between %d and %d", field, m.What(), v, least, most)
		return missing
	}
	return v
}

func name(m *strict.Map, field, missing string) string {
	text := m.Text(field)
	if text == "" {
		return missing
	}
	if !namePattern.MatchString(text) {
		m.Mistake(m.LineOf(field), "%s of %s is %q: %s", field, m.What(), strict.Clip(text), nameRule)
	}
	return text
}

// patterns reads a list of paths and globs.
func (r *reader) patterns(m *strict.Map, field string) []string {
	var out []string
	for _, t := range m.Texts(field) {
		if t.Value == "" {
			m.Mistake(t.Line, "%s of %s has an empty path: write a file, a directory or a pattern such as catalog/*.yml", field, m.What())
			continue
		}
		out = append(out, t.Value)
		r.out.lines[r.out.inFull(t.Value)] = t.Line
	}
	return out
}

func (c *Config) inFull(pattern string) string {
	if filepath.IsAbs(pattern) {
		return pattern
	}
	return filepath.Join(c.Dir, pattern)
}

// located puts what is wrong with patterns of the file at their lines.
func (c *Config) located(problems []catalog.Problem) []catalog.Problem {
	for i, p := range problems {
		if line, ok := c.lines[p.Position.File]; ok {
			problems[i].Position = catalog.Position{File: c.Path, Line: line}
			problems[i].Message = p.Position.File + ": " + p.Message
		}
	}
	return problems
}
