package scorecard_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// reference judges an objective as the grading specification says, from an
// array of slots, and shares no code with the product. Slots are also the
// tick answers: it is asked at slot boundaries only.
type reference struct {
	objective float64
	days      float64
	slots     []refSlot
	firing    map[int]int // pair → ticks that it has been idle, 0 while it is not
	kept      map[int]refKept
	standing  *refStanding
}

// refKept is a window as it was last judged; refStanding, a result.
type refKept struct {
	window refWindow
	at     int
}

type refStanding struct {
	reason string
	credit float64
	at     int
}

// refGrace is the grace in slots: 15 minutes.
const refGrace = 3

type refSlot struct {
	measured, row bool
	bad, total    float64
}

type refPair struct {
	long, short int // slots
	factor      float64
	page        bool
}

type refWindow struct {
	bad, total         float64
	expected, measured int
}

func (r *reference) pairs() []refPair {
	tenth := r.days * 288 / 10
	ceil := func(slots float64) int { return int(math.Ceil(slots - 1e-9)) }
	factor := func(share, long float64) float64 {
		return math.Min(math.Max(1, share*r.days*288/long), 0.8/(1-r.objective))
	}
	pairs := []refPair{{12, 1, factor(0.02, 12), true}, {72, 6, factor(0.05, 72), true}}
	if r.days > 10 {
		pairs = append(pairs, refPair{288, 24, factor(0.1, 288), false})
	}
	return append(pairs, refPair{ceil(tenth), ceil(tenth / 12), factor(0.1, tenth), false})
}

// window sums the newest n slots from the first with a row on; where more
// than three days are asked for, the far edge goes out to a whole hour.
func (r *reference) window(n int) refWindow {
	first := len(r.slots)
	for i := len(r.slots) - 1; i >= 0; i-- {
		if r.slots[i].row {
			first = i
		}
	}
	from := len(r.slots) - n
	for n > 864 && ((from%12)+12)%12 != 0 {
		from--
	}
	var w refWindow
	for i := max(from, first); i < len(r.slots); i++ {
		w.expected++
		if s := r.slots[i]; s.measured {
			w.measured++
			w.bad += s.bad
			w.total += s.total
		}
	}
	return w
}

func (w refWindow) judged(share float64) bool {
	return w.expected > 0 && float64(w.measured) >= share*float64(w.expected)*(1-1e-9)
}

func (r *reference) burn(w refWindow) float64 {
	if w.bad == 0 || w.total == 0 {
		return 0
	}
	p, n, z := w.bad/w.total, w.total, 1.96
	lower := (p + z*z/2/n - z*math.Sqrt((p*(1-p)+z*z/4/n)/n)) / (1 + z*z/n)
	return math.Max(0, lower) / (1 - r.objective)
}

// judged returns a window as it can be judged: by what is measured now, or else
// as it was last judged, within the grace.
func (r *reference) judged(n int) (refWindow, bool) {
	share := 0.8
	if n == int(r.days*288) {
		share = 0.9
	}
	w, now := r.window(n), len(r.slots)
	if w.judged(share) {
		r.kept[n] = refKept{w, now}
		return w, true
	}
	if k, ok := r.kept[n]; ok && now-k.at <= refGrace {
		w.bad, w.total = k.window.bad, k.window.total
		return w, true
	}
	return w, false
}

// fired evaluates the pairs: which fire, which are judged.
func (r *reference) fired() (fires, judged []bool, idle map[int]int) {
	idle = map[int]int{}
	for i, p := range r.pairs() {
		long, longOK := r.judged(p.long)
		short, shortOK := r.judged(p.short)
		ok := longOK && shortOK
		fire := ok && r.burn(long) >= p.factor*(1-1e-9) && r.burn(short) >= p.factor*(1-1e-9)
		if p.page && (short.bad < 1.5*(1-1e-9) || long.bad < 2.5*(1-1e-9)) {
			fire = false
		}
		ticks, was := r.firing[i]
		switch {
		case fire:
			idle[i] = 0
		case !ok && was:
			idle[i] = ticks
		case ok && was && (ticks > 0 || short.total == 0) && short.total-short.bad < 10 && ticks < 13:
			fire, idle[i] = true, ticks+1
		}
		if fire && idle[i] > 12 { // idle since an hour
			fire = false
			delete(idle, i)
		}
		fires, judged = append(fires, fire), append(judged, ok)
	}
	return fires, judged, idle
}

// judge returns reason and credit at the newest slot.
func (r *reference) judge() (string, float64) {
	all, measured := 0.0, 0
	for _, p := range r.pairs() {
		all += r.window(p.long).total + r.window(p.short).total
	}
	period, periodOK := r.judged(int(r.days * 288))
	for _, s := range r.slots {
		if s.measured {
			measured++
		}
	}
	switch {
	case all+r.window(int(r.days*288)).total+r.window(72).total == 0:
		return "idle", 0
	case measured < 12:
		return "warming_up", 0
	}
	pairs := r.pairs()
	fires, judged, idle := r.fired()
	page, ticket, canPage, lost := false, false, false, false
	for i, p := range pairs {
		page = page || p.page && fires[i]
		ticket = ticket || !p.page && fires[i]
		canPage = canPage || p.page && judged[i]
		_, was := r.firing[i]
		lost = lost || was && !judged[i]
	}
	reason, credit := r.row(period, periodOK, page, ticket)
	if lost && !page || reason == "ok" && !canPage {
		return "partial", 0
	}
	r.firing = idle
	return reason, credit
}

