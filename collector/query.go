package collector

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/rubric"
)

// query is one PromQL expression for one source, with everything that its
// answer feeds.
type query struct {
	expr  string
	feeds []feed
	// narrowed writes the expression for some services only: those that more
	// matchers, in the rubric's words, let through. It is nil where that
	// cannot be done: an author's query may join series that name no service.
	narrowed func(more []*labels.Matcher) string
}

// feed is the part that one query has in the answer to one question, or to
// how many targets the services of an identity have.
type feed struct {
	question int // -1: the targets
	identity int
	role     role
}

// role says how rows turn into counts, a value or targets.
type role int

const (
	roleClassified role = iota // rows are events; a row is bad when the matchers of the check match
	roleTotal                  // rows are all events
	roleBad                    // rows are bad events
	roleBuckets                // rows are buckets of a histogram, or whole native histograms
	roleGauge                  // rows are values
	roleTargets                // rows are numbers of targets, by whether they are up
	rolePresence               // rows are numbers of targets that are up
)

// dialect is how one source names labels.
type dialect struct {
	renamed   map[string]string
	partition string
}

func (d dialect) label(name string) string {
	if to, ok := d.renamed[name]; ok {
		return to
	}
	return name
}

func (d dialect) labels(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = d.label(name)
	}
	return out
}

// grouping returns the labels that the rows of an identity carry.
func (d dialect) grouping(id *rubric.Identity, more ...string) []string {
	out := d.labels(slices.Concat(id.LabelNames(), more, d.extra()))
	slices.Sort(out)
	return slices.Compact(out)
}

// extra returns what rows are told apart by beside the identity.
func (d dialect) extra() []string {
	if d.partition == "" {
		return nil
	}
	return []string{d.partition}
}

// queries writes the distinct queries of a plan for one source: one for each
// selector and identity, whatever the number of checks on it, and one for
// the targets of each identity. Nothing is asked about an identity that names
// none of the services.
func (p *Plan) queries(d dialect) []query {
	var out []query
	places := map[string]int{}
	add := func(part part, f feed) {
		i, known := places[part.expr]
		if !known {
			i = len(out)
			places[part.expr] = i
			out = append(out, query{expr: part.expr, narrowed: part.narrowed})
		}
		out[i].feeds = append(out[i].feeds, f)
	}
	scans := p.scans()
	for i, q := range p.questions {
		if !p.reaches(q.identity) {
			continue
		}
		w := p.writer(d, q.identity, p.scopeOf(q.identity))
		for _, part := range w.parts(q.check, scans[scanOf(q)]) {
			add(part, feed{i, q.identity, part.role})
		}
	}
	for i := range p.identities {
		if p.reaches(i) {
			part := p.writer(d, i, p.scopeOf(i)).targets()
			add(part, feed{-1, i, part.role})
		}
	}
	return out
}

func (p *Plan) writer(d dialect, identity int, scope []*labels.Matcher) writer {
	return writer{dialect: d, identity: p.identities[identity].Identity, scope: scope}
}

// shown writes the expression that shows a person what one service has at a
// source that a question is about. ok is false when its identity does not name
// the service.
func (p *Plan) shown(d dialect, question, service int) (expr string, ok bool) {
	q := p.questions[question]
	if !p.identities[q.identity].index.Identified(service) {
		return "", false
	}
	return p.writer(d, q.identity, p.tupleMatchers(q.identity, []int{service})).shown(q.check), true
}

// boundsOf asks which bounds the buckets of a histogram have for some services,
// at least one of which an identity must name.
func (p *Plan) boundsOf(d dialect, identity int, services []int, h *rubric.Histogram) string {
	return p.writer(d, identity, p.tupleMatchers(identity, services)).bounds(h)
}

// scanKey names a selector under an identity: checks that classify the same
// events share one scan, grouped by the labels that any of them looks at.
type scanKey struct {
	identity int
	selector string
}

func scanOf(q question) scanKey {
	if e := q.check.Events; e != nil {
		return scanKey{q.identity, selectorText(e.Total) + e.Recorded}
	}
	return scanKey{}
}

func selectorText(s rubric.Selector) string {
	texts := make([]string, len(s.Where))
	for i, m := range s.Where {
		texts[i] = m.String()
	}
	slices.Sort(texts)
	return s.Metric + "{" + strings.Join(texts, ",") + "}"
}

func (p *Plan) scans() map[scanKey][]string {
	scans := map[scanKey][]string{}
	for _, q := range p.questions {
		if q.check.Events == nil || q.check.Events.BadOf != nil {
			continue
		}
		key := scanOf(q)
		for _, m := range q.check.Events.Bad {
			scans[key] = append(scans[key], m.Name)
		}
	}
	return scans
}

// scopeOf returns the matchers that restrict an identity to the services of a
// scoped plan.
func (p *Plan) scopeOf(identity int) []*labels.Matcher {
	if p.scoped == nil {
		return nil
	}
	return p.tupleMatchers(identity, slices.Sorted(maps.Keys(p.scoped)))
}

// tupleMatchers returns matchers for the tuples of some services, at least one
// of which must be identified. With several labels they may match a few tuples
// more, which name nobody asked for.
func (p *Plan) tupleMatchers(identity int, services []int) []*labels.Matcher {
	id := p.identities[identity]
	names := id.LabelNames()
	values := make([][]string, len(names))
	for _, service := range services {
		for _, tuple := range id.index.Tuples(service) {
			for i, value := range tuple {
				values[i] = append(values[i], value)
			}
		}
	}
	var out []*labels.Matcher
	for i, name := range names {
		slices.Sort(values[i])
		out = append(out, anyOf(name, slices.Compact(values[i])))
	}
	return out
}

// anyOf matches a label that has one of the values. PromQL takes neither what
// is no UTF-8 nor the replacement character U+FFFD, not even in a string: any
// character will do in its place.
func anyOf(name string, values []string) *labels.Matcher {
	if len(values) == 1 && sayable(values[0]) {
		return labels.MustNewMatcher(labels.MatchEqual, name, values[0])
	}
	patterns := make([]string, len(values))
	for i, v := range values {
		quoted := regexp.QuoteMeta(strings.ToValidUTF8(v, replacement))
		patterns[i] = strings.ReplaceAll(quoted, replacement, ".")
	}
	return labels.MustNewMatcher(labels.MatchRegexp, name, strings.Join(patterns, "|"))
}

const replacement = "\uFFFD"

// sayable reports whether PromQL can name a value exactly.
func sayable(value string) bool {
	return utf8.ValidString(value) && !strings.Contains(value, replacement)
}
