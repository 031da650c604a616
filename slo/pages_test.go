package slo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestALedgerComesBackFromItsPagesAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, store := NewLedger(time.Minute), shelf{}
		seed := rapid.Uint64().Draw(t, "seed")
		p := newPlayed(seed, l)
		for range rapid.IntRange(1, 14).Draw(t, "operations") {
			require.NoError(t, p.play())
			if p.random.IntN(2) == 0 {
				store.save(t, l)
			}
		}
		store.save(t, l)

		loaded := NewLedger(time.Minute)
		if rapid.Bool().Draw(t, "series are made first") {
			p.declare(loaded)
		}
		store.restore(t, loaded, p.random)
		require.Empty(t, loaded.Pages(), "nothing has changed since it was stored")
		require.Equal(t, l.Versions(), loaded.Versions())
		p.declare(loaded) // the catalog is not stored
		requireSame(t, l, loaded, p.now)

		p.ledgers = append(p.ledgers, loaded)
		for range rapid.IntRange(1, 4).Draw(t, "further operations") {
			require.NoError(t, p.play())
			requireSame(t, l, loaded, p.now)
			if p.random.IntN(2) == 0 {
				require.Equal(t, l.Pages(), loaded.Pages())
			}
		}
		require.Equal(t, store.save(t, l), loaded.Pages())
	})
}

func TestALedgerThatWentItsOwnWayGoesBackToWhatIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leader, other, store := NewLedger(time.Minute), NewLedger(time.Minute), shelf{}
		seed := rapid.Uint64().Draw(t, "seed")
		p := newPlayed(seed, leader)
		play := func(p *played, n int) {
			for range n {
				require.NoError(t, p.play())
			}
		}
		play(p, rapid.IntRange(0, 8).Draw(t, "operations before"))
		store.save(t, leader)
		p.declare(other)
		store.restore(t, other, p.random)
		requireSame(t, leader, other, p.now)

		astray := newPlayed(seed+1, other)
		astray.now = p.now
		play(astray, rapid.IntRange(0, 4).Draw(t, "operations of its own"))
		if rapid.Bool().Draw(t, "its commit is refused") {
			other.Pages()
		}
		play(p, rapid.IntRange(0, 4).Draw(t, "operations of the leader"))
		store.save(t, leader)

		store.restore(t, other, p.random)
		require.Empty(t, other.Pages())
		requireSame(t, leader, other, p.now)
		p.ledgers = append(p.ledgers, other)
		play(p, 3)
		requireSame(t, leader, other, p.now)
	})
}

func TestPagesDoNotDependOnTheOrderOfEntry(t *testing.T) {
	a, b := NewLedger(time.Minute), NewLedger(time.Minute)
	services := []string{"shop/cart", "shop/pay", "shop/search", "shop/mail", "shop/zoo"}
	for i, l := range []*Ledger{a, b} {
		for at := int64(noon); at < noon+7200; at += 60 {
			r := &Round{Time: at, Witnesses: scraping(cellA, cellB)}
			for j := range services {
				service := services[j]
				if i == 1 {
					service = services[len(services)-1-j]
				}
				for k := range playedSLIs {
					s := l.Series(playedSLIs[(i+k)%2], service)
					answers := []Answer{has(cellA, 1, 75.3), has(cellB, 1, 25), {Cell: pod(1), Fault: &Fault{Reason: Partial}}}
					if i == 1 {
						slices.Reverse(answers)
					}
					s.AddTick(r, answers)
					if at%slotSeconds == 0 {
						s.AddSlot(r, answers)
					}
				}
			}
		}
	}
	assert.Equal(t, a.Pages(), b.Pages())
}

// fleet enters one tick of one cell for many services.
func fleet(l *Ledger, services, slis int, at int64, slot bool) {
	r := &Round{Time: at, Witnesses: scraping(cellA)}
	for i := range services {
		for j := range slis {
			s := l.Series(fmt.Sprintf("%064x", j), fmt.Sprintf("team-%d/service-%d", i%97, i))
			answers := []Answer{has(cellA, 0, 1000.125*float64(i+j+1)/7)}
			s.AddTick(r, answers)
			if slot {
				s.AddSlot(r, answers)
			}
		}
	}
}

