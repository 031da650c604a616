package exporter

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/internal/golden"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

var update = flag.Bool("update", false, "write the golden pages anew")

func newCard(rubric, service string, score float64) *scorecard.Scorecard {
	return &scorecard.Scorecard{
		Rubric: rubric, Status: scorecard.Scored, Coverage: 1, Score: &score, LevelRank: new(2),
		DataTime: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		Service: &catalog.Service{
			ID:    catalog.ID{Namespace: "default", Name: service},
			Owner: "team-listen", System: "library", Tier: 1, Lifecycle: "production",
		},
		Results: []scorecard.Result{
			{Check: "availability", Credit: new(1.0), Budget: &scorecard.Budget{Remaining: new(0.31)}},
			{Check: "runbook", Credit: new(0.0)},
		},
	}
}

// smallSnapshot has what can be known and what cannot.
func smallSnapshot() *scorecard.Snapshot {
	unknown := newCard("http", "tracks", 0)
	unknown.Status, unknown.Coverage, unknown.Score, unknown.LevelRank = scorecard.Unknown, 0.25, nil, new(0)
	unknown.Results[0] = scorecard.Result{Check: "availability", Verdict: scorecard.VerdictUnknown, Budget: &scorecard.Budget{}}
	overspent := newCard("http", "playlist", 59)
	overspent.Results[0].Credit, overspent.Results[0].Budget.Remaining = new(0.0), new(-1.5)
	notScored := newCard("kubernetes", "playlist", 0)
	notScored.Status, notScored.Score, notScored.LevelRank, notScored.Results = scorecard.NotScored, nil, nil, nil
	notScored.DataTime = time.Time{}
	catalogOnly := newCard("ownership", "archive", 100)
	catalogOnly.Service = &catalog.Service{ID: catalog.ID{Namespace: "media", Name: "archive"}}
	catalogOnly.Results = catalogOnly.Results[1:]
	draft, later := newCard("next", "playlist", 10), newCard("later", "playlist", 20)
	draft.Draft, later.Draft = true, true
	return &scorecard.Snapshot{
		Generation: 1,
		Rubrics:    []*rubric.Rubric{{Name: "http"}, {Name: "next", Draft: true}, {Name: "later", EffectiveFrom: draft.DataTime.AddDate(1, 0, 0)}, nil},
		Scorecards: []*scorecard.Scorecard{overspent, unknown, notScored, draft, later, catalogOnly},
	}
}

// fixed is a source of always the same snapshot.
func fixed(s *scorecard.Snapshot) func() *scorecard.Snapshot {
	return func() *scorecard.Snapshot { return s }
}

func snapshotOf(cards ...*scorecard.Scorecard) *scorecard.Snapshot {
	return &scorecard.Snapshot{Scorecards: cards}
}

// get reads the page, in the text format unless accept says otherwise.
func get(tb testing.TB, e *Exporter, accept string) string {
	tb.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics/scorecards", http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, r)
	require.Equal(tb, http.StatusOK, w.Code, w.Body.String())
	return w.Body.String()
}

func TestThePageOfASmallSnapshot(t *testing.T) {
	e := New(fixed(smallSnapshot()), Options{})
	golden.File(t, "testdata/page.txt", *update, get(t, e, ""))
	golden.File(t, "testdata/page.openmetrics.txt", *update, get(t, e, "application/openmetrics-text; version=1.0.0"))
}

func TestBeforeTheFirstSnapshotThePageHasTheExportersOwnSeriesOnly(t *testing.T) {
	golden.File(t, "testdata/empty.txt", *update, get(t, New(fixed(nil), Options{}), ""))
}

