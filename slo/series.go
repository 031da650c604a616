package slo

import "slices"

// Series is the memory of one SLI of one service: ring, slots and hours
// merged over cells, and what each cell last said. It is not safe for
// concurrent use.
type Series struct {
	// Declared lists the sources or cells in which the catalog expects the
	// service, and answers of others are ignored; nil leaves it to memory.
	Declared []string

	first  int64 // first slot with a row; 0: never
	before past  // what was asked about the time before it
	newest int64 // latest time of a round
	swept  int64 // when cells were last forgotten
	ring   ring
	slots  slotTable
	hours  hourTable
	cells  []*cellMemory // sorted by key
	round  *Round        // of the newest tick
	cache  windowCache
	shard  *shard // nil outside a ledger
}

// NewSeries returns an empty memory for ticks of the given interval in
// seconds, which must divide 300.
func NewSeries(interval int64) *Series { return &Series{ring: ring{interval: interval}} }

// Answer is what one cell said of the service: a row, a fault, or neither,
// and how many targets it scrapes.
type Answer struct {
	Cell     CellKey
	Identity int // which alternative named the row
	Row      bool
	Counts   Counts
	Born     float64 // bad events that counters were born with; Counts does not have them
	OnlyBorn bool    // there is no row but for what was born
	// Interpolated is that of the row.
	Interpolated bool
	Value        float64
	Fault        *Fault
	Up, Down     int32
}

// Round is what is common to the answers of all services to one question at
// one time. It is immutable.
type Round struct {
	Time int64 // the tick, or the end of the slot
	// Failed holds the sources whose whole answer cannot be used.
	Failed map[string]*Fault
	// NoTargets holds the sources whose presence query was not answered.
	NoTargets map[string]bool
	// Witnesses holds the cells that named a target of any service. One that
	// scrapes nothing at all cannot tell that a service has left it.
	Witnesses map[CellKey]bool
}

// Outcome says what became of a slot.
type Outcome int

// The outcomes of AddSlot.
const (
	Gap      Outcome = iota // not enough cells answered
	Measured                // entered, or confirmed
	Shrunk                  // refused: less than, or not as complete as, what stands
)

// AddTick enters the answers of a tick: into the ring, and as what each cell
// says now. Answers may come in any order, at most one per cell. What was born is
// of slots, and no answer of a tick.
func (s *Series) AddTick(r *Round, answers []Answer) {
	answers = withoutOnlyBorn(answers)
	s.shard.begin(r.Time)
	s.forgetCells(r.Time)
	views := s.views(r, answers)
	for i := range views {
		s.remember(r, &views[i])
	}
	s.round = r
	if sum := merge(views, r.Time); sum.measured {
		s.enterTick(r.Time, sum.counts)
	}
}

// Recall enters the answers of a tick that is over as if no newer one had been
// entered, and until the next is, that is the newest. A tick that is in the ring
// stands there.
func (s *Series) Recall(r *Round, answers []Answer) {
	for _, m := range s.cells {
		m.state = cellState{}
	}
	s.AddTick(r, answers)
}

// Answered is the newest tick that was entered, in Unix seconds; 0: none was.
func (s *Series) Answered() int64 {
	if s.round == nil {
		return 0
	}
	return s.round.Time
}

// withoutOnlyBorn takes away the rows that nothing but births has made.
func withoutOnlyBorn(answers []Answer) []Answer {
	if !slices.ContainsFunc(answers, func(a Answer) bool { return a.OnlyBorn }) {
		return answers
	}
	answers = slices.Clone(answers)
	for i := range answers {
		if a := &answers[i]; a.OnlyBorn {
			a.Row, a.Born = false, 0
		}
	}
	return answers
}