func TestATickChangesTheHeadAndTheRingAndASlotFewPagesMore(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	for at := int64(noon); at < noon+2*hourSeconds; at += 300 {
		fleet(l, 20, 1, at, true)
	}
	first := store.save(t, l)
	shards := map[int]bool{}
	for _, p := range first {
		shards[p.Shard] = true
	}
	kinds := func(pages []Page) map[string]int {
		n := map[string]int{}
		for _, p := range pages {
			if p.Data != nil { // else its time has passed
				n[p.Name]++
			}
		}
		return n
	}
	at := int64(noon + 2*hourSeconds + 600)
	fleet(l, 20, 1, at-60, false)
	assert.Equal(t, map[string]int{
		"head": len(shards), fmt.Sprint("ring/", noon+2*hourSeconds+900): len(shards),
	}, kinds(store.save(t, l)))

	fleet(l, 20, 1, at, true)
	dayEnd := ceilTo(at, daySeconds)
	got := kinds(store.save(t, l))
	assert.Equal(t, map[string]int{
		"head": len(shards), fmt.Sprint("ring/", noon+2*hourSeconds+900): len(shards),
		fmt.Sprint("slots/", noon+2*hourSeconds): len(shards), // what may be asked again has moved on from it
		fmt.Sprint("slots/", noon+3*hourSeconds): len(shards),
		fmt.Sprint("hours/", dayEnd):             len(shards),
	}, got)

	l.Series(fmt.Sprintf("%064x", 0), "team-1/service-1").AddTick(&Round{Time: at + 60}, []Answer{has(cellA, 0, 1)})
	assert.Len(t, store.save(t, l), 2, "one service is in one shard")
	assert.Empty(t, l.Pages())
	l.Pages()
	assert.Empty(t, l.Pages(), "nothing came in")
}

func TestWhatIsTooOldLeavesTheStoreOnce(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	for at := int64(noon); at < noon+7200; at += 300 {
		fleet(l, 1, 1, at, true)
	}
	store.save(t, l)
	before := len(store)
	require.Greater(t, before, 6)
	fleet(l, 1, 1, noon+40*daySeconds, true)
	gone := 0
	for _, p := range store.save(t, l) {
		if p.Data == nil {
			gone++
			assert.Empty(t, p.Version)
		}
	}
	assert.Equal(t, before-1, gone, "all but the head")
	assert.Len(t, store, 4)
	s := l.Series(fmt.Sprintf("%064x", 0), "team-0/service-0")
	assert.Equal(t, 1, s.Facts(noon+40*daySeconds, 0, nil).Measured)
	assert.Equal(t, Measured, s.AddSlot(&Round{Time: noon}, []Answer{has(cellA, 0, 1)}), "it is passed over")
	for _, p := range store.save(t, l) {
		assert.Equal(t, "head", p.Name)
	}
}

func TestHoursOfCellsLeaveTheirPageAfterAWeek(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	s := l.Series("sli", "shop/cart")
	enter := func(at int64) {
		tick(s, at, nil, has(cellA, 1, 75.3), has(cellB, 1, 25))
	}
	dayEnd := ceilTo(noon, daySeconds)
	key := PageKey{ShardOf("shop/cart"), hoursPage(dayEnd).String()}
	enter(dayEnd)
	store.save(t, l)
	enter(dayEnd + 7*daySeconds)
	store.save(t, l)
	full := store[key]
	enter(dayEnd + 7*daySeconds + 300)
	store.save(t, l)
	assert.Less(t, len(store[key].Data), len(full.Data))
	assert.InDelta(t, 300.9, s.Sum(30*day, dayEnd+7*daySeconds+300).Counts.Total, 1e-6)
}

func TestACellThatIsForgottenLeavesItsPages(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	s := l.Series("sli", "shop/cart")
	midnight := ceilTo(noon, daySeconds)
	tick(s, midnight+300, nil, has(cellA, 1, 75.3), has(cellB, 1, 25))
	for at := midnight + hourSeconds; at <= midnight+7*daySeconds+2*hourSeconds; at += hourSeconds {
		tick(s, at, nil, has(cellA, 1, 75.3))
		store.save(t, l)
	}
	require.Len(t, s.cells, 1)
	require.NotNil(t, s.cells[0].day(midnight+daySeconds), "the day in which both were seen still has its hours of cells")
	loaded := NewLedger(time.Minute)
	store.restore(t, loaded, rand.New(rand.NewPCG(1, 1)))
	assert.Len(t, loaded.Series("sli", "shop/cart").cells, 1)
	requireSame(t, l, loaded, midnight+7*daySeconds+2*hourSeconds)
}

func TestAStoreThatLostEverythingIsGivenEverything(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	p := newPlayed(5, l)
	for range 6 {
		require.NoError(t, p.play())
	}
	store.save(t, l)
	require.Empty(t, l.Pages())
	l.Unsave()
	assert.Empty(t, l.Versions())
	again := shelf{}
	again.save(t, l)
	assert.Equal(t, store, again)
	assert.Len(t, l.Versions(), len(store))
	versions := l.Versions()
	clear(versions)
	assert.Len(t, l.Versions(), len(store), "the map is the caller's")
}

