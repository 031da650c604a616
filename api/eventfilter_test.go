package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// gone is a change of a service that the catalog does not have any more.
func gone() scorecard.Change {
	c := change(5)
	c.Key.Service = catalog.ID{Namespace: "default", Name: "gone"}
	return c
}

func TestFiltersSayWhichChangesAreTold(t *testing.T) {
	for query, want := range map[string][]string{
		"":                                       {"ab-1", "ab-2", "ab-3", "ab-4", "ab-5", "ab-6", "ab-7"},
		"?rubric=http":                           {"ab-1", "ab-2", "ab-3", "ab-4", "ab-5", "ab-6", "ab-7"},
		"?rubric=grpc":                           {},
		"?kind=verdict_changed":                  {"ab-1"},
		"?kind=verdict_changed&kind=":            {"ab-1"},
		"?kind=grade_changed&kind=level_changed": {"ab-2", "ab-3"},
		"?service=default/player":                {"ab-3"},
		"?service=default/gone":                  {"ab-7"},
		"?service=default/gone&owner=nobody":     {"ab-7"},
		"?owner=team-library":                    {"ab-1", "ab-7"},
		"?system=library&tier=none":              {"ab-1", "ab-7"},
		"?system=library&tier=1":                 {"ab-7"},
		"?tier=1&tier=2&kind=grade_changed":      {"ab-2"},
		"?lifecycle=experimental":                {"ab-7"},
		"?tag=http&kind=scorecard_removed":       {"ab-6", "ab-7"},
		"?q=SEARCH":                              {"ab-2", "ab-7"},
	} {
		t.Run(query, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newStreamBench(t)
				l := b.listen(t, query)
				l.take()
				b.changes.Commit(append(changes(0, 5), gone())...)
				require.Equal(t, want, ids(l.events()))
			})
		})
	}
}

func TestWhatCannotBeServedIsRefusedBeforeAStreamBegins(t *testing.T) {
	b := newStreamBench(t)
	for query, parameter := range map[string]string{
		"?kind=x": "kind", "?tier=5": "tier", "?service=playlist": "service", "?service=default/Play": "service", "?service=a/b/c": "service",
		"?grade=A": "grade", "?limit=5": "limit", "?sort=score": "sort", "?q=" + strings.Repeat("x", 129): "q", "?owner=%00": "owner",
	} {
		response := b.get("/api/v1/events" + query)
		require.Equal(t, http.StatusBadRequest, response.StatusCode, query)
		require.Equal(t, "invalid_parameter", code(t, response))
		require.Contains(t, text(t, response), `"parameter":"`+parameter+`"`)
	}
	for accept, want := range map[string]int{
		"application/json": 406, "text/html": 406, "text/event-stream;q=0, */*": 406, "text/event-stream": 200, "text/*": 200, "*/*": 200,
	} {
		require.Equal(t, want, b.get("/api/v1/events", "Accept", accept).StatusCode, accept)
	}
}
