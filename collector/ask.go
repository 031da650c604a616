package collector

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/rubric"
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
}

func newAsker(o SourceOptions, plan *Plan) *asker {
	return &asker{SourceOptions: o, plan: plan, queries: plan.queries(dialect{o.Labels, o.Partition})}
}

func (a *asker) dialect() dialect { return dialect{a.Labels, a.Partition} }

// answer is what came back for one query.
type answer struct {
	query    *query
	decoders []*decoder // one for each feed; one for presence
	report   promapi.Report
	fault    *slo.Fault
}

// ask puts every question that is due to the source, about each instant of
// the span, and returns one block for each instant. It always returns: what
// failed is a fault in its column. Only counted questions are asked when
// countedOnly is set.
func (a *asker) ask(ctx context.Context, s span, countedOnly bool) []*slo.Block {
	started := time.Now()
	var answers []*answer
	var group errgroup.Group
	if s.n > 1 {
		group.SetLimit(1) // the past can wait: ticks go first
	}
	for i := range a.queries {
		if !a.wanted(&a.queries[i], s, countedOnly) {
			continue
		}
		ans := a.prepare(&a.queries[i], s)
		answers = append(answers, ans)
		group.Go(func() error { a.send(ctx, ans, s); return nil })
	}
	_ = group.Wait()
	a.explainBounds(ctx, answers)
	blocks := a.assemble(answers, s)
	cost := costOf(answers)
	cost.Duration = time.Since(started)
	for _, b := range blocks {
		b.Cost = cost
	}
	return blocks
}

// wanted reports whether a query feeds any question that is due in the span.
func (a *asker) wanted(q *query, s span, countedOnly bool) bool {
	if q.presence {
		return true
	}
	for _, f := range q.feeds {
		question := a.plan.questions[f.question]
		if countedOnly && !question.check.Kind.Counted() {
			continue
		}
		if s.n > 1 || question.due(s.start) {
			return true
		}
	}
	return false
}

func (a *asker) prepare(q *query, s span) *answer {
	ans := &answer{query: q}
	id := a.plan.identities[q.identity]
	add := func(classify func(*promapi.Series) (class, bool)) {
		ans.decoders = append(ans.decoders, &decoder{
			span: s, index: id.index, names: a.dialect().labels(id.LabelNames()),
			partition: a.Partition, source: a.Name, classify: classify,
		})
	}
	if q.presence {
		add(targetClass)
	}
	for _, f := range q.feeds {
		add(classifier(a.dialect(), a.plan.questions[f.question], f.role))
	}
	return ans
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
		if err := d.Series(s); err != nil {
			return err
		}
	}
	return nil
}

func (a *asker) send(ctx context.Context, ans *answer, s span) {
	sink := fan(ans.decoders)
	sink.Reset()
	var err error
	start := time.Unix(s.start, 0).UTC()
	if s.n == 1 {
		ans.report, err = a.Client.Query(ctx, promapi.Query{Expr: ans.query.expr, Time: start}, sink)
	} else {
		ans.report, err = a.Client.QueryRange(ctx, promapi.RangeQuery{
			Expr: ans.query.expr, Start: start, End: time.Unix(s.last(), 0).UTC(),
			Step: time.Duration(s.step) * time.Second,
		}, sink)
	}
	switch {
	case err != nil:
		ans.fault = &slo.Fault{Reason: slo.SourceError, Detail: err.Error()}
	case len(ans.report.Warnings) > 0:
		ans.fault = &slo.Fault{Reason: slo.Partial, Detail: "the source warns: " + ans.report.Warnings[0]}
	}
	if ans.fault != nil {
		sink.Reset()
	}
}

