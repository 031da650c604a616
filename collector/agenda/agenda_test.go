package agenda

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

const weekAndMonth = `
rubrics:
  - name: http
    checks:
      - {name: week, events: {metric: http_requests_total, bad: '{code=~"5.."}'}, objective: 99%, period: 7d}
      - {name: month, events: {metric: grpc_requests_total, bad: '{code=~"5.."}'}, objective: 99%, period: 30d}
      - {name: files, value: {query: 'max by ($identity) (process_open_fds)'}, pass: 1, fail: 2}
`

const someMidnight = int64(20_000 * 86400)

func TestAllThatIsNeededAndNotDoneIsAskedOnceAndNothingElse(t *testing.T) {
	services := fixture.Numbered(6)
	p := spec{Rubrics: weekAndMonth, Services: services}.plan(t)
	depths := p.Counted()
	require.Len(t, depths, 2)
	hashes := slices.Sorted(maps.Keys(depths))
	rapid.Check(t, func(t *rapid.T) {
		before := someMidnight + rapid.Int64Range(0, 300).Draw(t, "before")*300
		slots := func() intervals {
			var s intervals
			for range rapid.IntRange(0, 4).Draw(t, "stretches") {
				to := before - rapid.Int64Range(0, 40*288).Draw(t, "to")*300
				s = s.with(Interval{to - rapid.Int64Range(1, 20*288).Draw(t, "length")*300, to})
			}
			return s
		}
		a := New()
		for _, hash := range hashes {
			a.done[hash] = slots()
		}
		if rapid.Bool().Draw(t, "alike") {
			a.done[hashes[1]] = a.done[hashes[0]]
		}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 7), 0, 4, rapid.ID).Draw(t, "late") {
			a.late[fmt.Sprintf("default/service-%04d", i)] = slots() // two are not in the plan
		}
		most := rapid.IntRange(12, 288).Draw(t, "most")
		cell := int64(most) * 300
		var ages []int64 // of the stretches, in turn
		for _, k := range a.Missing(p, before, most) {
			require.LessOrEqual(t, k.Slots(), most)
			require.Positive(t, k.Slots())
			require.Zero(t, k.From%300)
			require.GreaterOrEqual(t, k.From, window(p.Longest(), before).From)
			ages = append(ages, (before-k.To)/cell)
			had := a.late // of each of these
			names := k.Services
			if len(names) == 0 {
				had = a.done
				if names = k.SLIs; len(names) == 0 {
					names = hashes
				}
			}
			for _, name := range names {
				require.Empty(t, had[name].common(intervals{k.Interval}), "asked twice")
			}
			a.Asked(p, k.Subject, k.Interval)
		}
		soon := slices.IndexFunc(ages, func(age int64) bool { return age*cell >= 86400 })
		if soon < 0 {
			soon = len(ages)
		}
		require.True(t, slices.IsSorted(ages[:soon]), "the newest day first, newest first: %v", ages)
		slices.Reverse(ages[soon:])
		require.True(t, slices.IsSorted(ages[soon:]), "then from the oldest on: %v", ages)
		require.Empty(t, a.Missing(p, before, most), "then nothing is missing")
		for service, had := range a.late {
			if p.Has(service) {
				require.Empty(t, had.missing(window(p.Longest(), before)))
			}
		}
		a.Tidy(p, before)
		for service := range a.late {
			require.False(t, p.Has(service), "who has caught up is not late")
		}
	})
}

func TestWhatHasBeenAskedIsNotAskedAgain(t *testing.T) {
	p := spec{Rubrics: weekAndMonth, Services: fixture.Numbered(6)}.plan(t)
	before := someMidnight
	a := New()
	a.Asked(p, question.Subject{}, Interval{before - 40*86400, before - 3600})
	require.Equal(t, []Chunk{{Interval: Interval{before - 3600, before}}}, a.Missing(p, before, 288))
	a.Asked(p, question.Subject{}, Interval{before - 3600, before})
	require.Empty(t, a.Missing(p, before, 288))
	a.AddLate("default/service-0003")
	for _, k := range a.Missing(p, before, 288) {
		require.Equal(t, []string{"default/service-0003"}, k.Services)
	}
	require.Equal(t, []question.Subject{{Services: []string{"default/service-0003"}}}, a.Unasked(p, Interval{before - 3900, before}))
	later := before + 300
	a.Asked(p, question.Subject{}, SlotAt(later))
	require.Equal(t, intervals{SlotAt(later)}, a.late["default/service-0003"])
}

