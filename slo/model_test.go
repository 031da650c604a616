package slo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is the ledger as the specification describes it, kept naively: a map
// from slot to counts. It shares no code with Series.
type model struct {
	slots map[int64]modelSlot
	first int64
	hour  int64 // end of the newest hour with a measured slot
}

// modelSlot has what was counted, and beside it what was born.
type modelSlot struct {
	Counts
	born float64
}

func newModel() *model { return &model{slots: map[int64]modelSlot{}} }

func endOf(at, step int64) int64 { return (at + step - 1) / step * step }

func (m *model) add(slot int64, c modelSlot, row bool) {
	m.hour = max(m.hour, endOf(slot, 3600))
	m.forget()
	if endOf(slot, 86400) <= endOf(m.hour, 86400)-37*86400 {
		return // older than what is kept
	}
	if old, had := m.slots[slot]; had {
		kept := endOf(slot, 3600) > m.hour-74*3600
		larger := c.Total > old.Total || c.Total == old.Total && c.Bad >= old.Bad
		if !row || !larger || !kept {
			return
		}
		c.born = max(c.born, old.born)
	}
	m.slots[slot] = c
}

// forget drops what is older than 36 days and the running one.
func (m *model) forget() {
	for slot := range m.slots {
		if endOf(slot, 86400) <= endOf(m.hour, 86400)-37*86400 {
			delete(m.slots, slot)
		}
	}
}

func (m *model) seen(slot int64) {
	if m.first == 0 || slot < m.first {
		m.first = slot
	}
}

func (m *model) window(length time.Duration, at int64) Window {
	w := Window{Length: length, To: at / 300 * 300}
	seconds := endOf(int64(length/time.Second), 300)
	w.From = w.To - seconds
	if seconds > 3*86400 {
		w.From = w.From / 3600 * 3600
	}
	if m.first == 0 {
		w.From = w.To
		return w
	}
	w.From = min(max(w.From, m.first-300), w.To)
	for slot := w.From + 300; slot <= w.To; slot += 300 {
		w.Expected++
		if c, ok := m.slots[slot]; ok {
			w.Measured++
			w.Counts.Bad += c.Bad + c.born
			w.Counts.Total += c.Total + c.born
			w.Born += c.born
		}
	}
	return w
}

var modelCell = CellKey{"eu", "eu"}

// modelRun plays random operations on a Series and on the model.
type modelRun struct {
	series *Series
	model  *model
	random *rand.Rand
	now    int64
}

func newModelRun(seed uint64) *modelRun {
	return &modelRun{
		series: NewSeries(60), model: newModel(), random: rand.New(rand.NewPCG(seed, 1)),
		now: 1_700_000_100 + int64(seed%288)*300,
	}
}

// answer enters one slot: a row, no row beside an up target, or a fault.
// Faults before the first row move where windows start; they have a test of
// their own, and the model leaves them out.
func (r *modelRun) answer(slot int64) {
	round := &Round{Time: slot}
	a := Answer{Cell: modelCell, Up: 1}
	kind := r.random.IntN(10)
	if kind < 2 && slot < r.model.first || r.model.first == 0 {
		kind = 9
	}
	switch kind {
	case 0:
		a.Fault = &Fault{Reason: Partial}
	case 1:
		round.Failed = map[string]*Fault{"eu": {Reason: SourceError}}
	case 2: // fine, and nothing there
		r.model.add(slot, modelSlot{}, false)
	default:
		a.Row = true
		a.Counts.Total = float64(r.random.IntN(1000))
		a.Counts.Bad = math.Floor(a.Counts.Total * r.random.Float64())
		if kind == 9 && r.random.IntN(4) == 0 {
			a.Born = float64(1 + r.random.IntN(5))
		}
		r.enterRow(slot, modelSlot{a.Counts, a.Born})
	}
	r.series.AddSlot(round, []Answer{a})
}

func (r *modelRun) enterRow(slot int64, c modelSlot) {
	before, had := r.model.slots[slot]
	r.model.add(slot, c, true)
	kept := endOf(slot, 3600) > r.model.hour-74*3600
	refused := had && kept && (c.Total < before.Total || c.Total == before.Total && c.Bad < before.Bad)
	if !refused {
		r.model.seen(slot)
	}
}

func (r *modelRun) advance(slots int) {
	for range slots {
		r.now += 300
		r.answer(r.now)
	}
}

func (r *modelRun) compare() error {
	at := r.now + int64(r.random.IntN(300))
	for _, length := range []time.Duration{
		10 * time.Minute, 2 * time.Hour, 85 * time.Minute, 6 * time.Hour, day, 1010 * time.Minute, 3 * day, 3*day + SlotLength,
		84 * time.Hour, 7 * day, 30 * day, 35 * day,
	} {
		want, got := r.model.window(length, at), r.series.Sum(length, at)
		same := near(want.Counts.Bad, got.Counts.Bad) && near(want.Counts.Total, got.Counts.Total) && near(want.Born, got.Born)
		want.Counts, got.Counts, want.Born, got.Born = Counts{}, Counts{}, 0, 0
		if !same || want != got {
			return fmt.Errorf("%s at %d: the model has %+v, the series %+v (counts equal: %t)", length, at, want, got, same)
		}
	}
	if measured := r.series.Facts(at, 0, nil).Measured; measured != len(r.model.slots) {
		return fmt.Errorf("the model has %d slots, the series %d", len(r.model.slots), measured)
	}
	return nil
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(a)) }

func TestSeriesAgreesWithANaiveLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := newModelRun(rapid.Uint64().Draw(t, "seed"))
		for range rapid.IntRange(1, 12).Draw(t, "operations") {
			switch rapid.IntRange(0, 5).Draw(t, "operation") {
			case 0:
				run.advance(rapid.IntRange(1, 30).Draw(t, "slots"))
			case 1:
				run.advance(rapid.IntRange(100, 1200).Draw(t, "many slots"))
			case 2: // an outage, in slots
				run.now += 300 * int64(rapid.IntRange(1, 12000).Draw(t, "outage"))
			case 3: // newest first
				from := run.now - 300*int64(rapid.IntRange(0, 2000).Draw(t, "backfill from"))
				for i := range int64(rapid.IntRange(1, 3000).Draw(t, "backfill")) {
					run.answer(from - 300*i)
				}
			case 4: // chunks newest first, slots within oldest first
				for chunk := range int64(rapid.IntRange(1, 6).Draw(t, "chunks")) {
					for i := range int64(288) {
						run.answer(run.now - (chunk+1)*86400 + i*300)
					}
				}
			case 5: // asked again, or late
				for range 20 {
					run.answer(run.now - 300*int64(run.random.IntN(11000)))
				}
			}
			if err := run.compare(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSeriesAgreesWithANaiveLedgerOverFortyDays(t *testing.T) {
	run := newModelRun(7)
	for range 40 {
		run.advance(288)
		if err := run.compare(); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzSeries(f *testing.F) {
	f.Add(uint64(1), []byte{3, 200, 9, 0, 255, 17})
	f.Add(uint64(2), []byte{255, 255, 255, 1, 128})
	f.Fuzz(func(t *testing.T, seed uint64, operations []byte) {
		run := newModelRun(seed)
		for _, op := range operations[:min(len(operations), 64)] {
			switch n := int64(op >> 2); op & 3 {
			case 0:
				run.advance(int(n))
			case 1:
				run.now += n * n * 300
			case 2:
				for i := range n {
					run.answer(run.now - 300*(n*n+i))
				}
			case 3:
				run.answer(run.now - 300*n*n)
			}
			if err := run.compare(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
