package grader

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// bench is a grader with sources whose rows a test writes down.
type bench struct {
	*Grader
	plan     *question.Plan
	gatherer *gather.Gatherer
	sources  []gather.Source
	rows     map[string][]fixture.Row // by source; nil: it does not answer
	fails    map[string]error
}

func newBench(t testing.TB, f spec, sources ...string) *bench {
	b := &bench{plan: f.plan(t), rows: map[string][]fixture.Row{}, fails: map[string]error{}}
	for _, name := range sources {
		prom := &fixture.Prometheus{Answer: func(expr string, _ time.Time) ([]fixture.Row, error) {
			if b.fails[name] != nil {
				return nil, b.fails[name]
			}
			return fixture.RowsFor(expr, b.rows[name]), nil
		}}
		b.sources = append(b.sources, gather.Source{Name: name, Client: prom})
	}
	b.ask(b.sources...)
	return b
}

// ask begins anew, with other sources.
func (b *bench) ask(sources ...gather.Source) {
	b.sources = sources
	b.gatherer = gather.New(b.plan, sources, gather.Heard{})
	o := Options{
		Plan: b.plan, Environment: "production", Evidence: b.gatherer.Evidence,
		Slots: func(map[slo.Outcome]int) {}, Panicked: func() {}, Logger: slog.New(slog.DiscardHandler),
	}
	for _, s := range sources {
		o.Sources = append(o.Sources, s.Name)
	}
	b.Grader = New(o)
}

// blocks asks every source; one without rows has no block.
func (b *bench) blocks(t testing.TB, at int64) []*slo.Block {
	out := b.gatherer.Range(t.Context(), question.Instant(at), nil)[0]
	for i, s := range b.sources {
		if b.rows[s.Name] == nil && b.fails[s.Name] == nil {
			out[i] = nil
		}
	}
	return out
}

func (b *bench) tick(t testing.TB, at int64) {
	b.AddTick(time.Unix(at, 0), b.blocks(t, at), question.Scope{})
}

func (b *bench) facts(at int64) slo.Facts {
	return b.series[0][0].Facts(at, 15*time.Minute, []time.Duration{5 * time.Minute, time.Hour, 2 * time.Hour})
}

func event(code string, n float64) fixture.Row {
	return fixture.Row{Labels: map[string]string{"service": "playlist", "code": code}, Value: n}
}

func target(state string) fixture.Row {
	return fixture.Row{Labels: map[string]string{"service": "playlist", question.UpLabel: state}, Value: 1}
}

func counted(f slo.Facts, length time.Duration) slo.Counts {
	w, _ := f.Window(length)
	return w.Counts
}

const t0 = 1_700_000_100 // the end of a slot

func TestCountsOfAllSourcesAddUp(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}, "east", "west")
	b.rows["east"] = []fixture.Row{event("200", 90), event("500", 10), target("1")}
	b.rows["west"] = []fixture.Row{event("200", 50), target("1")}
	b.tick(t, t0)
	f := b.facts(t0)
	require.Equal(t, slo.Counts{Bad: 10, Total: 150}, counted(f, 5*time.Minute))
	require.Equal(t, slo.Counts{Bad: 10, Total: 150}, counted(f, 2*time.Hour))
	require.Len(t, f.Cells, 2)
	require.Equal(t, 2, f.Up)
	require.True(t, f.Witnessed)
}

func TestAServiceHasMovedAwayOnlyFromACellThatScrapesOthers(t *testing.T) {
	other := fixture.Row{Labels: map[string]string{"service": "search", question.UpLabel: "1"}, Value: 1}
	for _, test := range []struct {
		name     string
		west     []fixture.Row
		answered bool
	}{
		{"it scrapes another service", []fixture.Row{other}, true},
		{"it scrapes nothing at all", []fixture.Row{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist", "search")}, "east", "west")
			b.rows["east"] = []fixture.Row{event("200", 90), target("1")}
			b.rows["west"] = []fixture.Row{event("200", 50), target("1")}
			b.tick(t, t0)
			b.rows["west"] = test.west
			b.tick(t, t0+300)
			f := b.facts(t0 + 300)
			require.Len(t, f.Cells, 2)
			require.Equal(t, test.answered, f.Cells[1].Answered)
			require.Nil(t, f.Cells[1].Fault)
			require.Equal(t, test.answered, f.Witnessed)
		})
	}
}

