package scorecard_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// maker makes up rubrics, facts, faults, waivers and states. Conditions are
// compiled once.
type maker struct {
	random     *rand.Rand
	conditions []*catalog.Condition
}

func newMaker(t testing.TB, seed uint64) *maker {
	return &maker{rand.New(rand.NewPCG(seed, 4)), []*catalog.Condition{
		condition(t, `"runbook" in service.links`), condition(t, `service.tier == 4`), condition(t, `[1][service.tier] > 0`),
	}}
}

// casesPerDraw is how many cases a property is held against for each seed that
// is drawn: with the usual hundred seeds, 10,000 for each property.
const casesPerDraw = 100

// seeded holds a property against many cases. A failure names the case.
func seeded(t *testing.T, property func(t *rapid.T, m *maker)) {
	t.Helper()
	m := newMaker(t, 0)
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		for i := range uint64(casesPerDraw) {
			m.random = rand.New(rand.NewPCG(seed, i))
			property(t, m)
		}
	})
}

func pick[T any](m *maker, of ...T) T { return of[m.random.IntN(len(of))] }

func (m *maker) oneIn(n int) bool { return m.random.IntN(n) == 0 }

func (m *maker) number() float64 {
	return pick(m, 0, 1, -1, 0.5, m.random.Float64(), m.random.NormFloat64()*1e3, 1e308, -1e308, 5e-324)
}

func (m *maker) rubric() *rubric.Rubric {
	r := rubricOf()
	r.Levels = pick(m, nil, []string{"bronze"}, []string{"bronze", "silver", "gold"})
	r.CoverageFloor = pick(m, 0, 0.5, 0.8, 1)
	r.Strict, r.Draft = m.oneIn(2), m.oneIn(10)
	if len(r.Levels) > 0 && m.oneIn(2) {
		r.PassLevel = r.Levels[0]
	}
	for i := range m.random.IntN(8) {
		c := m.check(i)
		c.LevelRank = m.random.IntN(len(r.Levels) + 1)
		r.Checks = append(r.Checks, c)
	}
	return r
}

func (m *maker) check(i int) *rubric.Check {
	pass, fail := m.number(), m.number()
	for pass == fail {
		fail = m.number()
	}
	var c *rubric.Check
	switch m.random.IntN(4) {
	case 0:
		c = availability()
		c.Objective = pick(m, 0.01, 0.5, 0.9, 0.999, 0.999999)
		c.Period = time.Duration(7*24+m.random.IntN(28*24+1)) * time.Hour
	case 1:
		c = ratio(0.99, 0.95)
		c.Window = pick(m, slot, 10*time.Minute, time.Hour, day)
	case 2:
		c = &rubric.Check{Kind: rubric.KindCatalog, Catalog: pick(m, m.conditions...)}
	default:
		c = gauge("", 0, pass, fail)
		c.Value.Across = pick(m, rubric.Worst, rubric.Best, rubric.Sum, rubric.Mean)
		c.Value.Unit = pick(m, "ratio", "", "seconds")
	}
	c.Name = fmt.Sprintf("check-%d", i)
	c.Hash = c.Name
	c.Severity = pick(m, rubric.Critical, rubric.High, rubric.Medium, rubric.Low)
	c.Weight = pick(m, 0, 2.5, 5, 10, m.random.Float64()*100, 1e-9)
	c.OnMissing = pick(m, rubric.MissingUnknown, rubric.MissingFail, rubric.MissingPass, rubric.MissingNotApplicable)
	if m.oneIn(8) {
		c.AppliesTo = pick(m, m.conditions...)
	}
	return c
}

func (m *maker) facts(c *rubric.Check) scorecard.CheckFacts {
	f := scorecard.CheckFacts{Facts: slo.Facts{Time: noon.Unix(), Witnessed: !m.oneIn(4), Measured: m.random.IntN(60)}}
	f.Up, f.Down = m.random.IntN(3), m.random.IntN(3)
	f.Unidentified = m.oneIn(20)
	if m.oneIn(20) {
		f.Conflict = "two claim it"
	}
	f.Cells = m.cells()
	for _, length := range scorecard.WindowsOf(c) {
		w := slo.Window{Length: length, To: noon.Unix(), Expected: m.random.IntN(100)}
		w.Measured = m.random.IntN(w.Expected + 1)
		if m.oneIn(2) {
			w.Measured = w.Expected
		}
		w.Counts, _ = slo.NewCounts(pick(m, 0, 1, 3, m.random.Float64()*1e3), pick(m, 0, 1e3, 1e9, 1e200))
		f.Windows = append(f.Windows, w)
	}
	return f
}

func (m *maker) cells() []slo.CellFact {
	var list []slo.CellFact
	n := m.random.IntN(5)
	for i := range n {
		name := fmt.Sprintf("cell-%d", i)
		switch m.random.IntN(6) {
		case 0:
			list = append(list, broken(name, 1/float64(n), pick(m, slo.InvalidData, slo.Ambiguous, slo.Partial, slo.NoSuchBucket, slo.SourceError), "detail"))
		case 1:
			list = append(list, silent(name, 1/float64(n)))
		default:
			list = append(list, good(name, 1/float64(n), m.number()))
		}
	}
	return list
}

// input is a tick with the state of up to four earlier ones, which lie minutes
// to weeks apart. In between, waivers come and go, and the catalog and the
// rubric change.
func (m *maker) input() scorecard.Input {
	in := input(m.rubric())
	for range m.random.IntN(5) {
		m.refill(&in)
		_, in.Previous = scorecard.Grade(in)
		in.Tick = in.Tick.Add(pick(m, time.Minute, time.Minute, slot, 16*time.Minute, time.Hour, 3*day, 8*day, 31*day))
		if m.oneIn(8) {
			in.ServiceVersion = pick(m, "a", "b")
		}
		if m.oneIn(8) {
			in.Rubric = withVersion(in.Rubric, pick(m, "v2", "v3"))
		}
	}
	m.refill(&in)
	return in
}

// refill makes up facts and waivers for a tick.
func (m *maker) refill(in *scorecard.Input) {
	in.Facts, in.Waivers = nil, nil
	for _, c := range in.Rubric.Checks {
		in.Facts = append(in.Facts, at(m.facts(c), in.Tick))
		if m.oneIn(10) {
			if in.Waivers == nil {
				in.Waivers = map[string]string{}
			}
			in.Waivers[c.Name] = "w"
		}
	}
}

func (m *maker) scoredChecks() []scored {
	list := make([]scored, 1+m.random.IntN(6))
	for i := range list {
		list[i] = scored{
			name: fmt.Sprintf("check-%d", i), weight: pick(m, 0, 2.5, 5, 7.5, 10, m.random.Float64()),
			credit: pick(m, -1, 0, 1, m.random.Float64(), m.random.Float64()), critical: m.oneIn(3),
		}
	}
	return list
}
