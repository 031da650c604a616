package grader

import (
	"slices"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// merger walks the blocks of one instant service by service, and gives the
// answers of all cells to one SLI. Rows are ordered by service, so it only
// ever moves forward.
type merger struct {
	plan   *question.Plan
	sli    *question.SLI
	round  *slo.Round
	parts  []mergerPart
	buffer []slo.Answer
}

// mergerPart is one alternative of identity at one source.
type mergerPart struct {
	alternative int
	source      string
	block       *slo.Block
	rows        []slo.Row
	targets     []slo.TargetRow
}

// newMerger prepares the answers to one SLI. sources names the source of each
// block, which may be nil.
func newMerger(plan *question.Plan, s *question.SLI, at int64, sources []string, blocks []*slo.Block) *merger {
	m := &merger{plan: plan, sli: s, round: &slo.Round{
		Time: at, Failed: map[string]*slo.Fault{}, NoTargets: map[string]bool{}, Witnesses: map[slo.CellKey]bool{},
	}}
	for i, block := range blocks {
		source := sources[i]
		if block == nil || block.Plan != plan.Hash {
			m.round.Failed[source] = &slo.Fault{Reason: slo.SourceError, Detail: "source " + source + " had not answered when the tick was graded"}
			m.round.NoTargets[source] = true
			continue
		}
		for alternative, q := range s.Questions {
			column, target := &block.Columns[q], &block.Targets[plan.Questions[q].Identity]
			if column.Fault != nil {
				m.round.Failed[source] = slo.Graver(m.round.Failed[source], column.Fault)
			}
			if target.Fault != nil {
				m.round.NoTargets[source] = true
			}
			m.parts = append(m.parts, mergerPart{alternative, source, block, column.Rows, target.Rows})
		}
		m.callWitnesses(source, block)
	}
	return m
}

// callWitnesses notes the cells of a block that scrape a target of any service
// under any identity. It looks no further once it has found all of them.
func (m *merger) callWitnesses(source string, block *slo.Block) {
	left := len(block.Cells)
	seen := make([]bool, left)
	for i := range block.Targets {
		for _, row := range block.Targets[i].Rows {
			if left == 0 {
				return
			}
			if !seen[row.Cell] && row.Up+row.Down > 0 {
				seen[row.Cell] = true
				left--
				m.round.Witnesses[slo.CellKey{Source: source, Cell: block.Cells[row.Cell]}] = true
			}
		}
	}
}

// answers returns what all cells said of a service. Services must be asked
// for in rising order; the slice is valid until the next call.
func (m *merger) answers(service int, series *slo.Series) []slo.Answer {
	m.buffer = m.buffer[:0]
	for i := range m.parts {
		p := &m.parts[i]
		for len(p.rows) > 0 && int(p.rows[0].Service) <= service {
			if row := &p.rows[0]; int(row.Service) == service {
				m.addRow(p, row, series)
			}
			p.rows = p.rows[1:]
		}
		for len(p.targets) > 0 && int(p.targets[0].Service) <= service {
			if t := &p.targets[0]; int(t.Service) == service {
				m.addTargets(p, t)
			}
			p.targets = p.targets[1:]
		}
	}
	return m.buffer
}

// addRow enters a row, unless an earlier alternative, or the one that the
// cell is known by, names the service there: alternatives are never summed.
func (m *merger) addRow(p *mergerPart, row *slo.Row, series *slo.Series) {
	a := m.answer(slo.CellKey{Source: p.source, Cell: p.block.Cells[row.Cell]})
	sticky, known := series.Identity(a.Cell)
	if known && sticky != p.alternative || a.Row || a.Fault != nil {
		return
	}
	a.Identity, a.Fault = p.alternative, row.Fault
	a.Row = row.Fault == nil
	a.Counts, a.Born, a.OnlyBorn, a.Interpolated, a.Value = row.Counts, row.Born, row.OnlyBorn, row.Interpolated, row.Value
}

// addTargets enters the targets of a cell: those of the first alternative
// that has any.
func (m *merger) addTargets(p *mergerPart, t *slo.TargetRow) {
	a := m.answer(slo.CellKey{Source: p.source, Cell: p.block.Cells[t.Cell]})
	if a.Up+a.Down == 0 {
		a.Up, a.Down = t.Up, t.Down
	}
}

// answer returns the answer of a cell, made if need be; answers stay sorted by
// cell. The pointer is valid until the next call.
func (m *merger) answer(key slo.CellKey) *slo.Answer {
	i, found := slices.BinarySearchFunc(m.buffer, key, func(a slo.Answer, k slo.CellKey) int { return a.Cell.Compare(k) })
	if !found {
		m.buffer = slices.Insert(m.buffer, i, slo.Answer{Cell: key})
	}
	return &m.buffer[i]
}
