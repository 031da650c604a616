package collector

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// second starts another process at the same store and sources.
func (e *engine) second(t *testing.T, f spec, o Options, sources ...gather.Source) *engine {
	t.Helper()
	synctest.Wait() // the first has begun
	o.Store, o.Owner = e.store.client(), "another"
	two := newEngine(t, f, o, sources...)
	two.midnight = e.midnight
	two.run(t)
	return two
}

// startPair starts one that grades, and then one that stands by.
func startPair(t *testing.T) (e, two *engine) {
	t.Helper()
	services := fixture.Named("playlist")
	prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
	f := spec{Rubrics: fixture.Availability, Services: services}
	e = start(t, f, Options{}, source("eu", prom))
	two = e.second(t, f, Options{}, source("eu", prom))
	return e, two
}

// kill ends a process that has no time to say so.
func (e *engine) kill() {
	e.store.setFail(errors.New("killed"))
	e.stop()
}

// longAgo returns what a source was asked about a time of which nothing should
// be left to ask: only ticks that are missing, and slots of which data may have
// come late, are asked about anew.
func longAgo(p *fixture.Prometheus) []fixture.Asking {
	return slices.DeleteFunc(p.Askings(), func(a fixture.Asking) bool { return a.When.Sub(a.At) < 30*time.Minute })
}

func TestOneThatStandsByTakesOverWhenTheGraderIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom, spare := &fixture.Prometheus{Answer: wavyTraffic(services)}, &fixture.Prometheus{Answer: wavyTraffic(services)}
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", prom))
		e.until(5 * time.Minute)
		two := e.second(t, f, Options{}, source("eu", spare))
		defer two.stop()
		e.until(20*time.Minute + 31*time.Second)
		require.Empty(t, spare.Askings())
		require.Zero(t, testutil.ToFloat64(two.metrics.leader))
		e.kill()
		killed := time.Now()
		for testutil.ToFloat64(two.metrics.leader) == 0 {
			<-time.After(100 * time.Millisecond)
		}
		require.LessOrEqual(t, time.Since(killed), leaseTTL+leasePoll+time.Second)
		e.until(30 * time.Minute)
		ticks := e.store.ticks()
		for i, tick := range ticks {
			require.Equal(t, ticks[0].Add(time.Duration(i)*time.Minute), tick, "no tick is lost")
		}
		require.Equal(t, e.at(29*time.Minute), ticks[len(ticks)-1])
		require.Empty(t, longAgo(spare), "nothing of the past is asked again")
		for _, c := range e.store.all()[1:] {
			require.Empty(t, c.Changes)
		}
		require.InDelta(t, 1, testutil.ToFloat64(two.metrics.takeovers), 0)
	})
}

// TestWhoGradedWithoutTheStoreHandsInItsTicks has the store away for longer than
// a lease lasts, for both graders alike.
func TestWhoGradedWithoutTheStoreHandsInItsTicks(t *testing.T) {
	for _, killed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e, two := startPair(t)
			defer two.stop()
			e.until(10*time.Minute + 50*time.Second)
			away := errors.New("connection refused")
			e.store.setFail(away)
			two.store.setFail(away)
			e.until(15*time.Minute + 51*time.Second)
			before := len(e.store.all())
			two.store.setFail(nil)
			if killed {
				e.kill()
				<-time.After(leaseTTL + 3*leasePoll)
				synctest.Wait()
				require.Equal(t, "another", two.keeper.held.Load().Owner, "nobody is waited for twice")
				return
			}
			defer e.stop()
			<-time.After(heartbeat) // the first to be back is not the one that graded
			e.store.setFail(nil)
			e.until(18 * time.Minute)
			require.NotNil(t, e.keeper.held.Load(), "it is let go on")
			require.Nil(t, two.keeper.held.Load())
			after := e.store.all()[before:]
			require.Len(t, after, 2)
			require.Len(t, after[0].Backlog, 5, "what was graded meanwhile goes into history")
			require.Equal(t, e.at(16*time.Minute), after[0].Snapshot.Tick)
		})
	}
}

func TestAReleasedLeaseIsTakenWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, two := startPair(t)
		defer two.stop()
		e.until(5*time.Minute + 45*time.Second)
		e.stop()
		<-time.After(leasePoll + time.Second)
		synctest.Wait()
		require.Equal(t, "another", two.keeper.held.Load().Owner)
	})
}

