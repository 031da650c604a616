package collector

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/scorecard"
)

// refusing refuses the questions that hold a text.
type refusing struct {
	gather.Prometheus
	text string
}

func (r refusing) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	if strings.Contains(q.Expr, r.text) {
		return promapi.Report{Attempts: 1}, errors.New("the source is down")
	}
	return r.Prometheus.Query(ctx, q, sink)
}

func (r refusing) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	if strings.Contains(q.Expr, r.text) {
		return promapi.Report{Attempts: 1}, errors.New("the source is down")
	}
	return r.Prometheus.QueryRange(ctx, q, sink)
}

// byTheClock is a source that really has outages.
type byTheClock struct {
	gather.Prometheus
	outages []Outage
}

func (c byTheClock) now() gather.Prometheus {
	client := c.Prometheus
	for _, o := range c.outages {
		if now := time.Now(); !now.Before(o.From) && now.Before(o.To) {
			client = o.Through(client)
		}
	}
	return client
}

func (c byTheClock) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	return c.now().Query(ctx, q, sink)
}

func (c byTheClock) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	return c.now().QueryRange(ctx, q, sink)
}

// TestAReplayWithOutagesGradesAsTheServiceDid has one of everything, from within
// a slot to within another and across a fire, one of a single metric, and one
// that overlaps with it; with another source beside it and without.
func TestAReplayWithOutagesGradesAsTheServiceDid(t *testing.T) {
	for _, alone := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) { compareOutages(t, alone) })
	}
}

func compareOutages(t *testing.T, alone bool) {
	services := fixture.Named("playlist", "search")
	midnight := time.Now().UTC()
	down := func(from, to int, text string) Outage {
		return Outage{Source: "eu", From: midnight.Add(time.Duration(from) * time.Minute), To: midnight.Add(time.Duration(to) * time.Minute), Through: func(p gather.Prometheus) gather.Prometheus {
			return refusing{p, text}
		}}
	}
	list := []Outage{down(62, 91, ""), down(130, 152, "http_requests_total"), down(150, 161, "open_fds")}
	prom := &fixture.Prometheus{Answer: troubledTraffic(services, midnight.Add(70*time.Minute), midnight.Add(100*time.Minute))}
	asked, inReplay := []gather.Source{source("eu", byTheClock{prom, list})}, []gather.Source{source("eu", prom)}
	if !alone {
		other := source("us", &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 0)})
		asked, inReplay = append(asked, other), append(inReplay, other)
	}
	f := spec{Rubrics: fixture.FourKinds, Services: services}
	e := start(t, f, Options{}, asked...)
	live := map[time.Time][]*scorecard.Scorecard{}
	const last = 239
	for minute := range last + 1 {
		e.until(time.Duration(minute)*time.Minute + 40*time.Second)
		snapshot := e.store.newest()
		live[snapshot.Tick] = snapshot.Scorecards
	}
	e.stop()
	past, report := replayed(t, Options{Plan: f.plan(t), Sources: inReplay, Environment: "production"},
		ReplayOptions{From: midnight, To: midnight.Add(last * time.Minute), Step: time.Minute, Outages: list})
	require.Equal(t, map[string][]string{"eu": {"the source is down"}}, report.Faults)
	carried, unknown := 0, 0
	for minute := range last + 1 {
		tick := midnight.Add(time.Duration(minute) * time.Minute)
		require.NotEmpty(t, live[tick], tick)
		require.Equal(t, judged(live[tick]), judged(past[tick][0]), tick)
		for _, check := range []string{"availability", "latency", "file-descriptors"} {
			result, then := fixture.Result(t, past[tick][0], "playlist", check), fixture.Result(t, live[tick], "playlist", check)
			require.Equal(t, then.Budget, result.Budget, "%s at %s: the slots are mended when they were", check, tick)
			if result.Carried {
				carried++
			}
			if result.Verdict == scorecard.VerdictUnknown && minute > 60 {
				unknown++
			}
		}
	}
	require.Equal(t, alone, carried > 0 && unknown > 0, "half of the cells are enough: %d carried, %d unknown", carried, unknown)
}
