package app_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// The synthetic world of the end-to-end tests: services whose counters grow
// linearly, so that what every window must hold is known in closed form.

const (
	worldPast   = 26 * time.Hour   // of history before the present
	worldFuture = 40 * time.Minute // beyond it, for what runs live
	scrapeEvery = 30 * time.Second
	scrapePhase = 7 * time.Second // samples lie between the edges of slots
	counterBase = 1000            // what counters start from
)

// life is what a service does from some time before the present on.
type life struct {
	since                 time.Duration
	good, missing, failed float64 // answers a second with 200, 404 and 500
	slow                  float64 // share of those without 500 that take over 500 ms
}

func (l life) total() float64 { return l.good + l.missing + l.failed }
func (l life) quick() float64 { return (l.good + l.missing) * (1 - l.slow) }
func (l life) bad() float64   { return l.failed }

// being is a service of the synthetic world, as one source sees it. Durations
// are before the present.
type being struct {
	name    string
	lives   []life        // oldest first; none: no HTTP metrics
	reset   time.Duration // when counters begin anew; 0: never
	down    time.Duration // since when its target is down; 0: never
	bounds  []string      // of its histogram
	openFDs float64       // of 1000
	queue   float64       // 0: no such metric
}

func always(good, missing, failed float64) []life {
	return []life{{worldPast, good, missing, failed, 0}}
}

func lately(since time.Duration, before, after life) []life {
	before.since, after.since = worldPast, since
	return []life{before, after}
}

// west and east are what the two sources see. Only spread is in both.
func west() []being {
	calm := life{good: 19, missing: 1}
	return []being{
		{name: "steady", lives: always(19, 0.998, 0.002), openFDs: 100},
		{name: "burning", lives: lately(65*time.Minute, calm, life{good: 17, missing: 1, failed: 2}), openFDs: 100},
		{name: "smouldering", lives: always(19.93, 0, 0.07), openFDs: 100},
		{name: "pressed", lives: always(20, 0, 0), openFDs: 825},
		{name: "slow", lives: []life{{worldPast, 20, 0, 0, 0.2}}, openFDs: 100},
		{name: "rare", lives: lately(2*time.Hour, life{good: perHour(12)}, life{good: perHour(11.5), failed: perHour(0.5)}), openFDs: 100},
		{name: "nangauge", lives: always(20, 0, 0), openFDs: math.NaN()},
		{name: "boundless", lives: always(20, 0, 0), openFDs: 100, bounds: []string{"0.1", "0.25", "1.0", "2.5", "+Inf"}},
		{name: "reset", lives: always(19.99, 0, 0.01), openFDs: 100, reset: 10*time.Hour + 150*time.Second},
		{name: "newborn", lives: []life{{time.Hour, 19, 1, 0, 0}}, openFDs: 100},
		{name: "infant", lives: []life{{30 * time.Minute, 19, 1, 0, 0}}, openFDs: 100},
		{name: "quiet", lives: always(0, 0, 0), openFDs: 100},
		{name: "metricless", openFDs: 100},
		{name: "collapsed", lives: always(20, 0, 0), openFDs: 100, down: 20 * time.Minute},
		{name: "twin", lives: always(20, 0, 0), openFDs: 100},
		{name: "spread", lives: always(12, 0, 0), openFDs: 100},
		{name: "picky", lives: always(17.5, 2.5, 0)},
		{name: "spender", lives: always(19.84, 0, 0.16), queue: 15},
		{name: "spent", lives: lately(20*time.Hour, life{good: 19, failed: 1}, life{good: 20}), queue: 5},
		{name: "overspent", lives: always(19.76, 0, 0.24), queue: 25},
	}
}

func east() []being {
	return []being{
		{name: "remote", lives: always(20, 0, 0), openFDs: 100},
		{name: "spread", lives: lately(65*time.Minute, life{good: 8}, life{good: 7.2, failed: 0.8}), openFDs: 700},
	}
}

func perHour(n float64) float64 { return n / 3600 }

