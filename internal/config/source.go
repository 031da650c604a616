package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

func (r *reader) sources(m *strict.Map) {
	nodes := m.List("sources")
	if len(nodes) > maxSources {
		m.Mistake(m.LineOf("sources"), "there are %d sources, but at most %d are allowed", len(nodes), maxSources)
		return
	}
	lines := map[string]int{}
	for i, n := range nodes {
		s := m.Source().Map(n, fmt.Sprintf("source %d of the list", i+1))
		out := r.source(s)
		if first, taken := lines[out.Name]; taken && out.Name != "" {
			s.Mistake(s.LineOf("name"), "source %q is already defined on line %d: rename or remove one of them", out.Name, first)
		} else {
			lines[out.Name] = s.LineOf("name")
		}
		r.out.Sources = append(r.out.Sources, out)
	}
}

func (r *reader) source(m *strict.Map) Source {
	s := Source{Name: m.Text("name")}
	switch {
	case m.Bad():
		return s
	case s.Name == "":
		m.Mistake(m.Line(), "name is missing in %s: add \"name: …\"", m.What())
	case !namePattern.MatchString(s.Name):
		m.Mistake(m.LineOf("name"), "%q is no name of a source: %s", strict.Clip(s.Name), nameRule)
	default:
		m.Name(fmt.Sprintf("source %q", s.Name))
	}
	s.Replicas = replicas(m)
	s.PartitionLabel = label(m, "partition_label")
	s.Environment = name(m, "environment", r.out.Global.Environment)
	s.Labels = renamed(m)
	s.QueryDelay = duration(m, "query_delay", r.out.Global.QueryDelay, 0, maxDelay)
	s.Concurrency = integer(m, "concurrency", defaultConcurrency, 1, maxConcurrency)
	limits := m.Map("limits")
	s.Limits = Limits{
		ResponseBytes: size(limits, "response_bytes", defaultResponseBytes),
		Series:        integer(limits, "series", defaultSeries, 1, maxSeries),
	}
	limits.Done()
	s.HTTP = r.httpConfig(m, "http_config")
	m.Done()
	return s
}

func replicas(m *strict.Map) []Replica {
	var out []Replica
	seen := map[string]bool{}
	nodes := m.List("replicas")
	if len(nodes) == 0 || len(nodes) > maxReplicas {
		m.Mistake(m.LineOf("replicas"), "%s has %d replicas, but needs 1 to %d: add replicas: [{url: \"http://…\"}]", m.What(), len(nodes), maxReplicas)
		return nil
	}
	for i, n := range nodes {
		replica := m.Source().Map(n, fmt.Sprintf("replica %d of %s", i+1, m.What()))
		address := replica.Text("url")
		replica.Done()
		if replica.Bad() {
			continue
		}
		if mistake := checkURL(address); mistake != "" {
			replica.Mistake(replica.LineOf("url"), "url of %s %s", replica.What(), mistake)
			continue
		}
		address = strings.TrimRight(address, "/")
		if seen[address] {
			replica.Mistake(replica.LineOf("url"), "url of %s is given twice: remove one of them", replica.What())
		}
		seen[address] = true
		out = append(out, Replica{URL: address})
	}
	return out
}

// checkURL returns what is wrong with the base URL of a server, or "". It never
// repeats the URL, which may hold a password.
func checkURL(address string) string {
	if address == "" {
		return "is missing: write e.g. http://127.0.0.1:9090"
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "is no URL of a server: write e.g. http://127.0.0.1:9090"
	case u.User != nil:
		return "contains a user or a password: remove it and use http_config.basic_auth with password_file"
	case u.Fragment != "" || strings.Contains(address, "#"):
		return "has a fragment (#…): remove it"
	case u.RawQuery != "" || strings.Contains(address, "?"):
		return "has a query (?…): remove it; parameters that a proxy needs go into its path or http_config.http_headers"
	}
	return ""
}

