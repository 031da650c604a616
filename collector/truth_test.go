package collector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

// generator makes worlds at random and knows every event in them.
type generator struct {
	*rand.Rand
	world scraped
	truth map[string]*truth
}

// truth is how many events there were while a service was scraped.
type truth struct{ bad, total float64 }

// history is how the processes of a service live and fail.
type history struct {
	service      string
	pods         int
	life         float64 // how long a process lives, on average; 0: for ever
	replaced     bool    // a process that ends is followed at another address, and not at its own
	good, bad    float64 // events a second
	loneErrors   int     // of each life
	zeroed       bool
	failsScrapes float64 // share of scrapes
}

func newGenerator(seed uint64, hours float64) *generator {
	return &generator{rand.New(rand.NewPCG(seed, 77)), scraped{end: hours * hour}, map[string]*truth{}}
}

// poisson returns times at random.
func (g *generator) poisson(from, to, perSecond float64) []float64 {
	var events []float64
	if perSecond <= 0 {
		return nil
	}
	for at := from + g.ExpFloat64()/perSecond; at < to; at += g.ExpFloat64() / perSecond {
		events = append(events, at)
	}
	return events
}

// quiet is the first time of errors: nothing is known to be born in the first
// hour.
const quiet = hour + 5*minute

func (g *generator) lived(h history, from, to float64) life {
	l := life{began: from, ended: to, good: g.poisson(from, to, h.good), bad: g.poisson(max(from, quiet), to, h.bad)}
	for range h.loneErrors {
		if at := from + g.Float64()*(to-from); at > quiet {
			l.bad = append(l.bad, at)
		}
	}
	slices.Sort(l.bad)
	return l
}

func (g *generator) add(h history, every float64) {
	for pod := range h.pods {
		x := target{service: h.service, instance: fmt.Sprint(h.service, pod), every: every, phase: g.Float64() * every, zeroed: h.zeroed}
		for at := every; h.failsScrapes > 0 && at < g.world.end; at += every {
			if g.Float64() < h.failsScrapes {
				x.blips = append(x.blips, [2]float64{at, at + every*g.Float64()*2})
			}
		}
		for from, n := -1e5*g.Float64(), 0; from < g.world.end; n++ {
			to := g.world.end + 1
			if h.life > 0 {
				to = max(from, 0) + h.life*(0.5+g.Float64())
			}
			l := g.lived(h, from, to)
			if h.replaced {
				y := x
				y.instance, y.known, y.gone, y.lives = fmt.Sprint(x.instance, "-", n), from, to, []life{l}
				g.world.targets = append(g.world.targets, y)
			} else {
				x.lives = append(x.lives, l)
			}
			from = to + 1 + 20*g.Float64()
		}
		if !h.replaced {
			g.world.targets = append(g.world.targets, x)
		}
	}
}

// count finds the truth: what happened while Prometheus was away is not asked of
// anybody.
func (g *generator) count() {
	for i := range g.world.targets {
		x := &g.world.targets[i]
		sum := g.truth[x.service]
		if sum == nil {
			sum = &truth{}
			g.truth[x.service] = sum
		}
		away := func(at float64) bool { return at < 0 || at > g.world.end || during(g.world.gaps, at) }
		for _, l := range x.lives {
			bad := float64(len(l.bad)) - float64(len(slices.DeleteFunc(slices.Clone(l.bad), func(at float64) bool { return !away(at) })))
			good := float64(len(l.good)) - float64(len(slices.DeleteFunc(slices.Clone(l.good), func(at float64) bool { return !away(at) })))
			sum.bad += bad
			sum.total += bad + good
		}
	}
}

// within requires a budget to be within 1 % of the truth, and its errors within
// 5 %.
func (r truth) within(t *testing.T, service string, b *scorecard.Budget) {
	t.Helper()
	remaining := 1 - r.bad/((1-b.Objective)*r.total)
	t.Logf("%-10s truth %5.0f bad of %8.0f, found %8.1f (%5.1f %%) of %10.1f, without births %5.1f %%; budget left %.4f, found %.4f",
		service, r.bad, r.total, b.Bad, 100*b.Bad/r.bad, b.Total, 100*(b.Bad-b.Born)/r.bad, remaining, *b.Remaining)
	require.InDelta(t, remaining, *b.Remaining, 0.01, service)
	require.InDelta(t, 1, b.Bad/r.bad, 0.05, service)
	require.InDelta(t, 1, b.Total/r.total, 0.02, service)
}

// TestBudgetsAreWhatTheEventsSay leaves out what no query can tell: that a
// process at the same address began anew within a slot, and counted to where the
// old one had been.
func TestBudgetsAreWhatTheEventsSay(t *testing.T) {
	services := []string{"bursts", "lone", "pods", "rare", "steady"}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := newGenerator(seed, 30)
			g.add(history{service: "lone", pods: 30, life: 5 * hour, good: 0.1, loneErrors: 1}, 30)
			g.add(history{service: "pods", pods: 15, life: 1.5 * hour, replaced: true, good: 0.2, loneErrors: 1}, 15)
			g.add(history{service: "rare", pods: 5, life: 5 * hour, good: 2, bad: 0.002, failsScrapes: 0.01}, 15)
			g.add(history{service: "steady", pods: 3, good: 2, bad: 0.01, zeroed: true}, 30)
			g.add(history{service: "bursts", pods: 8, life: hour, replaced: seed%2 == 0, good: 0.5, loneErrors: 4}, 15)
			for range 1 + g.IntN(2) {
				from := (2 + 26*g.Float64()) * hour
				g.world.gaps = append(g.world.gaps, [2]float64{from, from + (5+65*g.Float64())*minute})
			}
			g.count()
			budgets := evaluateScraped(t, g.world.serve(t), g.world.end, services...)
			for i, service := range services {
				g.truth[service].within(t, service, budgets[i])
			}
		})
	}
}

func TestABudgetOfThirtyDaysIsWhatTheEventsSay(t *testing.T) {
	g := newGenerator(30, 30*24)
	g.add(history{service: "lone", pods: 3, life: 4 * hour, replaced: true, good: 0.02, loneErrors: 1, failsScrapes: 0.002}, 60)
	for range 5 {
		from := (2 + 700*g.Float64()) * hour
		g.world.gaps = append(g.world.gaps, [2]float64{from, from + 70*minute})
	}
	g.count()
	o := scrapedOptions(t, g.world.serve(t), "lone")
	o.Plan = spec{
		Rubrics: strings.Replace(fixture.Availability, "period: 7d", "period: 30d", 1), Services: fixture.Named("lone"),
	}.plan(t)
	tick := noon().Add(time.Duration(g.world.end) * time.Second)
	e, err := Evaluate(t.Context(), o, tick, tick)
	require.NoError(t, err)
	g.truth["lone"].within(t, "lone", fixture.Result(t, e.Scorecards, "lone", "availability").Budget)
}
