package question

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/rubric"
)

// MostRows is how many rows, for each that identity and cell alone would give, the
// labels of bad events may make of an answer. Beyond it the source is to classify.
const MostRows = 4

// BadMark is the value of a label that says that a row is bad; it is "" where a row
// is good.
const BadMark = "1"

// badLabel names the labels that a source classifies events by: one for each
// distinct set of matchers.
const badLabel = "apgar_bad"

// told writes the query that has the source classify the events of another; nil
// where that one does more than to feed classified events, or less. Every series is
// read once, so that there are never more bad events than events.
func (p *Plan) told(d Dialect, q *Query) *Query {
	var sets [][]*labels.Matcher
	places := map[string]int{}
	out := Query{Feeds: slices.Clone(q.Feeds)}
	for i, f := range q.Feeds {
		if f.Role != RoleClassified {
			return nil
		}
		bad := p.Questions[f.Question].Check.Events.Bad
		key := selectorText(rubric.Selector{Where: bad})
		place, known := places[key]
		if !known {
			place = len(sets)
			places[key] = place
			sets = append(sets, bad)
		}
		out.Feeds[i].Role, out.Feeds[i].Bad = RoleTold, fmt.Sprintf("%s_%d", badLabel, place)
	}
	first := q.Feeds[0]
	events := p.Questions[first.Question].Check.Events
	part := p.writer(d, first.Identity, p.scopeOf(first.Identity)).part(RoleTold, func(w writer) string {
		return w.told(events, sets)
	})
	out.Expr, out.narrowed = part.expr, part.narrowed
	return &out
}

func (w writer) told(e *rubric.Events, sets [][]*labels.Matcher) string {
	var told parser.Expr = w.selector(e.Total.Metric, e.Total.Where)
	if e.Recorded == "" {
		told = increase(w.selector(e.Total.Metric, e.Total.Where))
	}
	by := make([]string, len(sets))
	for i, bad := range sets {
		by[i] = fmt.Sprintf("%s_%d", badLabel, i)
		told = w.mark(told, by[i], bad)
	}
	return sumBy(w.grouping(w.identity, by...), told).String()
}

// mark gives a label the value BadMark where all matchers match. What is asked for
// is found by a pattern; where there are several such matchers each has a label
// first, and these are joined. What is forbidden takes the mark away again.
func (w writer) mark(of parser.Expr, label string, bad []*labels.Matcher) parser.Expr {
	var asked, forbidden []*labels.Matcher
	for _, m := range bad {
		if m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp {
			asked = append(asked, m)
		} else {
			forbidden = append(forbidden, m)
		}
	}
	switch len(asked) {
	case 0:
		of = relabelled(of, label, BadMark, "", "")
	case 1:
		of = relabelled(of, label, BadMark, w.Label(asked[0].Name), patternOf(asked[0]))
	default:
		joined := label + "_of"
		args := parser.Expressions{nil, &parser.StringLiteral{Val: joined}, &parser.StringLiteral{Val: ","}}
		for i, m := range asked {
			one := fmt.Sprintf("%s_%d", joined, i)
			of = relabelled(of, one, BadMark, w.Label(m.Name), patternOf(m))
			args = append(args, &parser.StringLiteral{Val: one})
		}
		args[0] = of
		of = &parser.Call{Func: parser.Functions["label_join"], Args: args}
		of = relabelled(of, label, BadMark, joined, strings.Join(slices.Repeat([]string{BadMark}, len(asked)), ","))
	}
	for _, m := range forbidden {
		of = relabelled(of, label, "", w.Label(m.Name), patternOf(m))
	}
	return of
}

// patternOf returns the pattern, which is anchored where it is used, of the values
// that a matcher names.
func patternOf(m *labels.Matcher) string {
	if m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual {
		return regexp.QuoteMeta(m.Value)
	}
	return m.Value
}
