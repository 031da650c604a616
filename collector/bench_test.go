package collector

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

const t0 = 1_700_000_100 // the end of a slot

// canned answers at once with series made before, which it moves to the time that
// is asked about.
type canned struct {
	events, buckets, targets []*promapi.Series

	mu     sync.Mutex
	time   int64 // that the points are of, in milliseconds
	points [][]promapi.Point
}

func newCanned(services []*catalog.Service) *canned {
	c := &canned{}
	for _, s := range services {
		for _, code := range []string{"200", "404", "500"} {
			c.events = append(c.events, c.series(map[string]string{"service": s.ID.Name, "code": code}, 33))
		}
		c.buckets = append(c.buckets,
			c.series(map[string]string{"service": s.ID.Name, "le": "0.5"}, 99),
			c.series(map[string]string{"service": s.ID.Name, "le": "+Inf"}, 100))
		c.targets = append(c.targets, c.series(map[string]string{"service": s.ID.Name, question.UpLabel: "1"}, 2))
	}
	return c
}

func (c *canned) series(names map[string]string, value float64) *promapi.Series {
	points := []promapi.Point{{V: value}}
	c.points = append(c.points, points)
	return promapi.NewSeries(names, points, nil)
}

// move makes all points those of a time.
func (c *canned) move(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.time == at.UnixMilli() {
		return
	}
	c.time = at.UnixMilli()
	for _, p := range c.points {
		p[0].T = c.time
	}
}

func (c *canned) Status() promapi.Status { return promapi.Status{} }

func (c *canned) Query(_ context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	rows := c.events
	switch {
	case strings.Contains(q.Expr, "count_values"):
		rows = c.targets
	case strings.Contains(q.Expr, "_bucket"):
		rows = c.buckets
	}
	c.move(q.Time)
	sink.Reset()
	for _, s := range rows {
		if err := sink.Series(s); err != nil {
			return promapi.Report{}, err
		}
	}
	return promapi.Report{Attempts: 1}, nil
}

func (c *canned) QueryRange(context.Context, promapi.RangeQuery, promapi.Sink) (promapi.Report, error) {
	return promapi.Report{}, nil
}

// BenchmarkTick is one tick of 5,000 services and 4 counted checks: 60,000
// rows from canned answers; one tick in five ends a slot.
func BenchmarkTick(b *testing.B) {
	services := fixture.Numbered(5000)
	plan := spec{Rubrics: fixture.FourCounted, Services: services}.plan(b)
	c := New(Options{Plan: plan, Sources: []gather.Source{{Name: "eu", Client: newCanned(services)}}})
	g := c.grader
	at := int64(t0)
	ask := func() []*slo.Block { return c.gatherer.Range(b.Context(), question.Instant(at), nil)[0] }
	for range 24 { // enough to be judged
		at += 300
		g.AddSlot(time.Unix(at, 0), ask(), question.Scope{})
	}
	for range 65 {
		at += 60
		g.AddTick(time.Unix(at, 0), ask(), question.Scope{})
	}
	stages := map[string]func(){
		"ask":   func() { ask() },
		"tick":  nil,
		"grade": func() { g.Grade(time.Unix(at, 0), time.Unix(at+30, 0)) },
	}
	for _, name := range []string{"ask", "grade", "tick"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if run := stages[name]; run != nil {
					run()
					continue
				}
				at += 60
				g.AddTick(time.Unix(at, 0), ask(), question.Scope{})
				g.Grade(time.Unix(at, 0), time.Unix(at+30, 0))
			}
		})
	}
}

// BenchmarkStored is what a store that outlives the process adds to a tick of
// 5,000 services and 4 counted checks, a day after the beginning: the pages
// that a tick changes, and, once, all of them; and what a takeover reads.
func BenchmarkStored(b *testing.B) {
	services := fixture.Numbered(5000)
	plan := spec{Rubrics: fixture.FourCounted, Services: services}.plan(b)
	c := New(Options{Plan: plan, Owner: "me", Sources: []gather.Source{{Name: "eu", Client: newCanned(services)}}})
	at := int64(t0)
	tick := func() {
		at += 60
		c.enter(gathered{time: time.Unix(at, 0), blocks: c.gatherer.Range(b.Context(), question.Instant(at), nil)[0]})
	}
	c.grader.Use(c.ledger, nil)
	for at = t0 - 86400; at < t0; at += 300 {
		c.enter(gathered{time: time.Unix(at, 0), blocks: c.gatherer.Range(b.Context(), question.Instant(at), nil)[0]})
	}
	for range 65 {
		tick()
	}
	all := c.pages()
	c.markSaved(all)
	b.Run("tick", func(b *testing.B) {
		bytes, n := 0, 0
		for b.Loop() {
			b.StopTimer()
			tick()
			b.StartTimer()
			pages := c.pages()
			c.markSaved(pages)
			for _, p := range pages {
				bytes += len(p.Data)
			}
			n++
		}
		b.ReportMetric(float64(bytes)/float64(n), "page-B/op")
	})
	b.Run("whole", func(b *testing.B) {
		bytes := 0
		for b.Loop() {
			c.unsave()
			bytes = 0
			for _, p := range c.pages() {
				bytes += len(p.Data)
			}
		}
		b.ReportMetric(float64(bytes), "page-B/op")
	})
	b.Run("takeover", func(b *testing.B) {
		for b.Loop() {
			next := New(Options{Plan: plan, Owner: "me", Sources: c.o.Sources})
			for _, p := range all {
				if p.PageKey != agenda.PageKey() {
					next.loadPage(p)
				}
			}
			next.settleIn()
		}
	})
}

// BenchmarkDecode turns 150,000 series into samples and rows.
func BenchmarkDecode(b *testing.B) {
	services := fixture.Numbered(5000)
	plan := spec{Rubrics: fixture.Availability, Services: services}.plan(b)
	c := &canned{}
	for i, s := range services {
		for j := range 30 {
			c.events = append(c.events, c.series(map[string]string{"service": s.ID.Name, "code": fmt.Sprint(200 + 10*j), "pod": "x"}, float64(i)))
		}
	}
	g := gather.New(plan, []gather.Source{{Name: "eu", Client: c}}, gather.Heard{})
	b.ReportAllocs()
	for b.Loop() {
		if n := len(g.Range(b.Context(), question.Instant(t0), nil)[0][0].Columns[0].Rows); n != 5000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.N*len(c.events))/b.Elapsed().Seconds(), "rows/s")
}
