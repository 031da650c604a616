package collector

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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
	services := numbered(6)
	p := spec{rubrics: weekAndMonth, services: services}.plan(t)
	depths := p.counted()
	require.Len(t, depths, 2)
	hashes := slices.Sorted(maps.Keys(depths))
	rapid.Check(t, func(t *rapid.T) {
		before := someMidnight + rapid.Int64Range(0, 300).Draw(t, "before")*300
		slots := func() intervals {
			var s intervals
			for range rapid.IntRange(0, 4).Draw(t, "stretches") {
				to := before - rapid.Int64Range(0, 40*288).Draw(t, "to")*300
				s = s.with(interval{to - rapid.Int64Range(1, 20*288).Draw(t, "length")*300, to})
			}
			return s
		}
		a := newAgenda()
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
		last := int64(0)
		for _, k := range a.missing(p, before, most) {
			require.LessOrEqual(t, k.slots(), most)
			require.Positive(t, k.slots())
			require.Zero(t, k.from%300)
			require.GreaterOrEqual(t, k.from, window(p.longest(), before).from)
			age := (before - k.to) / cell
			require.GreaterOrEqual(t, age, last, "newest first")
			last = age
			had := a.late // of each of these
			names := k.Services
			if len(names) == 0 {
				had = a.done
				if names = k.SLIs; len(names) == 0 {
					names = hashes
				}
			}
			for _, name := range names {
				require.Empty(t, had[name].common(intervals{k.interval}), "asked twice")
			}
			a.asked(p, k.subject, k.interval)
		}
		require.Empty(t, a.missing(p, before, most), "then nothing is missing")
		for service, had := range a.late {
			if p.has(service) {
				require.Empty(t, had.missing(window(p.longest(), before)))
			}
		}
		a.tidy(p, before)
		for service := range a.late {
			require.False(t, p.has(service), "who has caught up is not late")
		}
	})
}

func TestWhatHasBeenAskedIsNotAskedAgain(t *testing.T) {
	p := spec{rubrics: weekAndMonth, services: numbered(6)}.plan(t)
	before := someMidnight
	a := newAgenda()
	a.asked(p, subject{}, interval{before - 40*86400, before - 3600})
	require.Equal(t, []chunk{{interval: interval{before - 3600, before}}}, a.missing(p, before, 288))
	a.asked(p, subject{}, interval{before - 3600, before})
	require.Empty(t, a.missing(p, before, 288))
	a.isLate("default/service-0003")
	for _, k := range a.missing(p, before, 288) {
		require.Equal(t, []string{"default/service-0003"}, k.Services)
	}
	require.Equal(t, []subject{{Services: []string{"default/service-0003"}}}, a.unasked(p, interval{before - 3900, before}))
	later := before + 300
	a.asked(p, subject{}, slotAt(later))
	require.Equal(t, intervals{slotAt(later)}, a.late["default/service-0003"])
}

func TestWhatIsGoneIsKeptForAWeek(t *testing.T) {
	p := spec{rubrics: weekAndMonth, services: numbered(2)}.plan(t)
	a := newAgenda()
	a.asked(p, subject{}, interval{someMidnight - 30*86400, someMidnight})
	a.leave("default/gone")
	a.done["of a check that was removed"] = intervals{{someMidnight - 86400, someMidnight}}
	a.tidy(p, someMidnight+6*86400)
	require.Equal(t, someMidnight, a.late["default/gone"].end())
	require.Contains(t, a.done, "of a check that was removed")
	a.tidy(p, someMidnight+8*86400)
	require.NotContains(t, a.late, "default/gone")
	require.NotContains(t, a.done, "of a check that was removed")
	require.Len(t, a.done, 2)
}

func TestWhatWasAskedIsKeptInAPage(t *testing.T) {
	m := newAgenda()
	m.holes = holes{someMidnight: {lack{0, 3}, 2}, someMidnight + 300: {lackAll(2), 1}}
	m.done["sli"] = intervals{{0, 600}, {900, someMidnight}}
	m.late["default/new"] = nil
	m.late["default/newer"] = intervals{{300, 600}}
	owed := chunk{interval: interval{600, 900}, subject: subject{SLIs: []string{"sli"}}, tries: 2, lack: lack{1, 0}}
	m.owed[owed.key()] = owed
	page := m.page([]string{"east", "west"})
	require.Equal(t, ownPage(), page.PageKey)
	require.Equal(t, page, m.page([]string{"east", "west"}), "the same each time")

	back := newAgenda()
	require.NoError(t, back.load(page.Data, []string{"east", "west"}))
	require.Equal(t, m, back)

	fewer := newAgenda()
	require.NoError(t, fewer.load(page.Data, []string{"west"}))
	require.Equal(t, holes{someMidnight: {lack{3}, 2}, someMidnight + 300: {lackAll(1), 1}}, fewer.holes)
	require.Equal(t, m.done, fewer.done)
	require.Empty(t, fewer.owed, "the source that owed it is gone")

	more := newAgenda()
	require.NoError(t, more.load(page.Data, []string{"east", "north", "west"}))
	require.Empty(t, more.done, "a new source is asked about all of the past")

	for _, data := range []string{"", "{", `{"version":2}`, `[]`, `{"version":1,"done":{"sli":[["x"]]}}`} {
		before := newAgenda()
		require.Error(t, before.load([]byte(data), nil), data)
		require.Empty(t, before.done)
	}
}

func FuzzOwnPage(f *testing.F) {
	m := newAgenda()
	m.holes = holes{someMidnight: {lack{3}, 2}}
	m.done["sli"] = intervals{{0, 600}}
	m.late["default/new"] = intervals{{300, 600}}
	k := chunk{interval: interval{600, 900}, tries: 2, lack: lack{1}}
	m.owed[k.key()] = k
	f.Add(m.page([]string{"eu"}).Data)
	f.Add([]byte(`{"version":1,"sources":["eu"],"done":{"a":[[5,-5],[1,301],[-9223372036854775808,9223372036854775807]]}}`))
	p := spec{rubrics: weekAndMonth, services: numbered(2)}.plan(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newAgenda()
		if m.load(data, []string{"eu"}) != nil {
			return
		}
		for _, k := range m.missing(p, someMidnight, 288) {
			require.Positive(t, k.slots())
			require.Zero(t, k.from%300)
		}
		m.tidy(p, someMidnight)
		again := newAgenda()
		require.NoError(t, again.load(m.page([]string{"eu"}).Data, []string{"eu"}))
	})
}

func TestAPageOfWhatWasAskedIsSmall(t *testing.T) {
	services := numbered(5000)
	p := spec{rubrics: fourCounted, services: services}.plan(t)
	m := newAgenda()
	m.asked(p, subject{}, interval{someMidnight - 30*86400, someMidnight})
	for _, s := range services[:500] {
		m.late[s.ID.String()] = intervals{slotAt(someMidnight)}
	}
	page := m.page([]string{"eu", "us"})
	require.Less(t, len(page.Data), 64<<10)
	require.True(t, json.Valid(page.Data))
}