func TestAMissingBlockIsAFaultOfItsSource(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}, "east", "west")
	b.rows["east"] = []fixture.Row{event("200", 90)}
	b.rows["west"] = []fixture.Row{event("200", 50)}
	b.tick(t, t0)
	b.rows["west"] = nil
	b.tick(t, t0+60)
	f := b.facts(t0 + 60)
	require.Nil(t, f.Cells[0].Fault)
	require.Equal(t, slo.SourceError, f.Cells[1].Fault.Reason)
	require.False(t, f.Cells[1].Answered)
	require.True(t, f.Cells[1].Graced)
	require.False(t, f.Witnessed)
	require.Equal(t, slo.Counts{Total: 90}, counted(f, 5*time.Minute), "cells worth more than half have answered")

	b.rows["east"] = nil
	b.tick(t, t0+120)
	w, _ := new(b.facts(t0 + 120)).Window(5 * time.Minute)
	require.Zero(t, w.Measured, "a gap, not a zero")
}

func TestABlockOfAnotherPlanIsNotRead(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}, "east")
	b.rows["east"] = []fixture.Row{event("200", 90)}
	blocks := b.blocks(t, t0)
	blocks[0].Plan = "another"
	b.AddTick(time.Unix(t0, 0), blocks, question.Scope{})
	require.Equal(t, slo.SourceError, b.facts(t0).Cells[0].Fault.Reason)
}

func TestALateBlockCountsInTheLedger(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}, "east", "west")
	b.rows["east"] = []fixture.Row{event("200", 90)}
	b.rows["west"] = []fixture.Row{event("200", 50)}
	b.tick(t, t0)
	late := b.blocks(t, t0+300)
	missing := []*slo.Block{late[0], nil}
	b.AddTick(time.Unix(t0+300, 0), missing, question.Scope{})
	require.Equal(t, slo.Counts{Total: 90 + 140}, counted(b.facts(t0+300), 2*time.Hour))
	b.AddSlot(time.Unix(t0+300, 0), late, question.Scope{})
	require.Equal(t, slo.Counts{Total: 140 + 140}, counted(b.facts(t0+300), 2*time.Hour))
}

func TestAFaultOfOneQueryIsOneOfItsSource(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}, "east")
	b.fails["east"] = errors.New("too many samples")
	b.tick(t, t0)
	f := b.facts(t0)
	require.Equal(t, &slo.Fault{Reason: slo.SourceError, Detail: "too many samples"}, f.Cells[0].Fault)
	require.False(t, f.Witnessed)
}

func TestAlternativesOfIdentityAreNeverSummedAndStick(t *testing.T) {
	b := newBench(t, spec{
		Rubrics: `
rubrics:
  - name: a
    identity: [service, alias]
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`,
		Identities: map[string]map[string]string{"alias": {"service": `"the-" + service.name`}},
		Services:   fixture.Named("playlist"),
	}, "east", "west")
	alias := func(n float64) fixture.Row {
		return fixture.Row{Labels: map[string]string{"service": "the-playlist", "code": "200"}, Value: n}
	}
	b.rows["east"] = []fixture.Row{event("200", 10), alias(1000)}
	b.rows["west"] = []fixture.Row{alias(70)}
	b.tick(t, t0)
	require.Equal(t, slo.Counts{Total: 80}, counted(b.facts(t0), 5*time.Minute), "in each cell the first that has rows")

	b.rows["east"] = []fixture.Row{alias(1000), target("1")}
	b.rows["west"] = []fixture.Row{alias(8), event("200", 5000), target("1")}
	b.tick(t, t0+300)
	f := b.facts(t0 + 300)
	require.False(t, f.Cells[0].Row, "east knows it by the first alone")
	require.True(t, f.Cells[1].Row)
	last, _ := f.Window(5 * time.Minute)
	require.Equal(t, 8.0, last.Counts.Total, "west knows it by the second alone")
}

func TestGaugesAreLeftAloneByWhatIsAboutTheLedger(t *testing.T) {
	b := newBench(t, spec{Rubrics: fixture.OneCheck(fixture.GaugeCheck), Services: fixture.Named("playlist")}, "east")
	b.rows["east"] = []fixture.Row{{Labels: map[string]string{"service": "playlist"}, Value: 3}}
	b.tick(t, t0)
	before := b.facts(t0)
	b.AddTick(time.Unix(t0+60, 0), b.gatherer.Range(t.Context(), question.Span{Start: t0 + 60, Step: 60, N: 2}, question.OnlyCounted)[0], question.Scope{})
	require.Equal(t, before, b.facts(t0))
	b.AddTick(time.Unix(t0+120, 0), []*slo.Block{nil}, question.Scope{})
	require.Equal(t, slo.SourceError, new(b.facts(t0 + 120)).Cells[0].Fault.Reason)
}