func externalURL(g *strict.Map) string {
	address := g.Text("external_url")
	if address == "" {
		return ""
	}
	if mistake := checkURL(address); mistake != "" {
		g.Mistake(g.LineOf("external_url"), "external_url of %s %s", g.What(), strings.ReplaceAll(mistake, " and use http_config.basic_auth with password_file", ""))
		return ""
	}
	return strings.TrimRight(address, "/")
}

func label(m *strict.Map, field string) string {
	text := m.Text(field)
	if text != "" && !labelPattern.MatchString(text) {
		m.Mistake(m.LineOf(field), "%s of %s is %q, which is no name of a label", field, m.What(), strict.Clip(text))
	}
	return text
}

// renamed reads which labels the source names differently.
func renamed(m *strict.Map) map[string]string {
	out := map[string]string{}
	for _, p := range m.Pairs("labels") {
		if !labelPattern.MatchString(p.Key) || !labelPattern.MatchString(p.Value) {
			m.Mistake(p.Line, "labels of %s: %q: %q does not rename a label: write e.g. namespace: exported_namespace", m.What(), strict.Clip(p.Key), strict.Clip(p.Value))
			continue
		}
		out[p.Key] = p.Value
	}
	return out
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,15})\s*(B|KiB|MiB|GiB)$`)

// size reads a number of bytes, such as 64MiB.
func size(m *strict.Map, field string, missing int64) int64 {
	text := m.Text(field)
	if text == "" {
		return missing
	}
	units := map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
	match := sizePattern.FindStringSubmatch(text)
	if match == nil {
		m.Mistake(m.LineOf(field), "%s of %s is %q, which is no size: write e.g. 64MiB (units: B, KiB, MiB, GiB)", field, m.What(), strict.Clip(text))
		return missing
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	if unit := units[match[2]]; err != nil || n < 1 || n > maxBytes/unit {
		m.Mistake(m.LineOf(field), "%s of %s is %s, but must be between 1B and 16GiB", field, m.What(), text)
		return missing
	}
	return n * units[match[2]]
}

// httpConfig decodes a section with the code that Prometheus decodes it with.
func (r *reader) httpConfig(m *strict.Map, field string) config.HTTPClientConfig {
	n := m.Node(field)
	if n == nil {
		return config.DefaultHTTPClientConfig
	}
	if n.Kind != yaml.MappingNode {
		m.Mistake(n.Line, "%s of %s must be a mapping of fields, not %s", field, m.What(), strict.Shape(n))
		return config.DefaultHTTPClientConfig
	}
	data, err := yaml.Marshal(n)
	if err != nil {
		m.Mistake(n.Line, "%s of %s cannot be read", field, m.What())
		return config.DefaultHTTPClientConfig
	}
	out, err := config.LoadHTTPConfig(string(data))
	if err != nil {
		m.Mistake(n.Line, "%s of %s: %s", field, m.What(), harmless(err))
		return config.DefaultHTTPClientConfig
	}
	out.SetDirectory(r.out.Dir)
	return *out
}

var (
	quotedValue  = regexp.MustCompile("(?s)!!([a-z]+) `.*?`")
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	linePrefix   = regexp.MustCompile(`(?m)^\s*line \d+: `)
	goType       = regexp.MustCompile(`into (?:config|\[\]|map)\S*`)
)

// harmless rewrites an error of the decoder: without the values of the file,
// which may be secrets, and without line numbers, which are not the file's.
func harmless(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n")
	text = linePrefix.ReplaceAllString(text, "")
	text = quotedValue.ReplaceAllString(text, "a value of type $1")
	text = unknownField.ReplaceAllString(text, `unknown field "$1"`)
	text = goType.ReplaceAllString(text, "into this field")
	// Whatever else the decoder says about a URL contains the URL.
	if strings.Contains(text, "parse ") || strings.Contains(text, "://") {
		return "a URL in it is not valid"
	}
	return strings.ReplaceAll(text, "\n", "; ")
}
