package gather

import (
	"slices"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// Doubt is why the preferred replica is not believed before another was asked.
type Doubt string

// The doubts, in the order in which they are looked for.
const (
	DoubtError   Doubt = "error"   // a question was not answered
	DoubtWarning Doubt = "warning" // an answer came with a warning
	DoubtRestart Doubt = "restart" // the process began within the slot
	DoubtRows    Doubt = "rows"    // a question lost more than a tenth of its rows
)

// Doubts returns all of them.
func Doubts() []Doubt { return []Doubt{DoubtError, DoubtWarning, DoubtRestart, DoubtRows} }

// lostShare of the rows of a question have to be gone for a doubt.
const lostShare = 0.1

// said is what a replica has said, and whether it began lately.
type said struct {
	span      question.Span
	heard     heard
	blocks    []*slo.Block
	number    int
	restarted bool
}

// doubts returns why another replica should be asked as well.
func (c *choice) doubts(x said) []Doubt {
	answers := x.heard.all()
	var out []Doubt
	if slices.ContainsFunc(answers, func(ans *answer) bool { return isItsOwn(ans.err) }) {
		out = append(out, DoubtError)
	}
	if slices.ContainsFunc(answers, func(ans *answer) bool { return len(ans.report.Warnings) > 0 }) {
		out = append(out, DoubtWarning)
	}
	if x.restarted {
		out = append(out, DoubtRestart)
	}
	if !x.span.Past() && c.lostSinceLately(x.number, x.blocks[0]) || x.span.Past() && c.lostOnTheWay(x.blocks) {
		out = append(out, DoubtRows)
	}
	return out
}

// isItsOwn reports whether an error may be the replica's own: another might
// answer. What is wrong with the question, or too large, is so everywhere, and
// nobody was asked while the breaker is open.
func isItsOwn(err error) bool {
	switch promapi.KindOf(err) {
	case "", promapi.KindBadQuery, promapi.KindRejected, promapi.KindCanceled, promapi.KindBreakerOpen:
		return false
	}
	return !promapi.IsTooManySamples(err) && !promapi.IsTooSlow(err)
}

// lostSinceLately reports whether a question has fewer rows at a tick than the
// same replica had in the five minutes before.
func (c *choice) lostSinceLately(number int, b *slo.Block) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.memory(number)
	lost := false
	c.eachRows(b, func(place rowsPlace, rows int) {
		if of := m.rows[place]; b.Time.Unix()-of.at <= slotSeconds {
			lost = lost || manyLost(of.rows, rows)
		}
	})
	return lost
}

// lostOnTheWay reports whether a question has fewer rows at an instant of a span
// than at the one before.
func (c *choice) lostOnTheWay(blocks []*slo.Block) bool {
	lost := false
	for i := range blocks[1:] {
		before := map[rowsPlace]int{}
		c.eachRows(blocks[i], func(place rowsPlace, rows int) { before[place] = rows })
		c.eachRows(blocks[i+1], func(place rowsPlace, rows int) { lost = lost || manyLost(before[place], rows) })
	}
	return lost
}

// rowsPlace is a question, or an identity whose targets are counted.
type rowsPlace struct{ question, identity int }

func manyLost(before, now int) bool { return float64(now) < (1-lostShare)*float64(before)*(1-1e-9) }

// eachRows visits the numbers of rows of what was answered without a fault.
func (c *choice) eachRows(b *slo.Block, visit func(place rowsPlace, rows int)) {
	asked := make([]bool, len(b.Targets))
	for i := range b.Columns {
		if !b.Columns[i].Asked {
			continue
		}
		asked[c.plan.Questions[i].Identity] = true
		if b.Columns[i].Fault == nil {
			visit(rowsPlace{question: i, identity: -1}, len(b.Columns[i].Rows))
		}
	}
	for i := range b.Targets {
		if asked[i] && b.Targets[i].Fault == nil {
			visit(rowsPlace{question: -1, identity: i}, len(b.Targets[i].Rows))
		}
	}
}

// remember takes in what a replica has said at a tick.
func (c *choice) remember(s question.Span, number int, blocks []*slo.Block) {
	if s.Past() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(c.memory(number), blocks[0], false)
}

// judged takes in what two replicas have said. Of a tick, that is what each of
// them is held against from now on.
func (c *choice) judged(s question.Span, of comparison, taken bool) {
	c.compared(of.why, taken)
	if s.Past() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.memory(of.preferred)
	c.take(m, of.blocks[0], true)
	c.take(c.memory(of.other), of.others[0], true)
	if !taken && faults(of.others[0]) == 0 {
		m.cleared = m.started
	}
}

// take remembers the rows of a block: the most of the last five minutes, or those
// of the block alone.
func (c *choice) take(m *replicaMemory, b *slo.Block, anew bool) {
	at := b.Time.Unix()
	c.eachRows(b, func(place rowsPlace, rows int) {
		if of := m.rows[place]; anew || rows >= of.rows || at-of.at > slotSeconds {
			m.rows[place] = rowMemory{rows, at}
		}
	})
}