// events returns how many events there are in (from, to], in seconds relative
// to the present.
func (b *being) events(from, to float64, rate func(life) float64) float64 {
	sum := 0.0
	for i, l := range b.lives {
		start, end := -l.since.Seconds(), math.Inf(1)
		if i+1 < len(b.lives) {
			end = -b.lives[i+1].since.Seconds()
		}
		sum += rate(l) * max(0, min(end, to)-max(start, from))
	}
	return sum
}

// born is when the service's counters begin, in seconds relative to the
// present.
func (b *being) born() float64 { return -b.lives[0].since.Seconds() }

// counter returns the value at a time; events is the counter's rate.
func (b *being) counter(at float64, rate func(life) float64) float64 {
	if anew := -b.reset.Seconds() + scrapePhase.Seconds(); b.reset > 0 && at > anew {
		return b.events(anew, at, rate)
	}
	return counterBase + b.events(b.born(), at, rate)
}

// exposition writes the samples of beings as OpenMetrics.
type exposition struct {
	out     *bufio.Writer
	present time.Time
	line    []byte
}

// expose writes everything that beings have ever exposed, series by series.
func expose(w io.Writer, present time.Time, beings []being) error {
	x := exposition{out: bufio.NewWriterSize(w, 1<<20), present: present}
	for i := range beings {
		x.being(&beings[i])
	}
	_, _ = x.out.WriteString("# EOF\n")
	if err := x.out.Flush(); err != nil {
		return fmt.Errorf("writing the synthetic metrics: %w", err)
	}
	return nil
}

func (x *exposition) being(b *being) {
	labels := fmt.Sprintf(`instance=%q,job=%q,service=%q`, b.name+"-0:80", b.name, b.name)
	oldest, alive := -worldPast.Seconds(), math.Inf(1)
	if b.lives != nil {
		oldest = b.born()
	}
	if b.down > 0 {
		alive = -b.down.Seconds()
	}
	x.series("up{"+labels+"}", oldest, math.Inf(1), func(at float64) float64 {
		if at > alive {
			return 0
		}
		return 1
	})
	if b.openFDs != 0 {
		x.series("process_open_fds{"+labels+"}", oldest, alive, func(float64) float64 { return b.openFDs })
		x.series("process_max_fds{"+labels+"}", oldest, alive, func(float64) float64 { return 1000 })
	}
	if b.queue != 0 {
		x.series("queue_depth{"+labels+"}", oldest, alive, func(float64) float64 { return b.queue })
	}
	if b.lives != nil {
		x.http(b, labels, alive)
	}
}

func (x *exposition) http(b *being, labels string, alive float64) {
	count := func(name string, rate func(life) float64) {
		x.series(name, b.born(), alive, func(at float64) float64 { return b.counter(at, rate) })
	}
	for code, rate := range map[string]func(life) float64{
		"200": func(l life) float64 { return l.good },
		"404": func(l life) float64 { return l.missing },
		"500": life.bad,
	} {
		count(fmt.Sprintf(`http_requests_total{%s,handler="/api",code=%q}`, labels, code), rate)
	}
	bounds := b.bounds
	if bounds == nil {
		bounds = []string{"0.1", "0.5", "1.0", "+Inf"}
	}
	for _, le := range bounds {
		rate := life.quick
		if bound, _ := strconv.ParseFloat(le, 64); bound > 0.5 {
			rate = func(l life) float64 { return l.good + l.missing }
		}
		count(fmt.Sprintf(`http_request_duration_seconds_bucket{%s,handler="/api",code="200",le=%q}`, labels, le), rate)
	}
}

// series writes the samples of one series in [from, to), in seconds relative to
// the present.
func (x *exposition) series(name string, from, to float64, value func(at float64) float64) {
	for at := from + scrapePhase.Seconds(); at < min(to, worldFuture.Seconds()); at += scrapeEvery.Seconds() {
		x.line = append(append(x.line[:0], name...), ' ')
		x.line = strconv.AppendFloat(x.line, value(at), 'g', -1, 64)
		x.line = strconv.AppendInt(append(x.line, ' '), x.present.Unix()+int64(at), 10)
		_, _ = x.out.Write(append(x.line, '\n'))
	}
}