// assemble makes the blocks of all answers, an instant each.
func (a *asker) assemble(answers []*answer, s span) []*slo.Block {
	cells := unifyCells(answers)
	blocks := make([]*slo.Block, s.n)
	for i := range blocks {
		b := &slo.Block{
			Source: a.Name, Plan: a.plan.Hash, Time: time.Unix(s.at(i), 0).UTC(), Cells: cells.names,
			Columns: make([]slo.Column, len(a.plan.questions)),
			Targets: make([]slo.TargetColumn, len(a.plan.identities)),
		}
		for q := range b.Columns {
			if a.plan.questions[q].due(s.at(i)) {
				b.Columns[q] = a.column(answers, q, i, cells)
			}
		}
		for _, ans := range answers {
			if ans.query.presence {
				b.Targets[ans.query.identity] = targets(ans, i, cells)
			}
		}
		blocks[i] = b
	}
	return blocks
}

// column folds the samples that feed one question at one instant.
func (a *asker) column(answers []*answer, q, step int, cells cellUnion) slo.Column {
	var c slo.Column
	var samples []sample
	for _, ans := range answers {
		for i, f := range ans.query.feeds {
			if f.question == q {
				c.Asked = true
				c.Fault = slo.Graver(c.Fault, ans.fault)
				samples = append(samples, cells.renumbered(ans.decoders[i], step)...)
			}
		}
	}
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

func targets(ans *answer, step int, cells cellUnion) slo.TargetColumn {
	c := slo.TargetColumn{Fault: ans.fault}
	groups(cells.renumbered(ans.decoders[0], step), func(group []sample) { c.Rows = append(c.Rows, targetRow(group)) })
	return c
}

// cellUnion numbers the cells of all answers alike.
type cellUnion struct {
	names []string
	index map[string]int32
}

func unifyCells(answers []*answer) cellUnion {
	u := cellUnion{index: map[string]int32{}}
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

// boundsMemory remembers which bounds histograms have, so that a missing one
// can be explained. A histogram is asked about once.
type boundsMemory struct {
	mu     sync.Mutex
	bounds map[*rubric.Histogram][]float64
}

func (m *boundsMemory) get(h *rubric.Histogram) ([]float64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.bounds[h]
	return b, ok
}

func (m *boundsMemory) put(h *rubric.Histogram, bounds []float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bounds == nil {
		m.bounds = map[*rubric.Histogram][]float64{}
	}
	m.bounds[h] = bounds
}

func (m *boundsMemory) explain(h *rubric.Histogram, rows []slo.Row) {
	bounds, _ := m.get(h)
	for i := range rows {
		if f := rows[i].Fault; f != nil && f.Reason == slo.NoSuchBucket {
			f.Detail = missingBound(h, bounds)
		}
	}
}

// explainBounds asks for the bounds of histograms whose own bound nobody has.
func (a *asker) explainBounds(ctx context.Context, answers []*answer) {
	for _, ans := range answers {
		for i, f := range ans.query.feeds {
			h := a.plan.questions[f.question].check.Histogram
			if f.role != roleBuckets || ans.fault != nil || !ans.decoders[i].lacksBound() {
				continue
			}
			if _, known := a.bounds.get(h); known {
				continue
			}
			w := writer{dialect: a.dialect()}
			sink := &boundsSink{}
			at := time.Unix(ans.decoders[i].span.last(), 0).UTC()
			if _, err := a.Client.Query(ctx, promapi.Query{Expr: w.bounds(h), Time: at}, sink); err == nil {
				a.bounds.put(h, sink.bounds)
			}
		}
	}
}

// evidence returns a link to the events, buckets or values of one service, or
// "" where the source has no place to show them.
func (a *asker) evidence(q question, service int) string {
	if a.GraphURL == "" {
		return ""
	}
	id := a.plan.identities[q.identity]
	w := writer{dialect: a.dialect(), identity: id.Identity, scope: a.plan.tupleMatchers(q.identity, []int{service})}
	return fmt.Sprintf("%s/graph?g0.expr=%s&g0.tab=0&g0.range_input=1h", a.GraphURL, escaped(w.shown(q.check)))
}
