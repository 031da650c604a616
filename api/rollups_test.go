package api_test

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/scorecard"
)

type rollup struct {
	Rubric, By      string
	Name            *string
	Score           *float64
	Points          float64
	KnownWeight     float64 `json:"known_weight"`
	Weight          float64
	Services, Held  int
	Scored, Unknown int
	NotScored       int `json:"not_scored"`
	Grades, Levels  map[string]int
	Worst           []struct{ Namespace, Name string }
}

func rollupsOf(t *testing.T, response *http.Response) []rollup {
	t.Helper()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var out []rollup
	for _, item := range list(t, response).Items {
		var r rollup
		require.NoError(t, json.Unmarshal(item, &r))
		out = append(out, r)
	}
	return out
}

func TestRollupsAreServedAsTheyAreComputed(t *testing.T) {
	snap := fixture.WithOverall(fixture.Fleet(60))
	snap.Scorecards[0].Service.Owner = ""
	b := newBench(t, snap)
	for _, rubric := range []string{"http", "overall"} {
		want := scorecard.NewRoller(snap).Of(rubric)
		got := rollupsOf(t, b.get("/api/v1/rollups?limit=500&rubric="+rubric))
		require.Len(t, got, len(want))
		for _, w := range want {
			i := slices.IndexFunc(got, func(r rollup) bool { return r.By == string(w.By) && nameOf(r) == w.Name })
			require.GreaterOrEqual(t, i, 0, "%s %q", w.By, w.Name)
			g := got[i]
			require.Equal(t, rubric, g.Rubric)
			require.Equal(t, w.Score == nil, g.Score == nil)
			if w.Score != nil {
				require.InDelta(t, *w.Score, *g.Score, 0.1)
				require.InDelta(t, g.Points/g.KnownWeight, *g.Score, 0.1, "what it is made of")
			}
			require.Equal(t, []int{w.Services, w.Scored, w.Held, w.Unknown, w.NotScored}, []int{g.Services, g.Scored, g.Held, g.Unknown, g.NotScored})
			require.Equal(t, w.Grades, g.Grades)
			require.Len(t, g.Worst, len(w.Worst))
		}
	}
}

func nameOf(r rollup) string {
	if r.Name == nil {
		return ""
	}
	return *r.Name
}

func TestRollupsAreOfTheOverallScorecardsUnlessARubricIsNamed(t *testing.T) {
	b := newBench(t, fixture.WithOverall(fixture.Fleet(60)))
	for _, r := range rollupsOf(t, b.get("/api/v1/rollups?by=tier&by=system&sort=score")) {
		require.Equal(t, "overall", r.Rubric)
		require.Contains(t, []string{"tier", "system"}, r.By)
		for level := range r.Levels {
			require.Equal(t, "none", level, "it has no levels")
		}
	}
	scores := rollupsOf(t, b.get("/api/v1/rollups?by=owner&rubric=http&sort=score"))
	last := math.Inf(-1)
	for _, r := range scores {
		if r.Score != nil {
			require.GreaterOrEqual(t, *r.Score, last, "the worst come first")
			last = *r.Score
		}
		require.NotEmpty(t, r.Levels)
	}
	none := rollupsOf(t, b.get("/api/v1/rollups?by=tier&name=none"))
	require.Len(t, none, 1)
	require.Nil(t, none[0].Name, "the services without a tier are a bucket")
	require.Empty(t, rollupsOf(t, b.get("/api/v1/rollups?rubric=grpc")))
}

func TestEveryDimensionCanBeAskedFor(t *testing.T) {
	var names []string
	for _, by := range scorecard.Dimensions() {
		names = append(names, string(by))
	}
	require.Equal(t, names, listing.FieldValues("by"))
}

func TestRollupsAreGivenInPages(t *testing.T) {
	b := newBench(t, fixture.WithOverall(fixture.Fleet(300)))
	all := rollupsOf(t, b.get("/api/v1/rollups?limit=500"))
	var seen []rollup
	for cursor := ""; ; {
		page := list(t, b.get("/api/v1/rollups?limit=7&cursor="+cursor))
		require.Equal(t, len(all), page.Total)
		for _, item := range page.Items {
			var r rollup
			require.NoError(t, json.Unmarshal(item, &r))
			seen = append(seen, r)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	require.Equal(t, all, seen)
}

func TestWhatRollupsCannotBeAsked(t *testing.T) {
	b := newBench(t, fixture.WithOverall(fixture.Fleet(3)))
	for path, why := range map[string]string{
		"by=team":                  "allowed are owner, system, domain, tier, lifecycle, source, group",
		"rubric=http&rubric=other": "allowed is one rubric",
		"sort=changed":             "allowed are score, -score, coverage, -coverage",
		"owner=team-listen":        "allowed are rubric, by, name",
		"limit=" + strconv.Itoa(listing.MaxLimit+1): "from 1 to 500",
	} {
		response := b.get("/api/v1/rollups?" + path)
		require.Equal(t, http.StatusBadRequest, response.StatusCode, path)
		require.Contains(t, text(t, response), why)
	}
}