func TestWhatIsGoneIsKeptForAWeek(t *testing.T) {
	p := spec{Rubrics: weekAndMonth, Services: fixture.Numbered(2)}.plan(t)
	a := New()
	a.Asked(p, question.Subject{}, Interval{someMidnight - 30*86400, someMidnight})
	a.Leave("default/gone")
	a.done["of a check that was removed"] = intervals{{someMidnight - 86400, someMidnight}}
	a.Tidy(p, someMidnight+6*86400)
	require.Equal(t, someMidnight, a.late["default/gone"].end())
	require.Contains(t, a.done, "of a check that was removed")
	a.Tidy(p, someMidnight+8*86400)
	require.NotContains(t, a.late, "default/gone")
	require.NotContains(t, a.done, "of a check that was removed")
	require.Len(t, a.done, 2)
}

func TestWhatWasAskedIsKeptInAPage(t *testing.T) {
	m := New()
	m.holes = holes{someMidnight: {Lack{0, 3}, 2}, someMidnight + 300: {LackAll(2), 1}}
	m.done["sli"] = intervals{{0, 600}, {900, someMidnight}}
	m.late["default/new"] = nil
	m.late["default/newer"] = intervals{{300, 600}}
	owed := Chunk{Interval: Interval{600, 900}, Subject: question.Subject{SLIs: []string{"sli"}}, tries: 2, lack: Lack{1, 0}}
	m.owed[owed.key()] = owed
	page := m.Page([]string{"east", "west"})
	require.Equal(t, PageKey(), page.PageKey)
	require.Equal(t, page, m.Page([]string{"east", "west"}), "the same each time")

	back := New()
	require.NoError(t, back.Load(page.Data, []string{"east", "west"}))
	require.Equal(t, m, back)

	fewer := New()
	require.NoError(t, fewer.Load(page.Data, []string{"west"}))
	require.Equal(t, holes{someMidnight: {Lack{3}, 2}, someMidnight + 300: {LackAll(1), 1}}, fewer.holes)
	require.Equal(t, m.done, fewer.done)
	require.Empty(t, fewer.owed, "the source that owed it is gone")

	more := New()
	require.NoError(t, more.Load(page.Data, []string{"east", "north", "west"}))
	require.Empty(t, more.done, "a new source is asked about all of the past")

	for _, data := range []string{"", "{", `{"version":2}`, `[]`, `{"version":1,"done":{"sli":[["x"]]}}`} {
		before := New()
		require.Error(t, before.Load([]byte(data), nil), data)
		require.Empty(t, before.done)
	}
}

func FuzzOwnPage(f *testing.F) {
	m := New()
	m.holes = holes{someMidnight: {Lack{3}, 2}}
	m.done["sli"] = intervals{{0, 600}}
	m.late["default/new"] = intervals{{300, 600}}
	k := Chunk{Interval: Interval{600, 900}, tries: 2, lack: Lack{1}}
	m.owed[k.key()] = k
	f.Add(m.Page([]string{"eu"}).Data)
	f.Add([]byte(`{"version":1,"sources":["eu"],"done":{"a":[[5,-5],[1,301],[-9223372036854775808,9223372036854775807]]}}`))
	p := spec{Rubrics: weekAndMonth, Services: fixture.Numbered(2)}.plan(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := New()
		if m.Load(data, []string{"eu"}) != nil {
			return
		}
		for _, k := range m.Missing(p, someMidnight, 288) {
			require.Positive(t, k.Slots())
			require.Zero(t, k.From%300)
		}
		m.Tidy(p, someMidnight)
		again := New()
		require.NoError(t, again.Load(m.Page([]string{"eu"}).Data, []string{"eu"}))
	})
}

func TestAPageOfWhatWasAskedIsSmall(t *testing.T) {
	services := fixture.Numbered(5000)
	p := spec{Rubrics: fixture.FourCounted, Services: services}.plan(t)
	m := New()
	m.Asked(p, question.Subject{}, Interval{someMidnight - 30*86400, someMidnight})
	for _, s := range services[:500] {
		m.late[s.ID.String()] = intervals{SlotAt(someMidnight)}
	}
	page := m.Page([]string{"eu", "us"})
	require.Less(t, len(page.Data), 64<<10)
	require.True(t, json.Valid(page.Data))
}

func TestWhatWasBornIsLackingToo(t *testing.T) {
	p := spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist")}.plan(t)
	block := &slo.Block{Columns: make([]slo.Column, len(p.Questions))}
	require.False(t, LackOf(p, []*slo.Block{block}).Any())
	block.Columns[0].BirthFault = &slo.Fault{Reason: slo.SourceError}
	require.Equal(t, Lack{1, math.MaxInt}, LackOf(p, []*slo.Block{block, nil}))
}
