package collector

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/grader"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

const (
	minute = 60.0
	hour   = 3600.0
)

// web is a target that is scraped every 15s, from the beginning, of a process
// that began long before, and that serves a request a second.
func web(bad ...float64) target {
	return target{
		service: "playlist", instance: "10.0.0.1:80", every: 15, phase: 4,
		lives: []life{{began: -1e6, good: steadily(0, 8*hour, 1), bad: bad}},
	}
}

// birthCase is a world of 8 hours, and the errors that are to be found in it.
type birthCase struct {
	world     scraped
	bad, born float64
	dropped   float64
	slack     float64 // of bad: increases are extrapolated
}

func one(x target) scraped { return scraped{targets: []target{x}, end: 8 * hour} }

// shortly after a slot has begun, 5h into the world; scrapes are at 4s, 19s, …
const then = 5*hour + 62

func positiveBirths() map[string]birthCase {
	restarted := web()
	restarted.lives = []life{
		{began: -1e6, ended: 3 * hour, good: steadily(0, 3*hour, 1), bad: append(times(3, 2*hour+70), times(4, 2*hour+22*minute)...)},
		{began: 3*hour + 2, good: steadily(3*hour, 8*hour, 1), bad: times(2, then)},
	}
	pod := target{
		service: "playlist", instance: "10.0.0.2:80", every: 15, phase: 9, known: then,
		lives: []life{{began: then - 5, good: steadily(then, 8*hour, 1), bad: times(3, then-1)}},
	}
	zeroed := web(times(4, then)...)
	zeroed.zeroed = true
	return map[string]birthCase{
		"a lone error":                              {world: one(web(then)), bad: 1, born: 1},
		"many at once, and no more":                 {world: one(web(times(5, then)...)), bad: 5, born: 5},
		"the last scrape of a slot":                 {world: one(web(5*hour + 285)), bad: 1, born: 1},
		"on the border of two slots":                {world: one(web(5*hour - 1)), bad: 1, born: 1},
		"a series that goes on":                     {world: one(web(append(times(5, then), steadily(then+60, 7*hour, 0.1)...)...)), bad: 699, born: 5, slack: 5},
		"reborn after a restart":                    {world: one(restarted), bad: 9, born: 5, slack: 0.3},
		"a process that began in the slot":          {world: scraped{targets: []target{web(), pod}, end: 8 * hour}, bad: 3, born: 3},
		"a counter that began at 0 needs no birth":  {world: one(zeroed), bad: 4, slack: 0.5},
		"more than a thousand among as many others": {world: one(web(append(times(2000, then), steadily(then+20, then+200, 5)...)...)), bad: 2900, born: 2000, slack: 150},
	}
}

// falseBirths are the traps: counters that are seen for the first time, but are
// not new.
func falseBirths() map[string]birthCase {
	old := target{
		service: "playlist", instance: "10.0.0.2:80", every: 15, phase: 9, known: then,
		lives: []life{{began: -1e6, good: steadily(0, 8*hour, 1), bad: times(900, -hour)}},
	}
	gap := web(times(900, -hour)...)
	away := one(gap)
	away.gaps = [][2]float64{{4*hour + 100, 4*hour + 100 + 70*minute}}
	short := one(gap)
	short.gaps = [][2]float64{{4*hour + 100, 4*hour + 100 + 7*minute}}
	blip := web(times(900, -hour)...)
	blip.blips = [][2]float64{{5*hour - 20, 5*hour + 10}}
	recovered := blip
	recovered.lives = []life{
		{began: -1e6, ended: 5*hour + 150, good: steadily(0, 5*hour, 1), bad: times(900, -hour)},
		{began: 5*hour + 152, good: steadily(5*hour+152, 8*hour, 1)},
	}
	pushed := web(then)
	pushed.noUp = true
	aggregated := web(then)
	aggregated.noInstance = true
	late := web(times(5000, -hour)...)
	late.hidden = then
	began := target{
		service: "playlist", instance: "10.0.0.2:80", every: 15, phase: 9, known: 21 * minute,
		lives: []life{{began: 21*minute - 5, good: steadily(21*minute, 8*hour, 1), bad: times(3, 21*minute-1)}},
	}
	job := began
	job.known, job.noUp = then, true
	job.lives = []life{{began: then - 5, good: steadily(then, 8*hour, 1), bad: times(3, then-1)}}
	return map[string]birthCase{
		"an old process that is newly scraped":                     {world: scraped{targets: []target{web(), old}, end: 8 * hour}},
		"nothing was scraped for 70 minutes":                       {world: away},
		"nothing was scraped for 7 minutes":                        {world: short},
		"the scrape before the slot failed":                        {world: one(blip)},
		"the scrape before the slot failed, and a restart follows": {world: one(recovered)},
		"the first hour":                           {world: one(web(30 * minute))},
		"a process that began in the first hour":   {world: scraped{targets: []target{web(), began}, end: 8 * hour}},
		"what was pushed":                          {world: one(pushed)},
		"what was pushed by a new process":         {world: scraped{targets: []target{web(), job}, end: 8 * hour}},
		"what has no instance":                     {world: one(aggregated)},
		"a large counter that was left out before": {world: one(late), dropped: 1},
	}
}

