package question

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/rubric"
)

// Query is one PromQL expression for one source, with everything that its
// answer feeds. It is immutable.
type Query struct {
	Expr  string
	Feeds []Feed
	// narrowed writes the expression for some services only: those that more
	// matchers, in the rubric's words, let through. It is nil where that
	// cannot be done: an author's query may join series that name no service.
	narrowed func(more []*labels.Matcher) string
	// Told asks for the same of a source where the rows of this one are too many: one
	// that classifies events itself. It is nil where rows are not classified.
	Told *Query
}

// Feed is the part that one query has in the answer to one question, or to
// how many targets the services of an identity have.
type Feed struct {
	Question int // place in the plan; -1: the targets
	Identity int // place in the plan
	Role     Role
	Bad      string // of RoleTold: the label that is BadMark where a row is bad
}

// Role says how rows turn into counts, a value or targets.
type Role int

// The roles of rows.
const (
	RoleClassified Role = iota // rows are events; a row is bad when the matchers of the check match
	RoleTotal                  // rows are all events
	RoleBad                    // rows are bad events
	RoleBuckets                // rows are buckets of a histogram, or whole native histograms
	RoleGauge                  // rows are values
	RoleTargets                // rows are numbers of targets, by whether they are up
	RolePresence               // rows are numbers of targets that are up
	RoleBorn                   // rows are bad events that counters were born with
	RoleTold                   // rows are events; a label says whether they are bad
	RoleScrapes                // rows are numbers of scrapes in a tile of time
)

// Dialect is how one source names labels. It is immutable.
type Dialect struct {
	Renamed   map[string]string // what a rubric says → what the source has
	Partition string            // the label whose values are cells, in the rubric's words; "": none
}

// Label returns the source's name of a label that a rubric names.
func (d Dialect) Label(name string) string {
	if to, ok := d.Renamed[name]; ok {
		return to
	}
	return name
}

// Labels returns the source's names of labels, in their order.
func (d Dialect) Labels(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = d.Label(name)
	}
	return out
}

// grouping returns the labels that the rows of an identity carry.
func (d Dialect) grouping(id *rubric.Identity, more ...string) []string {
	out := d.Labels(slices.Concat(id.LabelNames(), more, d.extra()))
	slices.Sort(out)
	return slices.Compact(out)
}

// extra returns what rows are told apart by beside the identity.
func (d Dialect) extra() []string {
	if d.Partition == "" {
		return nil
	}
	return []string{d.Partition}
}

// Queries writes the distinct queries of a plan for one source: one for each
// selector and identity, whatever the number of checks on it, and one for
// the targets of each identity. Nothing is asked about an identity that names
// none of the services.
func (p *Plan) Queries(d Dialect) []Query {
	var all distinct
	scans := p.scans()
	for i, q := range p.Questions {
		if !p.reaches(q.Identity) {
			continue
		}
		w := p.writer(d, q.Identity, p.scopeOf(q.Identity))
		for _, part := range w.parts(q.Check, scans[scanOf(q)]) {
			all.add(part, Feed{Question: i, Identity: q.Identity, Role: part.role})
		}
	}
	for i := range p.Identities {
		if p.reaches(i) {
			part := p.writer(d, i, p.scopeOf(i)).targets()
			all.add(part, Feed{Question: -1, Identity: i, Role: part.role})
		}
	}
	for i := range all.queries {
		all.queries[i].Told = p.told(d, &all.queries[i])
	}
	return all.queries
}

// Births writes the distinct queries for what was born in a slot: one for each
// bad selector and identity.
func (p *Plan) Births(d Dialect) []Query {
	var all distinct
	for i, q := range p.Questions {
		if !p.reaches(q.Identity) {
			continue
		}
		if part, ok := p.writer(d, q.Identity, p.scopeOf(q.Identity)).born(q.Check); ok {
			all.add(part, Feed{Question: i, Identity: q.Identity, Role: RoleBorn})
		}
	}
	return all.queries
}

// distinct are queries, each once.
type distinct struct {
	queries []Query
	places  map[string]int
}

func (d *distinct) add(part part, f Feed) {
	i, known := d.places[part.expr]
	if !known {
		i = len(d.queries)
		if d.places == nil {
			d.places = map[string]int{}
		}
		d.places[part.expr] = i
		d.queries = append(d.queries, Query{Expr: part.expr, narrowed: part.narrowed})
	}
	d.queries[i].Feeds = append(d.queries[i].Feeds, f)
}

func (p *Plan) writer(d Dialect, identity int, scope []*labels.Matcher) writer {
	return writer{Dialect: d, identity: p.Identities[identity].Identity, scope: scope}
}

// Shown writes the expression that shows a person what one service has at a
// source that a question is about. ok is false when its identity does not name
// the service.
func (p *Plan) Shown(d Dialect, question, service int) (expr string, ok bool) {
	q := p.Questions[question]
	if !p.Identities[q.Identity].Index.Identified(service) {
		return "", false
	}
	return p.writer(d, q.Identity, p.tupleMatchers(q.Identity, []int{service})).shown(q.Check), true
}

// Bounds asks which bounds the buckets of a histogram have for some services,
// at least one of which an identity must name.
func (p *Plan) Bounds(d Dialect, identity int, services []int, h *rubric.Histogram) string {
	return p.writer(d, identity, p.tupleMatchers(identity, services)).bounds(h)
}

// scanKey names a selector under an identity: checks that classify the same
// events share one scan, grouped by the labels that any of them looks at.
type scanKey struct {
	identity int
	selector string
}

func scanOf(q Question) scanKey {
	if e := q.Check.Events; e != nil {
		return scanKey{q.Identity, selectorText(e.Total) + e.Recorded}
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
	for _, q := range p.Questions {
		if q.Check.Events == nil || q.Check.Events.BadOf != nil {
			continue
		}
		key := scanOf(q)
		for _, m := range q.Check.Events.Bad {
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
	id := p.Identities[identity]
	names := id.LabelNames()
	values := make([][]string, len(names))
	for _, service := range services {
		for _, tuple := range id.Index.Tuples(service) {
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