// AddSlot enters the answers for the slot that ends at r.Time, which may be
// the first ones, a later asking, or a backfill. Births alone are an answer where
// there is no row at all; beside rows of other cells they are not, as nothing that
// went well was counted with them.
func (s *Series) AddSlot(r *Round, answers []Answer) Outcome {
	if slices.ContainsFunc(answers, func(a Answer) bool { return a.Row && !a.OnlyBorn }) {
		answers = withoutOnlyBorn(answers)
	}
	s.shard.begin(r.Time)
	views := s.views(r, answers)
	sum := merge(views, r.Time)
	s.notePast(r.Time, !sum.measured && anyFault(views, r))
	if sum.measured && !s.enter(r.Time, sum.counts, sum.born, sum.complete) {
		return Shrunk
	}
	for i := range views {
		v := &views[i]
		if v.row { // it weighs what it counted, whether or not the others answered
			s.note(v.memory, r.Time)
			s.enterCell(v.memory, r.Time, v.counts.withBorn(v.born))
		}
	}
	if !sum.measured {
		return Gap
	}
	s.cache.clear()
	return Measured
}

// remember keeps what a cell said at the newest tick.
func (s *Series) remember(r *Round, v *cellView) {
	m := v.memory
	if r.Time < m.state.at {
		return
	}
	m.state = v.cellState
	m.state.at = r.Time
	if v.row {
		s.note(m, ceilTo(r.Time, slotSeconds))
	}
	if v.answered {
		m.answeredAt = max(m.answeredAt, r.Time)
	}
}

func (s *Series) note(m *cellMemory, slot int64) {
	m.seen(slot)
	if s.first == 0 || slot < s.first {
		s.first = slot
		s.before.cut(slot)
		s.cache.clear()
	}
}

// notLess reports that a later answer may replace an earlier one: its total
// is not smaller, nor its bad at an equal total.
func notLess(later, earlier Counts) bool {
	return AtLeast(later.Total, earlier.Total) &&
		(!AtMost(later.Total, earlier.Total) || AtLeast(later.Bad, earlier.Bad))
}

// cellView is one cell's part in one round.
type cellView struct {
	cellState
	memory   *cellMemory
	counts   Counts
	born     float64
	relevant bool // expected, or has a row
	answered bool // completely
}

func byCell(a, b Answer) int { return a.Cell.Compare(b.Cell) }

// views pairs every known cell with its answer.
func (s *Series) views(r *Round, answers []Answer) []cellView {
	if !slices.IsSortedFunc(answers, byCell) {
		answers = slices.SortedFunc(slices.Values(answers), byCell)
	}
	turnedAway := s.meet(r, answers)
	views := make([]cellView, len(s.cells))
	anyRow := false
	for i, m := range s.cells {
		for len(answers) > 0 && answers[0].Cell.Compare(m.key) < 0 {
			answers = answers[1:]
		}
		var answer *Answer
		if len(answers) > 0 && answers[0].Cell == m.key {
			answer = &answers[0]
		}
		views[i] = s.view(r, m, answer, turnedAway[m.key.Source])
		anyRow = anyRow || views[i].row
	}
	for i := range views {
		views[i].answered = views[i].row || views[i].relevant && views[i].movedAway(anyRow)
	}
	return views
}

// meet makes a memory for every cell that answers for the first time, and
// notes the alternative under which it first has a row. It returns a fault for
// each source with cells that there is no more room for.
func (s *Series) meet(r *Round, answers []Answer) (turnedAway map[string]*Fault) {
	s.newest = max(s.newest, r.Time)
	for i := range answers {
		a := &answers[i]
		if !s.admits(a.Cell) {
			continue
		}
		m := s.cell(a.Cell)
		if m == nil {
			if turnedAway == nil {
				turnedAway = map[string]*Fault{}
			}
			turnedAway[a.Cell.Source] = &Fault{Reason: Partial, Detail: tooManyCells}
			continue
		}
		m.heardAt = s.newest
		if a.Row && m.first == 0 {
			m.identity = a.Identity
		}
	}
	return turnedAway
}

