package codec

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// common is that of the scorecards of fleet.
func common() Common {
	return Common{Tick: noon(), EvaluatedAt: noon().Add(51 * time.Second), Environment: "production"}
}

// fleet returns n scorecards that look like real ones: five results each, all
// of them with a message, two cells and a budget of seven burns. The same n
// gives the same fleet.
func fleet(n int) []*scorecard.Scorecard {
	chance := rand.New(rand.NewPCG(1, uint64(n)))
	cards := make([]*scorecard.Scorecard, n)
	for i := range cards {
		name := fmt.Sprintf("service-%d", i)
		score := 100 - 12*chance.Float64()*chance.Float64()
		c := &scorecard.Scorecard{
			Rubric: "http", RubricVersion: "9f2c41d07a3e", Environment: "production",
			Service: &catalog.Service{
				ID: catalog.ID{Namespace: "default", Name: name}, Kind: "component", Title: name, Owner: "team-listen", System: "library",
				Domain: "music", Lifecycle: "production", Type: "service", Tier: i % 5, Tags: []string{"http"},
				Labels: map[string]string{"region": "eu"}, Links: map[string]string{"runbook": "https://runbooks.example.org/" + name},
				Relations: []catalog.Relation{{Type: "dependsOn", Target: "component:default/tracks"}},
				Position:  catalog.Position{File: "catalog/music.yml", Line: 12 * i},
			},
			Status: scorecard.Scored, Pass: new(score > 90), Score: &score, LastScore: &score, LastScoredAt: noon(), RawScore: &score,
			ScoreLow: &score, ScoreHigh: &score, ScoreWithoutWaivers: &score, Coverage: 1, FreshCoverage: 1, Grade: "A",
			Level: "silver", LevelRank: new(2), Delta: scorecard.Delta{Hour: new(chance.NormFloat64()), Day: new(chance.NormFloat64())},
			EvaluatedAt: noon().Add(51 * time.Second), DataTime: noon(),
		}
		for _, check := range []string{"availability", "latency", "freshness", "writes", "reads"} {
			c.Results = append(c.Results, fleetResult(chance, check, name))
		}
		cards[i] = c
	}
	return cards
}

func fleetResult(chance *rand.Rand, check, service string) scorecard.Result {
	total := float64(chance.IntN(5_000_000))
	bad := float64(int(total * 0.001 * chance.Float64()))
	value := 1 - bad/(total+1)
	r := scorecard.Result{
		Check: check, Title: "Requests succeed", Severity: "critical", Weight: 10, Verdict: scorecard.Pass, Credit: new(1.0),
		PointsLost: new(0.0), Value: &value, Window: 30 * 24 * time.Hour, Target: new(0.999), Unit: "ratio", Coverage: 1,
		Since: noon().Add(-time.Duration(chance.IntN(40_000)) * time.Minute), DataTime: noon(), CheckHash: "0f3a5c77d1b2",
		Message: fmt.Sprintf("%.3g %% of %d requests failed in the last 30d: %.3g %% of the budget is left", 100*(1-value), int(total), 100*value),
		Evidence: "https://prometheus.eu-west.example.org/graph?g0.expr=sum+by+%28service%29+%28increase%28http_requests_total%7Bservice%3D%22" +
			service + "%22%7D%5B5m%5D%29%29&g0.tab=0",
		Cells: []scorecard.CellResult{
			{Source: "eu-west", Cell: "eu-west", Value: new(value), Coverage: 1},
			{Source: "us-east", Cell: "us-east", Value: new(1 - chance.Float64()/1000), Coverage: 1},
		},
		Budget: &scorecard.Budget{
			Objective: 0.999, Period: 30 * 24 * time.Hour, Covered: 1, From: noon().Add(-30 * 24 * time.Hour), To: noon(),
			Remaining: new(1 - bad/(total+1)/0.001), Bad: bad, Total: total,
		},
	}
	for _, minutes := range []int{5, 30, 60, 120, 360, 1440, 4320} {
		r.Budget.Burn = append(r.Budget.Burn, scorecard.Burn{Window: time.Duration(minutes) * time.Minute, Rate: new(2 * chance.Float64())})
	}
	return r
}