func TestWhatComesInWhileAStoreIsSavingIsSavedNext(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	fleet(l, 3, 1, noon, true)
	pages := l.Pages()
	fleet(l, 3, 1, noon+60, false)
	for _, p := range pages {
		store[p.PageKey] = p
	}
	l.Saved(pages)
	store.save(t, l)
	loaded := NewLedger(time.Minute)
	store.restore(t, loaded, rand.New(rand.NewPCG(1, 1)))
	requireSame(t, l, loaded, noon+60)
}

func TestASeriesWithNothingComesBackAsItsName(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	l.Series("sli", "shop/idle")
	assert.True(t, l.Has("sli", "shop/idle"))
	assert.False(t, l.Has("sli", "shop/other"))
	assert.False(t, l.Has("other", "shop/idle"))
	store.save(t, l)
	loaded := NewLedger(time.Minute)
	store.restore(t, loaded, rand.New(rand.NewPCG(1, 1)))
	assert.True(t, loaded.Has("sli", "shop/idle"))
	assert.False(t, loaded.Has("sli", "shop/other"))

	loaded.Series("sli", "shop/new")
	changed := store.save(t, loaded)
	require.Len(t, changed, 1)
	assert.Equal(t, PageKey{ShardOf("shop/new"), "head"}, changed[0].PageKey)
}

func TestASeriesThatTheHeadInTheStoreLacksIsStillToBeSaved(t *testing.T) {
	l, store := NewLedger(time.Minute), shelf{}
	services := sameShard(3)
	l.Series("sli", services[0])
	l.Series("sli", services[1])
	store.save(t, l)
	starting := NewLedger(time.Minute)
	starting.Series("sli", services[0])
	starting.Series("sli", services[2])
	store.restore(t, starting, rand.New(rand.NewPCG(1, 1)))
	require.Len(t, store.save(t, starting), 1)
	after := NewLedger(time.Minute)
	store.restore(t, after, rand.New(rand.NewPCG(1, 1)))
	for _, service := range services {
		assert.True(t, after.Has("sli", service))
	}
}

func TestWhatIsNoLongerWantedLeavesItsPages(t *testing.T) {
	services := sameShard(2)
	build := func(keep bool) *Ledger {
		l := NewLedger(time.Minute)
		for at := int64(noon); at < noon+4*daySeconds; at += 300 {
			for i, service := range services {
				for j, sli := range playedSLIs {
					if keep || i == 0 && j == 0 {
						tick(l.Series(sli, service), at, nil, has(cellA, 1, 75.3), has(cellB, 1, 25))
					}
				}
			}
		}
		return l
	}
	l, store := build(true), shelf{}
	store.save(t, l)
	dropped := l.Series(playedSLIs[0], services[1])
	l.KeepServices(func(service string) bool { return service == services[0] })
	l.Keep(func(sli string) bool { return sli == playedSLIs[0] })
	assert.True(t, l.Has(playedSLIs[0], services[0]))
	assert.False(t, l.Has(playedSLIs[0], services[1]))
	assert.False(t, l.Has(playedSLIs[1], services[0]))
	store.save(t, l)

	alone := shelf{}
	alone.save(t, build(false))
	assert.Equal(t, alone, store)
	tick(dropped, noon+5*daySeconds, nil, has(cellA, 1, 75.3))
	assert.Empty(t, l.Pages(), "what was dropped changes nothing any more")
}

func TestAnswersOfAnotherIntervalAreTakenWhereTheyFit(t *testing.T) {
	store := shelf{}
	l := NewLedger(30 * time.Second)
	s := l.Series("sli", "shop/cart")
	for at := int64(noon); at <= noon+hourSeconds; at += 30 {
		s.AddTick(&Round{Time: at}, row(Counts{0, float64(at - noon + 1)}))
	}
	store.save(t, l)
	for _, interval := range []time.Duration{15 * time.Second, time.Minute, 100 * time.Second, 5 * time.Minute} {
		loaded := NewLedger(interval)
		store.restore(t, loaded, rand.New(rand.NewPCG(1, 1)))
		got := loaded.Series("sli", "shop/cart")
		assert.Equal(t, s.Sum(window1h, noon+hourSeconds), got.Sum(window1h, noon+hourSeconds))
		for tick := int64(noon); tick <= noon+hourSeconds; tick += 10 {
			_, stored := s.ring.get(tick)
			_, has := got.ring.get(tick)
			assert.Equal(t, stored && tick%30 == 0 && tick%int64(interval/time.Second) == 0, has && tick%int64(interval/time.Second) == 0, "%d", tick-noon)
		}
		for _, p := range loaded.Pages() {
			assert.Contains(t, p.Name, "ring/", "they are written anew")
		}
		assert.NotEmpty(t, loaded.Pages())
	}
}