func (r *reference) row(period refWindow, periodOK, page, ticket bool) (string, float64) {
	spent := 0.0
	counts := period.total > 0 && periodOK && period.bad >= 2.5 && float64(period.measured) >= 0.1*r.days*288
	if counts {
		spent = period.bad / ((1 - r.objective) * period.total)
	}
	now := false
	for _, n := range []int{72, r.pairs()[len(r.pairs())-1].long} {
		w, ok := r.judged(n)
		now = now || ok && r.burn(w) >= 1-1e-9
	}
	b := math.Max(0, math.Min(1, (1-spent)/0.25))
	if !now {
		b = math.Max(b, 0.5)
	}
	switch {
	case page:
		return "burning_fast", 0
	case spent >= 1-1e-9 && now:
		return "budget_spent", 0
	case ticket:
		return "burning_slow", math.Min(0.5, b)
	case spent >= 1-1e-9:
		return "budget_spent", 0.5
	case spent > 0.75*(1+1e-9):
		return "budget_low", b
	}
	return "ok", 1
}

// refHistory makes up a history: quiet, with incidents, outages and idleness.
type refHistory struct {
	random    *rand.Rand
	volume    float64
	errors    float64
	remaining int
	mode      int
}

func (h *refHistory) next() refSlot {
	if h.remaining == 0 {
		h.remaining = 1 + h.random.IntN(40)
		h.mode = h.random.IntN(12)
		h.errors = math.Pow(10, -4*h.random.Float64())
	}
	h.remaining--
	total := math.Floor(h.volume * (0.5 + h.random.Float64()))
	switch {
	case h.mode == 0 && h.random.IntN(3) > 0:
		return refSlot{}
	case h.mode == 1:
		return refSlot{measured: true, row: true}
	case h.mode < 4 && h.random.IntN(2) == 0:
		return refSlot{measured: true, row: true, bad: math.Floor(total * h.errors / 20), total: total}
	case h.mode < 4:
		return refSlot{measured: true, row: true, bad: math.Floor(total * h.errors), total: total}
	}
	bad := 0.0
	if h.random.IntN(50) == 0 {
		bad = 1
	}
	return refSlot{measured: true, row: true, bad: math.Min(bad, total), total: total}
}

// referenceSlot enters a slot into a series as a tick at its boundary.
func referenceSlot(s *slo.Series, at int64, answer refSlot) {
	round := &slo.Round{Time: at}
	a := slo.Answer{Cell: slo.CellKey{Source: "eu", Cell: "eu"}, Row: answer.row, Counts: slo.Counts{Bad: answer.bad, Total: answer.total}, Up: 1}
	if !answer.measured {
		a.Fault = &slo.Fault{Reason: slo.Partial, Detail: "cut"}
	}
	s.AddTick(round, []slo.Answer{a})
	s.AddSlot(round, []slo.Answer{a})
}

func TestObjectivesAgreeWithAReferenceOverRandomHistories(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		compareHistories(t, random, seen)
	}
	for _, reason := range []string{"ok", "burning_fast", "burning_slow", "budget_spent", "budget_low", "partial", "warming_up", "idle"} {
		assert.NotZero(t, seen[reason], "no history came to %s: %v", reason, seen)
	}
}

// compareHistories plays one history to the product and to the reference.
func compareHistories(t *testing.T, random *rand.Rand, seen map[string]int) {
	one := func(of ...float64) float64 { return of[random.IntN(len(of))] }
	check := availability()
	days := one(7, 8, 10, 14, 30, 35)
	check.Period = time.Duration(days) * day
	check.Objective = one(0.5, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)
	ref := &reference{objective: check.Objective, days: days, firing: map[int]int{}, kept: map[int]refKept{}}
	history := &refHistory{random: random, volume: one(0.7, 5, 100, 10000)}
	quiet := random.IntN(int(days) * 40) // the budget counts from a tenth of the period on
	series := slo.NewSeries(300)
	in := input(rubricOf(check))
	for i := range quiet + random.IntN(150) {
		answer := history.next()
		ref.slots = append(ref.slots, answer)
		in.Tick = noon.Add(time.Duration(i+1) * slot) // slot 0 starts a whole hour
		referenceSlot(series, in.Tick.Unix(), answer)
		if i < quiet {
			continue
		}
		in = withFacts(in, series.Facts(in.Tick.Unix(), 15*time.Minute, scorecard.WindowsOf(check)))
		card, next := scorecard.Grade(in)
		in.Previous = next
		seen[card.Results[0].Reason]++
		if !compareWithReference(t, ref, card.Results[0], answer.measured, i) {
			return
		}
	}
}

func withFacts(in scorecard.Input, facts slo.Facts) scorecard.Input {
	in.Facts = []scorecard.CheckFacts{{Facts: facts}}
	return in
}

// publish lets the last fresh result stand in for an unknown one, within the
// grace.
func (r *reference) publish(reason string, credit float64) (string, float64, bool) {
	now := len(r.slots)
	switch reason {
	case "idle", "warming_up", "partial":
		if r.standing != nil && now-r.standing.at <= refGrace {
			return r.standing.reason, r.standing.credit, true
		}
		return reason, 0, false
	}
	r.standing = &refStanding{reason, credit, now}
	return reason, credit, false
}

func compareWithReference(t *testing.T, ref *reference, got scorecard.Result, measured bool, i int) bool {
	reason, credit := "partial", 0.0 // the fault of the cell comes before the windows
	if measured {
		reason, credit = ref.judge()
	}
	reason, credit, carried := ref.publish(reason, credit)
	if got.Credit != nil && !assert.InDelta(t, credit, *got.Credit, 1e-9, "slot %d: %s", i, got.Message) {
		return false
	}
	return assert.Equal(t, reason, got.Reason, "slot %d: %s", i, got.Message) &&
		assert.Equal(t, carried, got.Carried, "slot %d: %s", i, got.Message)
}
