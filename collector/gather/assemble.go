package gather

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// assemble makes the blocks of all answers, an instant each.
func (a *asker) assemble(answers []*answer, born newborn, measured paces, s question.Span) []*slo.Block {
	cells := a.unifyCells(slices.Concat(answers, born.answers))
	blocks := make([]*slo.Block, s.N)
	for i := range blocks {
		b := &slo.Block{
			Source: a.Name, Plan: a.plan.Hash, Time: time.Unix(s.At(i), 0).UTC(), Cells: cells.names,
			Columns: make([]slo.Column, len(a.plan.Questions)),
			Targets: make([]slo.TargetColumn, len(a.plan.Identities)),
		}
		for q := range b.Columns {
			if a.plan.Due(q, s.At(i)) {
				b.Columns[q] = a.column(answers, q, i, cells)
				a.addBorn(&b.Columns[q], born, q, s.At(i), cells)
			}
		}
		for id := range b.Targets {
			b.Targets[id] = targets(answers, id, i, cells)
		}
		a.refuse(b, measured.at(s.At(i)))
		blocks[i] = b
	}
	return blocks
}

// column folds the samples that feed one question at one instant.
func (a *asker) column(answers []*answer, q, step int, cells cellUnion) slo.Column {
	var c slo.Column
	var samples []sample
	c.Asked, c.Fault = collect(answers, func(f question.Feed) bool { return f.Question == q }, func(d *decoder) {
		samples = append(samples, cells.renumbered(d, step)...)
	})
	if c.Fault != nil {
		return c
	}
	check := a.plan.Questions[q].Check
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
	_, c.Fault = collect(answers, func(f question.Feed) bool { return f.Question < 0 && f.Identity == identity }, func(d *decoder) {
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
func collect(answers []*answer, wanted func(question.Feed) bool, visit func(*decoder)) (asked bool, fault *slo.Fault) {
	for _, ans := range answers {
		for i, f := range ans.query.Feeds {
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
