package gather

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// Prometheus is how a source is asked. Its methods are safe for concurrent
// use and bound what they read.
type Prometheus interface {
	Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error)
	QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error)
	Status() promapi.Status
}

// Source is one source and how it is asked.
type Source struct {
	Name        string // unlike all others
	Environment string
	Partition   string            // label whose values are cells, or ""
	Labels      map[string]string // renamed labels: what a rubric says → what the source has
	Delay       time.Duration     // how long after a tick its data is asked for
	GraphURL    string            // base of links to queries, or ""
	Client      Prometheus
}

// Replicated reports whether the source has several replicas.
func (s Source) Replicated() bool { return s.replicas() != nil }

// replicas returns the client as one of several replicas, or nil.
func (s Source) replicas() Replicas {
	r, ok := s.Client.(Replicas)
	if !ok {
		return nil
	}
	if n, _ := r.Replicas(); n < 2 {
		return nil
	}
	return r
}

// asker puts the questions of a plan to one source.
type asker struct {
	Source
	plan    *question.Plan
	queries []question.Query
	births  []question.Query // about what was born in a slot
	scrapes []question.Query // about how often targets are scraped
	dropped func(births int)
	busy    atomic.Bool // a tick is being asked
	bounds  boundsMemory
	splits  splitMemories
	told    toldMemory
	pace    paceMemory
	tally   tally   // nil: not kept
	choice  *choice // nil: the source has one replica
}

func newAsker(o Source, plan *question.Plan) *asker {
	d := question.Dialect{Renamed: o.Labels, Partition: o.Partition}
	a := &asker{Source: o, plan: plan, queries: plan.Queries(d), births: plan.Births(d), scrapes: plan.Scrapes(d), dropped: func(int) {}}
	if r := o.replicas(); r != nil {
		a.choice = newChoice(r, plan)
	}
	return a
}

func (a *asker) dialect() question.Dialect {
	return question.Dialect{Renamed: a.Labels, Partition: a.Partition}
}

// answer is what came back for one query, or for a piece of it.
type answer struct {
	query    *question.Query
	piece    question.Piece
	decoders []*decoder // one for each feed
	report   promapi.Report
	err      error // why there is no answer
	fault    *slo.Fault
}

// wanted returns those of some queries that feed any question that is due in the
// span and wished for. Targets are asked for as at any tick where an instant is one:
// those of other identities bear witness as well.
func (a *asker) wanted(of []question.Query, s question.Span, w question.Wish) []*question.Query {
	due := make([]bool, len(a.plan.Questions))
	witnesses := make([]bool, len(a.plan.Identities))
	scraped := make([]bool, len(a.plan.Identities))
	for i := range a.plan.Questions {
		q := &a.plan.Questions[i]
		asked := s.N > 1 || a.plan.Due(i, s.Start)
		due[i] = asked && (w == nil || w(q))
		witnesses[q.Identity] = witnesses[q.Identity] || due[i] || asked && !s.Past()
		scraped[q.Identity] = scraped[q.Identity] || due[i] && q.OfScrapes()
	}
	var out []*question.Query
	for i := range of {
		q := &of[i]
		if slices.ContainsFunc(q.Feeds, func(f question.Feed) bool {
			switch {
			case f.Question >= 0:
				return due[f.Question]
			case f.Role == question.RoleScrapes:
				return scraped[f.Identity]
			}
			return witnesses[f.Identity]
		}) {
			out = append(out, a.told.inEffect(q))
		}
	}
	return out
}

