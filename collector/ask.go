package collector

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/slo"
)

// Prometheus is how a source is asked. Its methods are safe for concurrent
// use and bound what they read.
type Prometheus interface {
	Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error)
	QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error)
	Status() promapi.Status
}

// SourceOptions describe one source to the collector.
type SourceOptions struct {
	Name        string
	Environment string
	Partition   string            // label whose values are cells, or ""
	Labels      map[string]string // renamed labels: what a rubric says → what the source has
	Delay       time.Duration     // how long after a tick its data is asked for
	GraphURL    string            // base of links to queries, or ""
	Client      Prometheus
}

// asker puts the questions of a plan to one source.
type asker struct {
	SourceOptions
	plan    *Plan
	queries []query
	busy    atomic.Bool // a tick is being asked
	bounds  boundsMemory
	splits  splitMemories
	tally   *tally // of what each query cost; nil: not kept
}

func newAsker(o SourceOptions, plan *Plan) *asker {
	return &asker{SourceOptions: o, plan: plan, queries: plan.queries(dialect{o.Labels, o.Partition})}
}

func (a *asker) dialect() dialect { return dialect{a.Labels, a.Partition} }

// answer is what came back for one query, or for a piece of it.
type answer struct {
	query    *query
	piece    piece
	decoders []*decoder // one for each feed
	report   promapi.Report
	fault    *slo.Fault
}

// ask puts every question that is due to the source, about each instant of
// the span, and returns one block for each instant. It always returns: what
// failed is a fault in its column. Questions that are not wished for are not
// asked.
func (a *asker) ask(ctx context.Context, s span, w wish) []*slo.Block {
	started := time.Now()
	var group errgroup.Group
	if s.n > 1 {
		group.SetLimit(1) // the past can wait: ticks go first
	}
	wanted := a.wanted(s, w)
	byQuery := make([][]*answer, len(wanted))
	for i, q := range wanted {
		group.Go(func() error { byQuery[i] = a.send(ctx, q, s); return nil })
	}
	_ = group.Wait()
	a.tally.add(wanted, byQuery)
	answers := slices.Concat(byQuery...)
	a.explainBounds(ctx, answers)
	blocks := a.assemble(answers, s)
	cost := costOf(answers)
	cost.Duration = time.Since(started)
	for _, b := range blocks {
		b.Cost = cost
	}
	return blocks
}

// askWithin is ask for what is left of a patience, of which it takes off what
// it used. Nothing is asked when there is none left.
func (a *asker) askWithin(ctx context.Context, s span, w wish, left *time.Duration) []*slo.Block {
	if *left <= 0 {
		var answers []*answer
		for _, q := range a.wanted(s, w) {
			answers = append(answers, a.leftOut(q, s))
		}
		return a.assemble(answers, s)
	}
	limited, cancel := context.WithTimeout(ctx, *left)
	defer cancel()
	started := time.Now()
	defer func() { *left -= time.Since(started) }()
	return a.ask(limited, s, w)
}

// leftOut is the answer to a query that is not asked, as the source answered
// those before it too slowly.
func (a *asker) leftOut(q *query, s span) *answer {
	ans := a.prepare(q, piece{}, s)
	fan(ans.decoders).Reset()
	ans.fault = &slo.Fault{Reason: slo.SourceError, Detail: "source " + a.Name + " answered about the past too slowly at the start; it is asked again later"}
	return ans
}

// wanted returns the queries that feed any question that is due in the span and
// wished for.
func (a *asker) wanted(s span, w wish) []*query {
	due := make([]bool, len(a.plan.questions))
	witnesses := make([]bool, len(a.plan.identities))
	for i := range a.plan.questions {
		q := &a.plan.questions[i]
		due[i] = (s.n > 1 || a.plan.due(i, s.start)) && (w == nil || w(q))
		witnesses[q.identity] = witnesses[q.identity] || due[i]
	}
	var out []*query
	for i := range a.queries {
		q := &a.queries[i]
		if slices.ContainsFunc(q.feeds, func(f feed) bool {
			return f.question >= 0 && due[f.question] || f.question < 0 && witnesses[f.identity]
		}) {
			out = append(out, q)
		}
	}
	return out
}

