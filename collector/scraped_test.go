package collector

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
)

// scraped is what a Prometheus has of targets that it scrapes, while it knows
// nothing of the events that the targets count. Times are in seconds from its
// beginning.
type scraped struct {
	targets []target
	end     float64
	gaps    [][2]float64 // in which nothing is scraped
}

// target is one process after another at one address.
type target struct {
	service, instance string
	every, phase      float64 // of scrapes
	known             float64 // since when it is scraped
	gone              float64 // when it is not scraped any more; 0: never
	lives             []life
	blips             [][2]float64 // in which scrapes fail
	hidden            float64      // until when nothing but up is kept
	noUp, noInstance  bool
	zeroed            bool // counters of errors begin at 0, and not with the first error
}

// life is one process, and when its events happened, in order.
type life struct {
	began, ended float64 // 0: it has not ended
	good, bad    []float64
}

func during(spans [][2]float64, at float64) bool {
	return slices.ContainsFunc(spans, func(s [2]float64) bool { return at >= s[0] && at < s[1] })
}

func countTo(events []float64, at float64) float64 {
	return float64(sort.Search(len(events), func(i int) bool { return events[i] > at }))
}

// alive returns the process that answers at a time, nil for none.
func (x *target) alive(at float64) *life {
	for i := range x.lives {
		l := &x.lives[i]
		if at >= l.began && (l.ended == 0 || at < l.ended) && !during(x.blips, at) {
			return l
		}
	}
	return nil
}

// exposed is what a scrape finds: values of series by name and code.
func (x *target) exposed(at float64) map[[2]string]float64 {
	l := x.alive(at)
	if l == nil {
		return nil
	}
	found := map[[2]string]float64{
		{"process_start_time_seconds", ""}: sinceNoon(l.began),
		{"http_requests_total", "200"}:     countTo(l.good, at),
	}
	if n := countTo(l.bad, at); n > 0 || x.zeroed {
		found[[2]string{"http_requests_total", "500"}] = n
	}
	if at < x.hidden {
		clear(found)
	}
	return found
}

// sinceNoon turns a time of the world into Unix seconds.
func sinceNoon(at float64) float64 { return float64(noon().Unix()) + at }

// noon is when the world begins, long enough ago.
func noon() time.Time { return time.Date(2026, 5, 23, 12, 0, 0, 0, time.UTC) }

type scrapedSample struct {
	at int64 // Unix milliseconds
	v  float64
}

// scrape returns the samples of a target, a series that is not found any more
// getting a mark of that.
func (w *scraped) scrape(x *target) map[[2]string][]scrapedSample {
	series := map[[2]string][]scrapedSample{}
	var before map[[2]string]float64
	for at := x.phase; at < w.end; at += x.every {
		if at < x.known || during(w.gaps, at) || x.gone != 0 && at > x.gone+x.every {
			continue
		}
		ms := int64(math.Round(sinceNoon(at) * 1000))
		found, up := x.exposed(at), 0.0
		if x.alive(at) != nil {
			up = 1
		}
		if x.gone != 0 && at > x.gone {
			found, up = nil, math.Float64frombits(value.StaleNaN)
		}
		for key, v := range found {
			series[key] = append(series[key], scrapedSample{ms, v})
		}
		for key := range before {
			if _, still := found[key]; !still {
				series[key] = append(series[key], scrapedSample{ms, math.Float64frombits(value.StaleNaN)})
			}
		}
		before = found
		series[[2]string{"up", ""}] = append(series[[2]string{"up", ""}], scrapedSample{ms, up})
	}
	if x.noUp {
		delete(series, [2]string{"up", ""})
	}
	return series
}

// serve answers for what was scraped, with Prometheus' own engine.
func (w *scraped) serve(t testing.TB) string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "")
	t.Cleanup(func() { _ = storage.Close() })
	type sample struct {
		scrapedSample
		labels labels.Labels
	}
	var samples []sample
	for i := range w.targets {
		x := &w.targets[i]
		series := w.scrape(x)
		for _, key := range slices.SortedFunc(maps.Keys(series), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
			names := map[string]string{"__name__": key[0], "service": x.service, "job": x.service, "instance": x.instance, "code": key[1]}
			if x.noInstance {
				delete(names, "instance")
			}
			for _, s := range series[key] {
				samples = append(samples, sample{s, labels.FromMap(names)})
			}
		}
	}
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	for len(samples) > 0 {
		n := min(len(samples), 100_000)
		appender := storage.Appender(t.Context())
		for _, s := range samples[:n] {
			_, err := appender.Append(0, s.labels, s.at, s.v)
			require.NoError(t, err)
		}
		require.NoError(t, appender.Commit())
		samples = samples[n:]
	}
	return promservertest.Serve(t, storage)
}

// steadily returns n events a second.
func steadily(from, to, perSecond float64) []float64 {
	var events []float64
	for at := from; at < to; at += 1 / perSecond {
		events = append(events, at)
	}
	return events
}

// times returns a time n times.
func times(n int, at float64) []float64 { return slices.Repeat([]float64{at}, n) }