// send asks one query, in pieces where it has to be, of the one replica with a
// number, or as the client thinks best if that is 0. What has too many rows is put
// in the way that has the source classify them, before anything is cut.
func (a *asker) send(ctx context.Context, q *question.Query, s question.Span, only int) []*answer {
	key := splitKey{q, s.N > 1}
	var answers []*answer
	for pieces := a.splits.pieces(key); len(pieces) > 0; pieces = pieces[1:] {
		ans := a.sendPiece(ctx, q, pieces[0], s, only)
		if promapi.IsTooManyRows(ans.err) && ctx.Err() == nil {
			if told := a.told.tooMany(q); told != nil {
				return a.send(ctx, told, s, only)
			}
		}
		if most := piecesFor(ans.err); most > 0 && ctx.Err() == nil {
			if halves, ok := a.splits.cut(a.plan, key, pieces[0], most); ok {
				pieces = slices.Insert(pieces, 1, halves...)
				continue
			}
		}
		answers = append(answers, ans)
		if ans.fault != nil {
			break // one piece that is missing spoils the answer
		}
	}
	a.told.note(q, answers)
	return answers
}

func (a *asker) sendPiece(ctx context.Context, q *question.Query, k question.Piece, s question.Span, only int) *answer {
	ans := a.prepare(q, k, s)
	sink := fan(ans.decoders)
	sink.Reset()
	expr, start := k.In(q), time.Unix(s.Start, 0).UTC()
	if s.N == 1 {
		ans.report, ans.err = a.Client.Query(ctx, promapi.Query{Expr: expr, Time: start, Only: only}, sink)
	} else {
		ans.report, ans.err = a.Client.QueryRange(ctx, promapi.RangeQuery{
			Expr: expr, Start: start, End: time.Unix(s.Last(), 0).UTC(),
			Step: time.Duration(s.Step) * time.Second, Only: only,
		}, sink)
	}
	switch {
	case ans.err != nil:
		ans.fault = &slo.Fault{Reason: slo.SourceError, Detail: ans.err.Error()}
	case len(ans.report.Warnings) > 0:
		ans.fault = &slo.Fault{Reason: slo.Partial, Detail: "the source warns: " + ans.report.Warnings[0]}
	case ans.misplaced():
		ans.fault = &slo.Fault{Reason: slo.InvalidData, Detail: "the source answered about another time than it was asked about"}
	}
	if ans.fault != nil {
		sink.Reset()
	}
	return ans
}

func (a *asker) prepare(q *question.Query, k question.Piece, s question.Span) *answer {
	ans := &answer{query: q, piece: k}
	d := a.dialect()
	for _, f := range q.Feeds {
		id := a.plan.Identities[f.Identity]
		dec := &decoder{
			span: s, index: id.Index, names: d.Labels(id.LabelNames()), partition: d.Label(a.Partition),
			source: []byte(a.Name), classify: classifierOf(a.plan, d, f),
		}
		dec.cellwise = f.Role == question.RoleScrapes && id.Presence != ""
		dec.whole = f.Question >= 0 && a.plan.Questions[f.Question].Check.Kind.Counted()
		if f.Role == question.RoleBuckets {
			dec.threshold = &a.plan.Questions[f.Question].Check.Histogram.Threshold
		}
		if a.told.unmeasured(q) {
			dec.tuples = map[uint64]struct{}{}
		}
		ans.decoders = append(ans.decoders, dec)
	}
	return ans
}

// misplaced reports points of an instant that was not asked about.
func (ans *answer) misplaced() bool {
	return slices.ContainsFunc(ans.decoders, func(d *decoder) bool { return d.misplaced > 0 })
}

// fan hands one answer to several decoders.
type fan []*decoder

// Reset implements promapi.Sink.
func (f fan) Reset() {
	for _, d := range f {
		d.Reset()
	}
}

// Series implements promapi.Sink.
func (f fan) Series(s *promapi.Series) error {
	for _, d := range f {
		d.add(s)
	}
	return nil
}

func costOf(answers []*answer) slo.Cost {
	var c slo.Cost
	for _, ans := range answers {
		c.Queries += max(1, ans.report.Attempts)
		c.Samples += ans.report.SamplesTotal
		c.Bytes += ans.report.Bytes
		if ans.fault != nil {
			c.Failed++
		}
		for _, d := range ans.decoders {
			c.Unmatched = max(c.Unmatched, d.unmatched)
		}
	}
	return c
}
