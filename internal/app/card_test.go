package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The scorecards, as their readers decode them.

type evaluation struct {
	EvaluatedAt time.Time `json:"evaluated_at"`
	DataTime    time.Time `json:"data_time"`
	Stateless   bool      `json:"stateless"`
	Items       []card    `json:"items"`
}

type card struct {
	Rubric  string `json:"rubric"`
	Service struct {
		Namespace, Name, Owner, System string
	} `json:"service"`
	Status        string    `json:"status"`
	Pass          *bool     `json:"pass"`
	Score         *float64  `json:"score"`
	LastScore     *float64  `json:"last_score"`
	RawScore      *float64  `json:"raw_score"`
	ScoreLow      *float64  `json:"score_low"`
	ScoreHigh     *float64  `json:"score_high"`
	Coverage      float64   `json:"coverage"`
	FreshCoverage float64   `json:"fresh_coverage"`
	Grade         string    `json:"grade"`
	Level         string    `json:"level"`
	LevelRank     *int      `json:"level_rank"`
	CappedBy      string    `json:"capped_by"`
	CapPoints     *float64  `json:"cap_points"`
	Stale         bool      `json:"stale"`
	DataTime      time.Time `json:"data_time"`
	Results       []result  `json:"results"`
}

type result struct {
	Check      string   `json:"check"`
	Verdict    string   `json:"verdict"`
	Reason     string   `json:"reason"`
	Credit     *float64 `json:"credit"`
	PointsLost *float64 `json:"points_lost"`
	Value      *float64 `json:"value"`
	Coverage   float64  `json:"coverage"`
	Carried    bool     `json:"carried"`
	Missing    string   `json:"missing"`
	LowTraffic bool     `json:"low_traffic"`
	Message    string   `json:"message"`
	Evidence   string   `json:"evidence"`
	Cells      []struct {
		Source   string   `json:"source"`
		Value    *float64 `json:"value"`
		Coverage float64  `json:"coverage"`
		Fault    string   `json:"fault"`
	} `json:"cells"`
	Budget *struct {
		Covered   float64             `json:"covered"`
		From      time.Time           `json:"from"`
		To        time.Time           `json:"to"`
		Remaining *float64            `json:"remaining"`
		Burn      map[string]*float64 `json:"burn"`
	} `json:"budget"`
}

func (c *card) id() string { return c.Service.Namespace + "/" + c.Service.Name }

// result returns the result of a check.
func (c *card) result(t *testing.T, check string) *result {
	t.Helper()
	for i := range c.Results {
		if c.Results[i].Check == check {
			return &c.Results[i]
		}
	}
	require.FailNow(t, "no result", "the scorecard of %s has no result of %s", c.id(), check)
	return nil
}

// cards indexes scorecards by "rubric namespace/name".
func cards(items []card) map[string]*card {
	out := make(map[string]*card, len(items))
	for i := range items {
		out[items[i].Rubric+" "+items[i].id()] = &items[i]
	}
	return out
}

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var out T
	require.NoError(t, json.Unmarshal(body, &out), "decoding %.200q", body)
	return out
}