func TestErrorsThatSeriesAreBornWithAreCounted(t *testing.T) {
	for name, c := range positiveBirths() {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestWhatIsSeenForTheFirstTimeIsNotBorn(t *testing.T) {
	for name, c := range falseBirths() {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

// check asks about the world afterwards, and while it goes on.
func (c birthCase) check(t *testing.T) {
	url := c.world.serve(t)
	evaluated := evaluateScraped(t, url, c.world.end, "playlist")[0]
	require.InDelta(t, c.born, evaluated.Born, 1e-6, "afterwards")
	require.InDelta(t, c.bad, evaluated.Bad, c.slack+1e-6, "afterwards")

	reg := prometheus.NewRegistry()
	o := scrapedOptions(t, url, "playlist")
	o.Registerer = reg
	live := newLive(o)
	for at := 0.0; at <= c.world.end; at += minute {
		live.tick(t, noon().Add(time.Duration(at)*time.Second))
	}
	w := live.series(0).Sum(7*24*time.Hour, noon().Unix()+int64(c.world.end))
	require.InDelta(t, c.born, w.Born, 1e-6, "live")
	require.InDelta(t, c.bad, w.Counts.Bad, c.slack+1e-6, "live")
	require.InDelta(t, evaluated.Total, w.Counts.Total, 1e-6*w.Counts.Total)
	require.InDelta(t, c.dropped, testutil.ToFloat64(live.metrics.birthsDropped.WithLabelValues("eu")), 0)
}

func scrapedOptions(t testing.TB, url string, services ...string) Options {
	return Options{
		Plan:    spec{Rubrics: fixture.Availability, Services: fixture.Named(services...)}.plan(t),
		Sources: []gather.Source{{Name: "eu", Client: fixture.Client(t, url)}},
	}
}

// evaluateScraped returns the budgets of services as of a time of the world.
func evaluateScraped(t testing.TB, url string, at float64, services ...string) []*scorecard.Budget {
	t.Helper()
	tick := noon().Add(time.Duration(at) * time.Second)
	e, err := Evaluate(t.Context(), scrapedOptions(t, url, services...), tick, tick)
	require.NoError(t, err)
	require.Empty(t, e.Faults)
	budgets := make([]*scorecard.Budget, len(services))
	for i, s := range services {
		budgets[i] = fixture.Result(t, e.Scorecards, s, "availability").Budget
		require.NotNil(t, budgets[i])
	}
	return budgets
}

// deaf fails whoever asks about births, unless it hears.
type deaf struct {
	gather.Prometheus
	hears *atomic.Bool // nil: never
}

func (d deaf) deafTo(expr string) bool {
	return strings.Contains(expr, " unless ") && (d.hears == nil || !d.hears.Load())
}

func (d deaf) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	if d.deafTo(q.Expr) {
		return promapi.Report{}, errors.New("births time out")
	}
	return d.Prometheus.Query(ctx, q, sink)
}

func (d deaf) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	if d.deafTo(q.Expr) {
		return promapi.Report{}, errors.New("births time out")
	}
	return d.Prometheus.QueryRange(ctx, q, sink)
}

func TestAnEvaluationWithoutBirthsSaysSo(t *testing.T) {
	world := one(web(then))
	o := scrapedOptions(t, world.serve(t), "playlist")
	o.Sources[0].Client = deaf{Prometheus: o.Sources[0].Client}
	tick := noon().Add(8 * time.Hour)
	e, err := Evaluate(t.Context(), o, tick, tick)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"eu": {"births time out"}}, e.Faults)
	b := fixture.Result(t, e.Scorecards, "playlist", "availability").Budget
	require.InDelta(t, 0, b.Bad, 0)
	require.InDelta(t, 8*hour, b.Total, 60, "the counts stand")
}

func TestBirthsThatWereNotToldAreAskedForAgain(t *testing.T) {
	world := one(web(then))
	o := scrapedOptions(t, world.serve(t), "playlist")
	var hears atomic.Bool
	o.Sources[0].Client = deaf{o.Sources[0].Client, &hears}
	live := newLive(o)
	born := func() float64 { return live.series(0).Sum(7*24*time.Hour, noon().Unix()+6*hour).Born }
	// The slot of then ends at 5h05m and is asked about births 10 minutes later.
	for at := 4 * hour; at <= 5*hour+20*minute; at += minute {
		hears.Store(at > 5*hour+15*minute)
		require.Zero(t, born())
		live.tick(t, noon().Add(time.Duration(at)*time.Second))
	}
	require.InDelta(t, 1, born(), 1e-6)
}

// live is a collector that is driven tick by tick, and asked again about slots
// as while it runs.
type live struct{ *Collector }

func newLive(o Options) live {
	c := New(o)
	c.grader = grader.New(c.graderOptions())
	c.grader.Use(c.ledger, nil)
	return live{c}
}

func (l live) series(service int) *slo.Series {
	p := l.o.Plan
	return l.ledger.Series(p.SLIs[0].Hash, p.Services[service].ID.String())
}

func (l live) tick(t *testing.T, at time.Time) {
	t.Helper()
	g := gathered{time: at, blocks: l.gatherer.Range(t.Context(), question.Instant(at.Unix()), nil)[0]}
	l.enter(g)
	if !question.IsBoundary(at) {
		return
	}
	l.askAgain(t.Context(), g)
	answered := make(chan struct{})
	go func() {
		l.running.Wait()
		close(answered)
	}()
	for {
		select {
		case slot := <-l.slots:
			l.slot(slot)
		case <-answered:
			return
		}
	}
}