// view pairs one cell with its answer, if it has one.
func (s *Series) view(r *Round, m *cellMemory, a *Answer, turnedAway *Fault) cellView {
	v := cellView{memory: m}
	if !s.admits(m.key) {
		return v
	}
	v.fault = Graver(r.Failed[m.key.Source], turnedAway)
	v.noTarget = r.NoTargets[m.key.Source] || !r.Witnesses[m.key]
	if a != nil {
		v.spoilt = a.Fault != nil
		v.fault = Graver(v.fault, a.Fault)
		v.row = a.Row && v.fault == nil
		v.counts, v.born, v.value, v.up, v.down = a.Counts, a.Born, a.Value, a.Up, a.Down
		v.interpolated = v.row && a.Interpolated
	}
	faultedBefore := v.fault != nil && m.first != 0 && r.Time <= m.last+expectedFor
	v.relevant = v.row || s.expects(m, r.Time) || faultedBefore
	return v
}

// movedAway reports that the service has left the cell: the cell answered and
// scrapes targets, none of them of the service, and others have rows. That is
// an answer of 0/0.
func (v *cellView) movedAway(anyRow bool) bool {
	return anyRow && v.fault == nil && !v.noTarget && v.up+v.down == 0
}

// expects reports whether a cell is expected, by the catalog or by memory.
func (s *Series) expects(m *cellMemory, at int64) bool {
	if s.Declared != nil {
		return s.admits(m.key)
	}
	return m.expected(at)
}

// admits reports whether the catalog lets a cell speak for the service.
func (s *Series) admits(key CellKey) bool {
	return s.Declared == nil || slices.Contains(s.Declared, key.Source) || slices.Contains(s.Declared, key.Cell)
}

// unwitnessed reports that nothing is known of the service in this cell: it
// neither answered nor can say that no target is there.
func (v *cellView) unwitnessed() bool { return !v.answered && v.noTarget && v.up+v.down == 0 }

// merged is what the cells that answered add up to.
type merged struct {
	counts Counts
	born   float64
	// measured says that cells worth at least half answered, or that the questions
	// were fine and found nothing anywhere, where there are targets.
	measured bool
	complete bool // all relevant cells answered
}

// merge adds up the cells that answered; what is not measured is nothing.
func merge(views []cellView, at int64) merged {
	var faults, rows, targets, relevant int // faults, and cells that are as unknown
	var answered, all float64
	weigh := weigher(views, at-1) // a slot does not weigh itself, when it is asked about again
	sum := merged{complete: true}
	for i := range views {
		v := &views[i]
		targets += int(v.up + v.down)
		if v.fault != nil || v.relevant && v.unwitnessed() {
			faults++
		}
		if !v.relevant {
			continue
		}
		relevant++
		w := weigh(v)
		all += w
		if !v.answered {
			sum.complete = false
			continue
		}
		answered += w
		if v.row {
			rows++
			sum.counts, sum.born = sum.counts.Plus(v.counts), sum.born+v.born
		}
	}
	if relevant > 0 && AtLeast(answered, 0.5*all) || rows == 0 && faults == 0 && targets > 0 {
		sum.measured = true
		return sum
	}
	return merged{}
}

// weigher returns how much a cell weighs: its total over the week before at,
// or 1 for each where all of those are 0.
func weigher(views []cellView, at int64) func(*cellView) float64 {
	relevant := 0
	for i := range views {
		if views[i].relevant {
			relevant++
		}
	}
	equal := func(*cellView) float64 { return 1 }
	if relevant < 2 {
		return equal
	}
	for i := range views {
		if views[i].relevant && views[i].memory.week(at).Total > 0 {
			return func(v *cellView) float64 { return v.memory.week(at).Total }
		}
	}
	return equal
}

// Identity returns the alternative under which a cell first had a row, which
// is the one that stands, and false before that.
func (s *Series) Identity(key CellKey) (int, bool) {
	i, found := s.findCell(key)
	if !found || s.cells[i].first == 0 {
		return 0, false
	}
	return s.cells[i].identity, true
}