// send asks one query, in pieces where it has to be.
func (a *asker) send(ctx context.Context, q *query, s span) []*answer {
	key := splitKey{q, s.n > 1}
	var answers []*answer
	for pieces := a.splits.pieces(key); len(pieces) > 0; pieces = pieces[1:] {
		ans, err := a.sendPiece(ctx, q, pieces[0], s)
		if most := piecesFor(err); most > 0 && ctx.Err() == nil {
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
	return answers
}

func (a *asker) sendPiece(ctx context.Context, q *query, k piece, s span) (*answer, error) {
	ans := a.prepare(q, k, s)
	sink := fan(ans.decoders)
	sink.Reset()
	expr, start := k.in(q), time.Unix(s.start, 0).UTC()
	var err error
	if s.n == 1 {
		ans.report, err = a.Client.Query(ctx, promapi.Query{Expr: expr, Time: start}, sink)
	} else {
		ans.report, err = a.Client.QueryRange(ctx, promapi.RangeQuery{
			Expr: expr, Start: start, End: time.Unix(s.last(), 0).UTC(),
			Step: time.Duration(s.step) * time.Second,
		}, sink)
	}
	switch {
	case err != nil:
		ans.fault = &slo.Fault{Reason: slo.SourceError, Detail: err.Error()}
	case len(ans.report.Warnings) > 0:
		ans.fault = &slo.Fault{Reason: slo.Partial, Detail: "the source warns: " + ans.report.Warnings[0]}
	case ans.misplaced():
		ans.fault = &slo.Fault{Reason: slo.InvalidData, Detail: "the source answered about another time than it was asked about"}
	}
	if ans.fault != nil {
		sink.Reset()
	}
	return ans, err
}

func (a *asker) prepare(q *query, k piece, s span) *answer {
	ans := &answer{query: q, piece: k}
	d := a.dialect()
	for _, f := range q.feeds {
		id := a.plan.identities[f.identity]
		dec := &decoder{
			span: s, index: id.index, names: d.labels(id.LabelNames()), partition: d.label(a.Partition),
			source: []byte(a.Name), classify: a.plan.classifier(d, f),
		}
		dec.whole = f.question >= 0 && a.plan.questions[f.question].check.Kind.Counted()
		if f.role == roleBuckets {
			dec.threshold = &a.plan.questions[f.question].check.Histogram.Threshold
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

// assemble makes the blocks of all answers, an instant each.
func (a *asker) assemble(answers []*answer, s span) []*slo.Block {
	cells := a.unifyCells(answers)
	blocks := make([]*slo.Block, s.n)
	for i := range blocks {
		b := &slo.Block{
			Source: a.Name, Plan: a.plan.Hash, Time: time.Unix(s.at(i), 0).UTC(), Cells: cells.names,
			Columns: make([]slo.Column, len(a.plan.questions)),
			Targets: make([]slo.TargetColumn, len(a.plan.identities)),
		}
		for q := range b.Columns {
			if a.plan.due(q, s.at(i)) {
				b.Columns[q] = a.column(answers, q, i, cells)
			}
		}
		for id := range b.Targets {
			b.Targets[id] = targets(answers, id, i, cells)
		}
		blocks[i] = b
	}
	return blocks
}

// column folds the samples that feed one question at one instant.
func (a *asker) column(answers []*answer, q, step int, cells cellUnion) slo.Column {
	var c slo.Column
	var samples []sample
	c.Asked, c.Fault = collect(answers, func(f feed) bool { return f.question == q }, func(d *decoder) {
		samples = append(samples, cells.renumbered(d, step)...)
	})
	if c.Fault != nil {
		return c
	}
	check := a.plan.questions[q].check
	groups(samples, func(group []sample) {
		if !check.Kind.Counted() {
			c.Rows = append(c.Rows, gaugeRow(check, group))
		} else if row, ok := countedRow(check, group); ok {
			c.Rows = append(c.Rows, row)
		}
	})
	if check.Histogram != nil {
		a.bounds.explain(check.Histogram, c.Rows)
	}
	return c
}

// targets folds the samples that count the targets under one identity.
func targets(answers []*answer, identity, step int, cells cellUnion) slo.TargetColumn {
	var c slo.TargetColumn
	var samples []sample
	_, c.Fault = collect(answers, func(f feed) bool { return f.question < 0 && f.identity == identity }, func(d *decoder) {
		samples = append(samples, cells.renumbered(d, step)...)
	})
	groups(samples, func(group []sample) {
		c.Fault = slo.Graver(c.Fault, sumUp(group).fault)
		c.Rows = append(c.Rows, targetRow(group))
	})
	if c.Fault != nil {
		c.Rows = nil
	}
	return c
}

// collect visits the decoders of some feeds, and returns whether there are any
// and the gravest fault among their answers.
func collect(answers []*answer, wanted func(feed) bool, visit func(*decoder)) (asked bool, fault *slo.Fault) {
	for _, ans := range answers {
		for i, f := range ans.query.feeds {
			if wanted(f) {
				asked, fault = true, slo.Graver(fault, ans.fault)
				visit(ans.decoders[i])
			}
		}
	}
	return asked, fault
}

// cellUnion numbers the cells of all answers alike.
type cellUnion struct {
	names []string
	index map[string]int32
}

func (a *asker) unifyCells(answers []*answer) cellUnion {
	u := cellUnion{index: map[string]int32{}}
	if a.Partition == "" {
		u.names = append(u.names, a.Name)
	}
	for _, ans := range answers {
		for _, d := range ans.decoders {
			u.names = append(u.names, d.cells...)
		}
	}
	slices.Sort(u.names)
	u.names = slices.Compact(u.names)
	for i, name := range u.names {
		u.index[name] = int32(i)
	}
	return u
}

// renumbered returns a decoder's samples of one instant with the cells of the
// union. The samples are the decoder's own and may be reordered.
func (u cellUnion) renumbered(d *decoder, step int) []sample {
	samples := d.steps[step]
	for i := range samples {
		samples[i].cell = u.index[d.cells[samples[i].cell]]
	}
	return samples
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

// evidence returns a link to the events, buckets or values of one service, or
// "" where the source has no place to show them.
func (a *asker) evidence(question, service int) string {
	q := a.plan.questions[question]
	if a.GraphURL == "" || !a.plan.identities[q.identity].index.Identified(service) {
		return ""
	}
	w := a.plan.writer(a.dialect(), q.identity, a.plan.tupleMatchers(q.identity, []int{service}))
	return graphLink(a.GraphURL, w.shown(q.check))
}
