package slo

import (
	"errors"
	"math"
	"slices"

	"github.com/apgarhq/apgar/slo/column"
)

// The head: the time that the shard has come to; of each series its times and
// which round it had last; of each cell its times and what it said then. Rounds
// and faults are shared by many, and written once.

// times returns where a series keeps its times, in the order of columns.
func (s *Series) times() [6]*int64 {
	return [...]*int64{&s.first, &s.before.answered, &s.before.failed, &s.before.oldest, &s.newest, &s.swept}
}

// times returns where a cell keeps its times, in the order of columns.
func (m *cellMemory) times() [6]*int64 {
	return [...]*int64{&m.first, &m.last, &m.answeredAt, &m.heardAt, &m.lent, &m.state.at}
}

func writeHead(w *column.Writer, now int64, members []*entry) {
	w.Uint(uint64(now))
	var times [6][]int64
	var lengths, rounds []int64
	var keys []CellKey
	known, seen := newShared(), map[*Round]int64{}
	for _, e := range members {
		for i, t := range e.times() {
			times[i] = append(times[i], *t)
		}
		if _, found := seen[e.round]; !found {
			seen[e.round] = known.add(roundText(e.round))
		}
		rounds = append(rounds, seen[e.round])
		lengths = append(lengths, int64(len(e.cells)))
		for _, m := range e.cells {
			keys = append(keys, m.key)
		}
	}
	for _, numbers := range times {
		w.Ints(numbers)
	}
	known.write(w)
	w.Ints(rounds)
	names := writeCellNames(w, keys)
	w.Ints(lengths)
	writeHeadCells(w, names, members)
}

func writeHeadCells(w *column.Writer, names cellNames, members []*entry) {
	var times [6][]int64
	var index, identity, faults, up, down []int64
	var row, noTarget, spoilt, interpolated []bool
	var values []float64
	known := newShared()
	for _, e := range members {
		for _, m := range e.cells {
			for i, t := range m.times() {
				times[i] = append(times[i], *t)
			}
			index, identity = append(index, names.index[m.key]), append(identity, int64(m.identity))
			st := &m.state
			faults = append(faults, known.add(faultText(st.fault)))
			up, down = append(up, int64(st.up)), append(down, int64(st.down))
			row, noTarget = append(row, st.row), append(noTarget, st.noTarget)
			spoilt, interpolated = append(spoilt, st.spoilt), append(interpolated, st.interpolated)
			values = append(values, st.value)
		}
	}
	w.Ints(index)
	for _, numbers := range times {
		w.Ints(numbers)
	}
	w.Ints(identity)
	known.write(w)
	for _, numbers := range [][]int64{faults, up, down} {
		w.Ints(numbers)
	}
	for _, bits := range [][]bool{row, noTarget, spoilt, interpolated} {
		w.Bits(bits)
	}
	w.Floats(values)
}

func readHead(r *column.Reader, c *content) {
	c.now = int64(r.Uint(mostTime))
	n := len(c.names)
	var times [6]func() int64
	for i := range times {
		times[i] = numbers(r, n, mostTime)
	}
	rounds := readShared(r, readRound)
	round := numbers(r, n, int64(len(rounds)))
	keys := readCellNames(r)
	lengths, all := runs(r, n, len(keys))
	cells := readHeadCells(r, keys, lengths, all)
	if r.Err() != nil {
		return
	}
	for i := range c.names {
		var head Series
		for j, t := range head.times() {
			*t = times[j]()
		}
		if at := round(); at > 0 {
			head.round = rounds[at-1]
		}
		c.enter = append(c.enter, func(s *Series) { s.loadHead(&head, cells[i]) })
	}
}

