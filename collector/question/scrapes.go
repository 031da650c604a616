package question

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// How it is measured how often targets are scraped.
const (
	// ScrapeMemory is how long a measurement stands: an instant is judged by that
	// of the hour that began last.
	ScrapeMemory = time.Hour
	// ScrapeTile is what scrapes are counted in; the best of those in the hour
	// before counts.
	ScrapeTile = 15 * time.Minute
	// SlowestScrape is the longest time between two scrapes that fill a slot.
	SlowestScrape = 75 * time.Second
)

// FewestScrapes is how many scrapes a target has in a tile at least that is
// scraped often enough.
const FewestScrapes = int(ScrapeTile / SlowestScrape)

// OfScrapes reports whether the answers to a question are counts that come of
// scrapes: what is recorded has a pace of its own.
func (q *Question) OfScrapes() bool {
	return q.Check.Kind.Counted() && (q.Check.Events == nil || q.Check.Events.Recorded == "")
}

// Scrapes writes the distinct queries for how often targets are scraped: one for
// each identity under which scrapes are counted. Its rows are numbers of scrapes
// in a tile, those of the target of each service and cell that has the most. An
// identity with a query of its own for its targets has rows of whole cells, which
// have its labels not.
func (p *Plan) Scrapes(d Dialect) []Query {
	counted := make([]bool, len(p.Identities))
	for i := range p.Questions {
		if q := &p.Questions[i]; q.OfScrapes() {
			counted[q.Identity] = true
		}
	}
	var all distinct
	for i, asked := range counted {
		if asked && p.reaches(i) {
			all.add(p.writer(d, i, p.scopeOf(i)).scrapes(), Feed{Question: -1, Identity: i, Role: RoleScrapes})
		}
	}
	return all.queries
}

// scrapes writes the expression for the most scrapes that any target of a service
// had in a tile. Only targets count that were there at its beginning and are at
// its end; of several tiles the best counts, since Prometheus may have been away
// in some. Targets that are down are scraped as well.
func (w writer) scrapes() part {
	if w.identity.Presence != "" {
		w.scope = nil
		return part{expr: w.mostScrapes(w.Labels(w.extra())), role: RoleScrapes}
	}
	return w.part(RoleScrapes, func(w writer) string { return w.mostScrapes(w.grouping(w.identity)) })
}

func (w writer) mostScrapes(grouping []string) string {
	both := func(lhs, rhs parser.Expr) parser.Expr {
		return &parser.BinaryExpr{Op: parser.LAND, LHS: lhs, RHS: rhs, VectorMatching: &parser.VectorMatching{Card: parser.CardManyToMany}}
	}
	scrapes := &parser.Call{Func: parser.Functions["count_over_time"], Args: parser.Expressions{
		&parser.MatrixSelector{VectorSelector: w.selector(up, nil), Range: ScrapeTile},
	}}
	complete := both(both(scrapes, before(w.selector(up, nil), ScrapeTile)), w.selector(up, nil))
	best := &parser.Call{Func: parser.Functions["max_over_time"], Args: parser.Expressions{
		&parser.SubqueryExpr{Expr: &parser.ParenExpr{Expr: complete}, Range: ScrapeMemory, Step: ScrapeTile},
	}}
	most := &parser.AggregateExpr{Op: parser.MAX, Expr: best, Grouping: grouping}
	return most.String()
}

// ScrapeSpan returns the instants whose measurements a span is judged by.
func (s Span) ScrapeSpan() Span {
	step := seconds(ScrapeMemory)
	first, last := ScrapesAt(s.Start), ScrapesAt(s.Last())
	return Span{Start: first, Step: step, N: int((last-first)/step) + 1}
}

// ScrapesAt returns the instant whose measurement another is judged by; both are
// in Unix seconds.
func ScrapesAt(t int64) int64 { return t - t%seconds(ScrapeMemory) }

// Between returns how much time is between two scrapes of a target that has so
// many of them in a tile, at least one.
func Between(scrapes float64) time.Duration {
	return time.Duration(float64(ScrapeTile) / max(scrapes, 1)).Round(time.Second)
}

// TooFew reports that so many scrapes in a tile do not fill slots.
func TooFew(scrapes float64) bool { return scrapes < float64(FewestScrapes) }
