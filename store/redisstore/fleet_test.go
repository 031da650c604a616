package redisstore

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

const (
	fleetSize     = 5000
	fleetInterval = 30 * time.Second
)

// fleet is 5,000 services that look like real ones, graded tick after tick:
// five results each, all of them with a message, two cells and a budget of
// seven burns. Every count moves with every tick, and three scores in ten do.
type fleet struct {
	chance  *rand.Rand
	catalog *catalog.Snapshot
	scores  []float64
	n       int
}

func newFleet() *fleet {
	f := &fleet{chance: rand.New(rand.NewPCG(1, fleetSize)), scores: make([]float64, fleetSize)}
	list := make([]*catalog.Service, fleetSize)
	for i := range list {
		name := fmt.Sprintf("service-%d", i)
		list[i] = &catalog.Service{
			ID: catalog.ID{Namespace: "default", Name: name}, Kind: "component", Title: name, Owner: "team-listen", System: "library",
			Domain: "music", Lifecycle: "production", Type: "service", Tier: i % 5, Tags: []string{"http"},
			Labels: map[string]string{"region": "eu"}, Links: map[string]string{"runbook": "https://runbooks.example.org/" + name},
			Relations: []catalog.Relation{{Type: "dependsOn", Target: "component:default/tracks"}},
			Position:  catalog.Position{File: "catalog/music.yml", Line: 12 * i},
		}
		f.scores[i] = 100 - 12*f.chance.Float64()*f.chance.Float64()
	}
	f.catalog = catalog.NewSnapshot(list, nil)
	return f
}

// next grades the next tick.
func (f *fleet) next() (*scorecard.Snapshot, map[scorecard.Key]*scorecard.State) {
	f.n++
	tick := noon().Add(time.Duration(f.n) * fleetInterval)
	snap := &scorecard.Snapshot{Tick: tick, Interval: fleetInterval, Catalog: f.catalog}
	states := make(map[scorecard.Key]*scorecard.State, fleetSize)
	for i, service := range f.catalog.Services() {
		if f.chance.IntN(10) < 3 {
			f.scores[i] = min(100, f.scores[i]+f.chance.NormFloat64()/10)
		}
		card := f.grade(service, f.scores[i], tick)
		snap.Scorecards = append(snap.Scorecards, card)
		states[card.Key()] = stateOf(card)
	}
	return snap, states
}

func stateOf(c *scorecard.Scorecard) *scorecard.State {
	s := &scorecard.State{LastScore: c.LastScore, LastScoredAt: c.LastScoredAt, Checks: map[string]scorecard.CheckState{}}
	for _, r := range c.Results {
		s.Checks[r.Check] = scorecard.CheckState{
			Hash: r.CheckHash, Verdict: r.Verdict, Since: r.Since, Standing: scorecard.Standing{Verdict: r.Verdict, Credit: *r.Credit},
		}
	}
	return s
}

func (f *fleet) grade(service *catalog.Service, score float64, tick time.Time) *scorecard.Scorecard {
	c := &scorecard.Scorecard{
		Rubric: "http", RubricVersion: "9f2c41d07a3e", Environment: "production", Service: service,
		Status: scorecard.Scored, Pass: new(score > 90), Score: &score, LastScore: &score, LastScoredAt: tick, RawScore: &score,
		ScoreLow: &score, ScoreHigh: &score, ScoreWithoutWaivers: &score, Coverage: 1, FreshCoverage: 1, Grade: "A",
		Level: "silver", LevelRank: new(2), Delta: scorecard.Delta{Hour: new(f.chance.NormFloat64()), Day: new(f.chance.NormFloat64())},
		EvaluatedAt: tick.Add(51 * time.Second), DataTime: tick,
	}
	for n, check := range []string{"availability", "latency", "freshness", "writes", "reads"} {
		c.Results = append(c.Results, f.result(check, service.ID.Name, tick, n))
	}
	return c
}

func (f *fleet) result(check, service string, tick time.Time, n int) scorecard.Result {
	total := float64(f.chance.IntN(5_000_000))
	bad := float64(int(total * 0.001 * f.chance.Float64()))
	value := 1 - bad/(total+1)
	r := scorecard.Result{
		Check: check, Title: "Requests succeed", Severity: "critical", Weight: 10, Verdict: scorecard.Pass, Credit: new(1.0),
		PointsLost: new(0.0), Value: &value, Window: 30 * 24 * time.Hour, Target: new(0.999), Unit: "ratio", Coverage: 1,
		Since: noon().Add(-time.Duration(len(service)*n+1) * time.Hour), DataTime: tick, CheckHash: "0f3a5c77d1b2",
		Message: fmt.Sprintf("%.3g %% of %d requests failed in the last 30d: %.3g %% of the budget is left", 100*(1-value), int(total), 100*value),
		Evidence: "https://prometheus.eu-west.example.org/graph?g0.expr=sum+by+%28service%29+%28increase%28http_requests_total%7Bservice%3D%22" +
			service + "%22%7D%5B5m%5D%29%29&g0.tab=0",
		Cells: []scorecard.CellResult{
			{Source: "eu-west", Cell: "eu-west", Value: new(value), Coverage: 1},
			{Source: "us-east", Cell: "us-east", Value: new(1 - f.chance.Float64()/1000), Coverage: 1},
		},
		Budget: &scorecard.Budget{
			Objective: 0.999, Period: 30 * 24 * time.Hour, Covered: 1, From: tick.Add(-30 * 24 * time.Hour), To: tick,
			Remaining: new(1 - bad/(total+1)/0.001), Bad: bad, Total: total,
		},
	}
	for _, minutes := range []int{5, 30, 60, 120, 360, 1440, 4320} {
		r.Budget.Burn = append(r.Budget.Burn, scorecard.Burn{Window: time.Duration(minutes) * time.Minute, Rate: new(2 * f.chance.Float64())})
	}
	return r
}