func TestThePageIsCleanForPromlint(t *testing.T) {
	problems, err := testutil.GatherAndLint(New(fixed(smallSnapshot()), Options{}))
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestASeriesGoesWithItsScorecard(t *testing.T) {
	s := snapshotOf(newCard("http", "playlist", 90), newCard("http", "tracks", 80))
	e := New(func() *scorecard.Snapshot { return s }, Options{})
	require.Contains(t, get(t, e, ""), `service="tracks"`)
	s = snapshotOf(newCard("http", "playlist", 90))
	require.NotContains(t, get(t, e, ""), `service="tracks"`)
	s = nil
	require.NotContains(t, get(t, e, ""), "playlist")
}

func TestWhatIsNoNumberIsAbsent(t *testing.T) {
	zero := 0.0
	for _, none := range []float64{zero / zero, 1 / zero, -1 / zero} {
		c := newCard("http", "playlist", none)
		c.Coverage = none
		c.Results[0].Credit, c.Results[0].Budget.Remaining = &none, &none
		page := get(t, New(fixed(snapshotOf(c)), Options{}), "")
		for _, name := range []string{Score + "{", Coverage, ErrorBudgetRemaining} {
			require.NotContains(t, page, name, fmt.Sprint(none))
		}
		require.Contains(t, page, CheckCredit+`{check="runbook"`)
		require.NotContains(t, page, "availability")
	}
}

// metricsOf names the metrics of a page but the exporter's own.
func metricsOf(page string) []string {
	var names []string
	for line := range strings.Lines(page) {
		name, ok := strings.CutPrefix(line, "# TYPE ")
		name, _, _ = strings.Cut(name, " ")
		if ok && name != Series && name != SeriesDropped {
			names = append(names, name)
		}
	}
	return names
}

// seriesOf counts the series of a page, and checks what it says of itself.
func seriesOf(tb testing.TB, page string) int {
	tb.Helper()
	n := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	require.Contains(tb, page, fmt.Sprintf("\n%s %d\n", Series, n))
	return n
}

func TestMetricsAreLeftOutWholeAndTheScoresLast(t *testing.T) {
	// Per service 1 score, coverage, level, timestamp, info, budget; 2 credits.
	// Seven rollups, as all services are in one bucket by every dimension.
	var cards []*scorecard.Scorecard
	for i := range 10 {
		cards = append(cards, newCard("http", fmt.Sprint("service-", i), 90))
	}
	for _, tc := range []struct {
		limit   int
		kept    []string
		dropped int
	}{
		{89, []string{CheckCredit, Coverage, ErrorBudgetRemaining, Level, RollupScore, Score, DataTimestamp, ServiceInfo}, 0},
		{88, []string{Coverage, ErrorBudgetRemaining, Level, RollupScore, Score, DataTimestamp, ServiceInfo}, 20},
		{69, []string{Coverage, ErrorBudgetRemaining, Level, RollupScore, Score, DataTimestamp, ServiceInfo}, 20},
		{68, []string{Coverage, Level, RollupScore, Score, DataTimestamp, ServiceInfo}, 30},
		{58, []string{Coverage, Level, RollupScore, Score, DataTimestamp}, 40},
		{48, []string{Coverage, Level, RollupScore, Score}, 50},
		{38, []string{Coverage, RollupScore, Score}, 60},
		{28, []string{RollupScore, Score}, 70},
		{18, []string{Score}, 77},
		{11, nil, 87},
		{1, nil, 87},
	} {
		t.Run(fmt.Sprintf("a limit of %d series leaves out %d", tc.limit, tc.dropped), func(t *testing.T) {
			page := get(t, New(fixed(snapshotOf(cards...)), Options{SeriesLimit: tc.limit}), "")
			require.Equal(t, tc.kept, metricsOf(page))
			require.Equal(t, 89-tc.dropped, seriesOf(t, page))
			require.Contains(t, page, fmt.Sprintf("\n%s %d\n", SeriesDropped, tc.dropped))
		})
	}
}

func TestWhatIsLeftOutIsLoggedOnceUntilItFitsAgain(t *testing.T) {
	var log bytes.Buffer
	var cards []*scorecard.Scorecard
	for i := range 10 {
		cards = append(cards, newCard("http", fmt.Sprint("service-", i), 90))
	}
	s := snapshotOf(cards...)
	e := New(func() *scorecard.Snapshot { return s }, Options{SeriesLimit: 77, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	logged := func() int { return strings.Count(log.String(), "exporter.series_limit") }
	for range 3 {
		s = snapshotOf(cards...)
		get(t, e, "")
		get(t, e, "application/openmetrics-text")
	}
	require.Equal(t, 1, logged(), log.String())
	require.Contains(t, log.String(), "series_limit=77 series=89 left_out=[apgar_check_credit_ratio]")
	s = snapshotOf(cards[:5]...)
	get(t, e, "")
	s = snapshotOf(cards...)
	get(t, e, "")
	require.Equal(t, 2, logged())
}