func TestAGraderThatWasPausedStandsByAndCommitsNothing(t *testing.T) {
	for _, at := range []time.Duration{20 * time.Second, 30*time.Second - time.Millisecond, 59 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			e, two := startPair(t)
			defer e.stop()
			defer two.stop()
			e.until(5*time.Minute + at)
			resumed := time.Now().Add(time.Minute)
			e.store.set(func() { e.store.paused = resumed })
			e.until(12 * time.Minute)
			require.Nil(t, e.keeper.held.Load())
			require.Equal(t, "another", two.keeper.held.Load().Owner)
			e.store.set(func() {
				for i, c := range e.store.commits {
					if e.store.times[i].After(resumed.Add(-time.Minute)) {
						require.Equal(t, "another", c.Owner)
					}
				}
			})
			require.Equal(t, e.at(11*time.Minute), e.store.newest().Tick)
		})
	}
}

func TestALeaseThatTheStoreForgotIsGotBackWithoutStartingAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		e := start(t, spec{Rubrics: fixture.Availability, Services: services}, Options{}, source("eu", prom))
		defer e.stop()
		e.until(20 * time.Minute)
		asked := len(prom.Askings())
		pages := len(e.store.held())
		e.store.restartEmpty()
		e.until(22 * time.Minute)
		require.Equal(t, e.at(21*time.Minute), e.store.newest().Tick)
		require.LessOrEqual(t, len(prom.Askings())-asked, 2*2+4, "only about the new ticks, and slots again")
		require.GreaterOrEqual(t, len(e.store.held()), pages, "the ledger is handed over whole")
		require.Empty(t, e.store.all()[len(e.store.all())-2].Changes, "a loss of the store's is no change of a service")
		require.InDelta(t, 1, testutil.ToFloat64(e.metrics.takeovers), 0)
		require.InDelta(t, 1, testutil.ToFloat64(e.metrics.commits.WithLabelValues("forgotten")), 0)
		require.Zero(t, testutil.ToFloat64(e.metrics.commits.WithLabelValues("error")))
	})
}

func TestAnEmptyStoreIsFilledFromOneThatStoodBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom, spare := &fixture.Prometheus{Answer: wavyTraffic(services)}, &fixture.Prometheus{Answer: wavyTraffic(services)}
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", prom))
		e.until(5 * time.Minute)
		two := e.second(t, f, Options{}, source("eu", spare))
		defer two.stop()
		e.until(20*time.Minute + 45*time.Second)
		pages := len(e.store.held())
		e.kill()
		e.store.restartEmpty()
		e.until(25 * time.Minute)
		require.GreaterOrEqual(t, len(e.store.held()), pages)
		require.Equal(t, e.at(24*time.Minute), e.store.newest().Tick)
		require.InDelta(t, 1, fixture.Result(t, e.store.newest().Scorecards, "playlist", "availability").Budget.Covered, 0.001)
		require.Empty(t, longAgo(spare), "the ledger was warm")
	})
}

func TestAGraderThatLostItsLeaseInBetweenTakesOverWhatTheOtherLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", prom))
		defer e.stop()
		e.until(10*time.Minute + 31*time.Second)
		// While this one hears nothing, another gets the lease, commits a tick and ends.
		e.store.set(func() { e.store.paused = e.at(11*time.Minute + 50*time.Second) })
		e.store.give("")
		two := e.second(t, f, Options{}, source("eu", prom))
		e.until(11*time.Minute + 45*time.Second)
		two.stop()
		require.Equal(t, e.at(11*time.Minute), e.store.newest().Tick)
		require.Equal(t, "another", e.store.all()[len(e.store.all())-1].Owner)
		e.until(13 * time.Minute)
		require.Equal(t, e.at(12*time.Minute), e.store.newest().Tick)
		require.InDelta(t, 2, testutil.ToFloat64(e.metrics.takeovers), 0)
	})
}

func TestALongTickDoesNotLoseTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := newEngine(t, f, Options{}, source("eu", prom))
		e.judging(func(in scorecard.Input) (*scorecard.Scorecard, *scorecard.State) {
			<-time.After(40 * time.Second)
			return scorecard.Grade(in)
		})
		e.run(t)
		defer e.stop()
		two := e.second(t, f, Options{}, source("eu", prom))
		defer two.stop()
		e.until(10 * time.Minute)
		for _, c := range e.store.all() {
			require.Equal(t, "me", c.Owner)
		}
		require.GreaterOrEqual(t, len(e.store.ticks()), 9)
	})
}

func TestTheEndOfOneThatStandsByIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, two := startPair(t)
		defer e.stop()
		e.until(3 * time.Minute)
		began := time.Now()
		two.stop()
		require.Less(t, time.Since(began), time.Second)
		holder, _ := e.store.lease()
		require.Equal(t, "me", holder)
	})
}

func TestPagesThatCannotBeReadAreAskedForAgainAndNothingElse(t *testing.T) {
	for _, kind := range []string{"", "hours", "slots"} {
		synctest.Test(t, func(t *testing.T) {
			services := fixture.Numbered(40)
			prom := &fixture.Prometheus{Answer: wavyTraffic(services)}
			f := spec{Rubrics: fixture.Availability, Services: services}
			e := start(t, f, Options{}, source("eu", prom))
			e.until(30 * time.Minute)
			e.stop()
			broken := slo.ShardOf("default/service-0000")
			e.store.set(func() {
				for key, p := range e.store.pages {
					if key.Shard == broken && key != agenda.PageKey() && strings.HasPrefix(key.Name, kind) {
						p.Data = append([]byte{99}, p.Data...)
						e.store.pages[key] = p
					}
				}
			})
			spare := &fixture.Prometheus{Answer: wavyTraffic(services)}
			two := e.second(t, f, Options{}, source("eu", spare))
			defer two.stop()
			e.until(50 * time.Minute)
			require.NotZero(t, testutil.ToFloat64(two.metrics.pageErrors))
			slots := 0
			for _, a := range longAgo(spare) {
				require.Contains(t, a.Expr, "service-0000")
				require.NotContains(t, a.Expr, "service-0001")
				slots += a.Points
			}
			require.NotZero(t, slots)
			for _, name := range []string{"service-0000", "service-0001"} {
				require.InDelta(t, 1, fixture.Result(t, e.store.newest().Scorecards, name, "availability").Budget.Covered, 0.001)
			}
			require.Zero(t, testutil.ToFloat64(two.metrics.backfillLeft))
			for key, p := range e.store.held() {
				if key.Shard == broken {
					require.NotEqual(t, byte(99), p.Data[0], "%s is written anew", key.Name)
				}
			}
		})
	}
}

func TestAStoreThatLostSomePagesIsFilledAnewFromTheSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		e.until(30 * time.Minute)
		e.stop()
		e.store.set(func() {
			for key := range e.store.pages {
				if key != agenda.PageKey() {
					delete(e.store.pages, key)
				}
			}
		})
		client := e.store.client()
		client.gaps = true
		next := newEngine(t, f, Options{Store: client}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		next.midnight = e.midnight
		next.run(t)
		defer next.stop()
		e.until(50 * time.Minute)
		require.InDelta(t, 1, testutil.ToFloat64(next.metrics.pageErrors), 0)
		w := next.window(49*time.Minute, 7*24*time.Hour)
		require.Equal(t, w.Expected, w.Measured)
		require.GreaterOrEqual(t, w.Measured, 7*288)
	})
}

func TestAPageThatIsMendedBeforeATakeoverIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Named("playlist")
		f := spec{Rubrics: fixture.Availability, Services: services}
		e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: wavyTraffic(services)}))
		e.until(10 * time.Minute)
		spare := &fixture.Prometheus{Answer: wavyTraffic(services)}
		two := e.second(t, f, Options{}, source("eu", spare))
		defer two.stop()
		e.until(20*time.Minute + 20*time.Second)
		e.store.set(func() {
			for key, p := range e.store.pages {
				if key.Name == "head" {
					p.Version, p.Data = "another", []byte{99}
					e.store.pages[key] = p
				}
			}
			again := *e.store.snapshot
			again.Generation++
			e.store.snapshot = &again
		})
		e.until(20*time.Minute + 25*time.Second)
		require.NotZero(t, testutil.ToFloat64(two.metrics.pageErrors))
		e.until(25*time.Minute + 45*time.Second) // the grader writes it anew with every tick
		e.kill()
		e.until(40 * time.Minute)
		require.Equal(t, e.at(39*time.Minute), e.store.newest().Tick)
		require.Empty(t, longAgo(spare))
	})
}
