package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

const (
	slot = 5 * time.Minute
	day  = 24 * time.Hour
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// condition compiles a CEL condition over the service.
func condition(t testing.TB, src string) *catalog.Condition {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	c, err := env.Condition(src)
	require.NoError(t, err)
	return c
}

func playlist() *catalog.Service {
	return &catalog.Service{
		ID: catalog.ID{Namespace: "default", Name: "playlist"}, Kind: "component", Owner: "team-listen", Tier: 1,
		Tags: []string{"http"}, Links: map[string]string{"runbook": "https://example.org"},
	}
}

// availability is a critical objective of 99.9 % over 30 days.
func availability() *rubric.Check {
	return &rubric.Check{
		Name: "availability", Title: "Requests succeed", Severity: rubric.Critical, Weight: 10, Kind: rubric.KindEvents,
		Events:    &rubric.Events{Total: rubric.Selector{Metric: "http_requests_total"}},
		Objective: 0.999, Period: 30 * day, OnMissing: rubric.MissingUnknown, Hash: "a1", SLI: "s1",
	}
}

// ratio is an un-objectived ratio of good events over an hour.
func ratio(pass, fail float64) *rubric.Check {
	return &rubric.Check{
		Name: "success", Severity: rubric.Medium, Weight: 5, Kind: rubric.KindEvents,
		Events: &rubric.Events{Total: rubric.Selector{Metric: "http_requests_total"}},
		Window: time.Hour, Pass: &pass, Fail: &fail, Op: rubric.AtLeast, OnMissing: rubric.MissingUnknown, Hash: "r1",
	}
}

// gauge is a value that is better the lower it is, from 1 (pass) to 0 (fail)
// between the bounds.
func gauge(name string, weight, pass, fail float64) *rubric.Check {
	c := &rubric.Check{
		Name: name, Severity: rubric.Medium, Weight: weight, Kind: rubric.KindValue,
		Value: &rubric.Value{Across: rubric.Worst, Unit: "ratio"}, Window: slot,
		Pass: &pass, Fail: &fail, Op: rubric.AtMost, OnMissing: rubric.MissingUnknown, Hash: name,
	}
	if pass > fail {
		c.Op = rubric.AtLeast
	}
	return c
}

func rubricOf(checks ...*rubric.Check) *rubric.Rubric {
	return &rubric.Rubric{Name: "http", Version: "v1", CoverageFloor: 0.8, Weight: 1, Checks: checks}
}

// good returns a cell that has answered with a row; weights of all cells of
// a check must add up to 1.
func good(name string, weight, value float64) slo.CellFact {
	return slo.CellFact{Key: slo.CellKey{Source: name, Cell: name}, Weight: weight, Answered: true, Graced: true, Row: true, Value: value}
}

// broken returns a cell with a fault.
func broken(name string, weight float64, reason slo.Reason, detail string) slo.CellFact {
	return slo.CellFact{Key: slo.CellKey{Source: name, Cell: name}, Weight: weight, Fault: &slo.Fault{Reason: reason, Detail: detail}}
}

// silent returns a cell that has targets and no row.
func silent(name string, weight float64) slo.CellFact {
	return slo.CellFact{Key: slo.CellKey{Source: name, Cell: name}, Weight: weight}
}

// known returns the facts of a gauge in one cell.
func known(value float64) scorecard.CheckFacts {
	return scorecard.CheckFacts{Facts: slo.Facts{Time: noon.Unix(), Cells: []slo.CellFact{good("eu", 1, value)}, Up: 1, Witnessed: true}}
}

// counts gives the windows of counted facts that differ from the rest.
type counts map[time.Duration]slo.Counts

// counted returns fully measured facts of a check, each window with the
// counts given for it, or else with those under 0.
func counted(check *rubric.Check, c counts) scorecard.CheckFacts {
	f := known(0)
	f.Measured = 8640
	for _, length := range scorecard.WindowsOf(check) {
		n := int(slo.RoundToSlots(length) / slot)
		w := slo.Window{Length: length, From: noon.Add(-length).Unix(), To: noon.Unix(), Expected: n, Measured: n, Counts: c[0]}
		if own, ok := c[length]; ok {
			w.Counts = own
		}
		f.Windows = append(f.Windows, w)
	}
	return f
}

// thin lowers the measured share of one window.
func thin(f scorecard.CheckFacts, length time.Duration, share float64) scorecard.CheckFacts {
	f.Windows = append([]slo.Window(nil), f.Windows...)
	for i := range f.Windows {
		if f.Windows[i].Length == length {
			f.Windows[i].Measured = int(share * float64(f.Windows[i].Expected))
		}
	}
	return f
}

// at dates facts.
func at(f scorecard.CheckFacts, tick time.Time) scorecard.CheckFacts {
	f.Time = tick.Unix()
	return f
}

func input(r *rubric.Rubric, facts ...scorecard.CheckFacts) scorecard.Input {
	return scorecard.Input{
		Rubric: r, Service: playlist(), Environment: "production", Tick: noon, EvaluatedAt: noon.Add(51 * time.Second),
		Interval: time.Minute, Facts: facts,
	}
}

// grade grades from an empty state.
func grade(r *rubric.Rubric, facts ...scorecard.CheckFacts) *scorecard.Scorecard {
	card, _ := scorecard.Grade(input(r, facts...))
	return card
}

// after grades at noon with the state that a tick has left that is longer ago
// than the grace.
func after(r *rubric.Rubric, before, now []scorecard.CheckFacts) *scorecard.Scorecard {
	in := input(r, before...)
	in.Tick = noon.Add(-16 * time.Minute)
	for i := range in.Facts {
		in.Facts[i].Time = in.Tick.Unix()
	}
	_, state := scorecard.Grade(in)
	in = input(r, now...)
	in.Previous = state
	card, _ := scorecard.Grade(in)
	return card
}
