package slo

import (
	"slices"
	"time"
)

// Facts are what is known of one SLI of one service at a tick: the input of
// grading. They are plain data.
type Facts struct {
	Time int64
	// Cells are the expected cells, and those with rows of the service that cannot
	// be used, sorted; without any memory, those that have a fault.
	Cells []CellFact
	// Up and Down count the targets in all cells, those included in which the
	// service is not expected yet.
	Up, Down int
	// Witnessed says that every expected cell answered the presence query, and
	// named some target; where none is expected, that every source answered it.
	Witnessed bool
	// LastRow is the end of the newest slot with a row of any cell, as far as is
	// remembered; 0: there was none.
	LastRow int64
	// Measured are the measured slots in the ledger.
	Measured int
	Windows  []Window
}

// CellFact is one expected cell at a tick.
type CellFact struct {
	Key          CellKey
	Weight       float64 // share in coverage; the weights of all cells add up to 1
	Answered     bool    // completely, at this tick
	Graced       bool    // completely, within the grace
	Row          bool
	Fault        *Fault
	Value        float64 // of a gauge
	Interpolated bool    // it was counted from native histograms, at this tick
	Week         Counts  // of a counted SLI, over 7 days
}

// Window returns the window of a length, and false when it was not asked for.
func (f *Facts) Window(length time.Duration) (Window, bool) {
	for _, w := range f.Windows {
		if w.Length == length {
			return w, true
		}
	}
	return Window{}, false
}

// Facts returns what is known at a tick whose answers have been added. grace
// is how long a cell's last answer counts in coverage; windows are the
// lengths to sum, none for a gauge.
func (s *Series) Facts(at int64, grace time.Duration, windows []time.Duration) Facts {
	f := Facts{Time: at, Measured: s.hours.slots}
	for _, length := range windows {
		f.Windows = append(f.Windows, s.Sum(length, at))
	}
	anyRow := false
	for _, m := range s.cells {
		if s.admits(m.key) {
			f.LastRow = max(f.LastRow, m.last)
		}
		if st := s.stateAt(m, at); st != nil {
			f.Up += int(st.up)
			f.Down += int(st.down)
			anyRow = anyRow || st.row
		}
	}
	for _, m := range s.cells {
		if s.expects(m, at) {
			f.Cells = append(f.Cells, s.cellFact(m, at, grace, anyRow))
		}
	}
	f.Cells = sortCells(append(f.Cells, s.unseenDeclared()...))
	f.Witnessed = s.witnessed(f.Cells)
	if len(f.Cells) == 0 {
		f.Cells = s.faultedCells(at)
	} else {
		f.Cells = sortCells(append(f.Cells, s.spoiltCells(at, grace, anyRow)...))
	}
	weighCells(f.Cells)
	return f
}

// witnessed reports that nothing that may scrape the service is left to ask
// for its targets. Without expected cells that is any source.
func (s *Series) witnessed(expected []CellFact) bool {
	switch {
	case s.round == nil:
		return false
	case len(expected) == 0:
		return len(s.round.NoTargets) == 0
	}
	return !slices.ContainsFunc(expected, func(c CellFact) bool {
		return s.round.NoTargets[c.Key.Source] || !s.round.Witnesses[c.Key]
	})
}

func (s *Series) stateAt(m *cellMemory, at int64) *cellState {
	if m.state.at != at {
		return nil
	}
	return &m.state
}

func (s *Series) cellFact(m *cellMemory, at int64, grace time.Duration, anyRow bool) CellFact {
	c := CellFact{Key: m.key, Week: m.week(at)}
	c.Graced = m.answeredAt != 0 && at-m.answeredAt <= int64(grace/time.Second)
	st := s.stateAt(m, at)
	if st == nil {
		return c
	}
	view := cellView{cellState: *st}
	c.Row, c.Fault, c.Value, c.Interpolated = st.row, st.fault, st.value, st.interpolated
	c.Answered = st.row || view.movedAway(anyRow)
	c.Graced = c.Graced || c.Answered
	return c
}

// unseenDeclared returns the declared sources that no known cell belongs to.
func (s *Series) unseenDeclared() []CellFact {
	var unseen []CellFact
	for _, name := range s.Declared {
		known := false
		for _, m := range s.cells {
			known = known || m.key.Source == name || m.key.Cell == name
		}
		if !known {
			c := CellFact{Key: CellKey{name, name}}
			if s.round != nil {
				c.Fault = s.round.Failed[name]
			}
			unseen = append(unseen, c)
		}
	}
	return unseen
}

// spoiltCells returns the cells that are not expected and yet name the service, in
// rows that cannot be used.
func (s *Series) spoiltCells(at int64, grace time.Duration, anyRow bool) []CellFact {
	var cells []CellFact
	for _, m := range s.cells {
		if st := s.stateAt(m, at); st != nil && st.spoilt && s.admits(m.key) && !s.expects(m, at) {
			cells = append(cells, s.cellFact(m, at, grace, anyRow))
		}
	}
	return cells
}

// sortCells orders cells by key and drops those declared twice.
func sortCells(cells []CellFact) []CellFact {
	slices.SortFunc(cells, func(a, b CellFact) int { return a.Key.Compare(b.Key) })
	return slices.CompactFunc(cells, func(a, b CellFact) bool { return a.Key == b.Key })
}

// faultedCells stands in for the expected cells of a service that has never
// been seen: whatever could not be asked may hold it.
func (s *Series) faultedCells(at int64) []CellFact {
	var cells []CellFact
	known := map[string]bool{}
	for _, m := range s.cells {
		if st := s.stateAt(m, at); st != nil && st.fault != nil {
			cells = append(cells, CellFact{Key: m.key, Fault: st.fault})
			known[m.key.Source] = true
		}
	}
	if s.round == nil {
		return cells
	}
	for _, source := range sortedKeys(s.round.Failed) {
		if !known[source] {
			cells = append(cells, CellFact{Key: CellKey{source, source}, Fault: s.round.Failed[source]})
		}
	}
	return sortCells(cells)
}

// weighCells turns week totals into weights that add up to 1, equal ones
// where no cell has a total.
func weighCells(cells []CellFact) {
	var all float64
	for _, c := range cells {
		all += c.Week.Total
	}
	for i := range cells {
		if all > 0 {
			cells[i].Weight = cells[i].Week.Total / all
		} else {
			cells[i].Weight = 1 / float64(len(cells))
		}
	}
}
