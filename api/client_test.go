package api_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/client"
	"github.com/apgarhq/apgar/api/internal/fixture"
)

func TestTheTypedClientReadsWhatIsServed(t *testing.T) {
	server := httptest.NewServer(newBench(t, fixture.Fleet(60), quiet).handler)
	defer server.Close()
	c, err := client.NewClientWithResponses(server.URL, client.WithHTTPClient(&http.Client{Timeout: 10 * time.Second}))
	require.NoError(t, err)

	one, err := c.GetScorecardWithResponse(t.Context(), "http", "default", "playlist")
	require.NoError(t, err)
	require.NotNil(t, one.JSON200)
	require.InDelta(t, 59.0, *one.JSON200.Score, 0)
	require.Nil(t, one.JSON200.Level)
	require.InDelta(t, 46.0, *one.JSON200.Results[0].Budget.Burn["5m"], 0)

	require.Nil(t, one.JSON200.Results[0].VerdictWithoutWaiver)
	require.Nil(t, one.JSON200.Results[0].Overrides)

	exempt := fixture.Services(6)[5].ID
	one, err = c.GetScorecardWithResponse(t.Context(), "http", exempt.Namespace, exempt.Name)
	require.NoError(t, err)
	require.Equal(t, client.VerdictWaived, one.JSON200.Results[1].Verdict)
	require.Equal(t, client.VerdictFail, *one.JSON200.Results[1].VerdictWithoutWaiver)
	require.Equal(t, map[string]string{"objective": "97%"}, *one.JSON200.Results[1].Overrides)

	grades := client.GradeParam{"F", "none"}
	page, err := c.ListScorecardsWithResponse(t.Context(), &client.ListScorecardsParams{Grade: &grades, Limit: new(3)})
	require.NoError(t, err)
	list, err := page.JSON200.AsScorecardList()
	require.NoError(t, err)
	require.Len(t, list.Items, 3)
	require.NotNil(t, list.NextCursor)

	missing, err := c.GetServiceWithResponse(t.Context(), "default", "nobody")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, missing.StatusCode())
	require.Equal(t, client.ProblemCodeNotFound, missing.ApplicationproblemJSON404.Code)

	rubrics, err := c.ListRubricsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, rubrics.JSON200.Items[0].Checks)
	history, err := c.GetHistoryWithResponse(t.Context(), "http", "default", "playlist", nil)
	require.NoError(t, err)
	require.Len(t, history.JSON200.Items, 288)
}

func TestTheSpecificationThatIsServedIsTheFile(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	require.Equal(t, want, api.OpenAPI())
}
