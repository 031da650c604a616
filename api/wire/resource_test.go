package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

func decode(t *testing.T, body *wire.Body, err error) map[string]any {
	t.Helper()
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(body.Append(nil, false), &got))
	return got
}

func TestServiceCarriesASummaryOfItsScorecards(t *testing.T) {
	c := fixture.Example()
	c.Service.Annotations = map[string]string{"internal": "not for everybody"}
	body, err := wire.Service(c.Service, []*scorecard.Scorecard{c})
	got := decode(t, body, err)
	require.Equal(t, "default/playlist", got["id"])
	require.Equal(t, []any{map[string]any{"rubric": "http", "status": "scored", "score": 59.0, "grade": "F", "level": nil}}, got["scorecards"])
	require.NotContains(t, string(body.Append(nil, false)), "not for everybody")
}

func TestMapsAreInOrderOfTheirKeys(t *testing.T) {
	s := fixture.Services(1)[0]
	s.Labels = map[string]string{"z": "1", "a": "2", "m": "3"}
	body, err := wire.Service(s, nil)
	require.NoError(t, err)
	require.Contains(t, string(body.Append(nil, false)), `"labels":{"a":"2","m":"3","z":"1"}`)
}

func TestRubricSaysWhatEachCheckAsks(t *testing.T) {
	rubrics := fixture.Rubrics()
	require.NotEmpty(t, rubrics)
	body, err := wire.Rubric(rubrics[0])
	got := decode(t, body, err)
	checks := map[string]map[string]any{}
	for _, c := range got["checks"].([]any) {
		checks[c.(map[string]any)["name"].(string)] = c.(map[string]any)
	}
	require.Contains(t, checks["availability"]["query"], "http_requests_total")
	require.Equal(t, `{code=~"5.."}`, checks["availability"]["bad"])
	require.InDelta(t, 0.999, checks["availability"]["objective"], 0)
	require.Equal(t, "30d", checks["availability"]["period"])
	require.InDelta(t, 0.5, checks["latency"]["threshold"], 0)
	require.Contains(t, checks["saturation"]["query"], "$identity")
	require.Contains(t, checks["runbook"]["query"], "service.links")
	for name, c := range checks {
		require.NotEmpty(t, c["why"], name)
		require.NotEmpty(t, c["fix"], name)
	}
}

func TestQuestionOfEventsCountedInAnotherMetric(t *testing.T) {
	asked := wire.Question(&rubric.Check{Events: &rubric.Events{
		Total: rubric.Selector{Metric: "calls_total"}, BadOf: &rubric.Selector{Metric: "errors_total"},
	}})
	require.Equal(t, wire.Asked{Query: "calls_total", Bad: "errors_total"}, asked)
}

func TestARubricReadFromAStoreWithoutItsConditionsIsServedStill(t *testing.T) {
	body, err := wire.Rubric(&rubric.Rubric{Name: "x", Checks: []*rubric.Check{{Name: "y", Kind: rubric.KindCatalog}}})
	require.Nil(t, decode(t, body, err)["applies_to"])
}

func TestSourceAndHistory(t *testing.T) {
	body, err := wire.Source(&fixture.Sources(2)[1])
	got := decode(t, body, err)
	require.Equal(t, "failing", got["state"])
	require.InDelta(t, 0.214, got["duration_seconds"], 0)
	body, err = wire.History([]scorecard.HistoryPoint{{Time: fixture.Tick(), Score: new(59.96), Coverage: 1}})
	require.NoError(t, err)
	require.JSONEq(t, `{"items":[{"time":"2026-11-23T12:00:00Z","score":59.9,"coverage":1.0,"level":null}]}`, string(body.Append(nil, true)))
}