func readHeadCells(r *column.Reader, keys []CellKey, lengths []int, all int) [][]*cellMemory {
	named := readCellsOf(r, keys, lengths, all)
	var times [6]func() int64
	for i := range times {
		times[i] = numbers(r, all, mostTime)
	}
	identity := numbers(r, all, mostSmall)
	faults := readShared(r, readFault)
	fault, up, down := numbers(r, all, int64(len(faults))), numbers(r, all, mostSmall), numbers(r, all, mostSmall)
	row, noTarget, spoilt, interpolated := r.Bits(all), r.Bits(all), r.Bits(all), r.Bits(all)
	values := r.Floats(all)
	cells := make([][]*cellMemory, len(named))
	for i := range named {
		for _, cell := range named[i] {
			m := &cellMemory{key: cell.key}
			for j, t := range m.times() {
				*t = times[j]()
			}
			m.identity = int(identity())
			st := &m.state
			if at := fault(); at > 0 && r.Err() == nil {
				st.fault = faults[at-1]
			}
			st.up, st.down = int32(up()), int32(down())
			st.row, st.noTarget, st.spoilt, st.interpolated = row.Next(), noTarget.Next(), spoilt.Next(), interpolated.Next()
			if st.value = values.Next(); !finite(st.value) {
				r.Fail(errors.New("a value is not finite"))
			}
			cells[i] = append(cells[i], m)
		}
	}
	return cells
}

// loadHead enters a stored head. What other pages have of cells stays.
func (s *Series) loadHead(head *Series, cells []*cellMemory) {
	for i, t := range s.times() {
		*t = *head.times()[i]
	}
	s.round = head.round
	for _, m := range cells {
		known := s.knownCell(m.key)
		m.hours, m.recent = known.hours, known.recent
		*known = *m
	}
}

// shared is a list of what many have in common, each once, in order of first
// use. A place in it counts from 1; 0 is nothing.
type shared struct {
	texts []string
	index map[string]int64
}

func newShared() *shared { return &shared{index: map[string]int64{"": 0}} }

func (s *shared) add(text string) int64 {
	at, found := s.index[text]
	if !found {
		s.texts = append(s.texts, text)
		at = int64(len(s.texts))
		s.index[text] = at
	}
	return at
}

func (s *shared) write(w *column.Writer) {
	w.Uint(uint64(len(s.texts)))
	for _, text := range s.texts {
		w.Text(text)
	}
}

func readShared[T any](r *column.Reader, read func(*column.Reader) *T) []*T {
	var list []*T
	for range r.Count() {
		text := column.NewReader([]byte(r.Text()))
		one := read(text)
		if err := text.End(); err != nil {
			r.Fail(err)
		}
		if r.Err() != nil {
			return nil
		}
		list = append(list, one)
	}
	return list
}

// faultText returns a fault in its stored form; "" for none.
func faultText(f *Fault) string {
	if f == nil {
		return ""
	}
	var w column.Writer
	writeFault(&w, f)
	return string(w.Data())
}

func writeFault(w *column.Writer, f *Fault) {
	w.Text(string(f.Reason))
	w.Text(f.Detail)
}

func readFault(r *column.Reader) *Fault { return &Fault{Reason: Reason(r.Text()), Detail: r.Text()} }

// roundText returns a round in its stored form; "" for none.
func roundText(round *Round) string {
	if round == nil {
		return ""
	}
	var w column.Writer
	w.Uint(uint64(round.Time))
	sources := slices.DeleteFunc(sortedKeys(round.Failed), func(source string) bool { return round.Failed[source] == nil })
	writeTexts(&w, sources)
	for _, source := range sources {
		writeFault(&w, round.Failed[source])
	}
	var unheard []string
	for _, source := range sortedKeys(round.NoTargets) {
		if round.NoTargets[source] {
			unheard = append(unheard, source)
		}
	}
	writeTexts(&w, unheard)
	var witnesses []CellKey
	for key, saw := range round.Witnesses {
		if saw {
			witnesses = append(witnesses, key)
		}
	}
	writeCellNames(&w, witnesses)
	return string(w.Data())
}

func readRound(r *column.Reader) *Round {
	round := &Round{
		Time: int64(r.Uint(math.MaxInt64)), Failed: map[string]*Fault{},
		NoTargets: map[string]bool{}, Witnesses: map[CellKey]bool{},
	}
	for _, source := range readTexts(r) {
		round.Failed[source] = readFault(r)
	}
	for _, source := range readTexts(r) {
		round.NoTargets[source] = true
	}
	for _, key := range readCellNames(r) {
		round.Witnesses[key] = true
	}
	return round
}
