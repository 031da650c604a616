package page

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

func renderer(t *testing.T) *Renderer {
	t.Helper()
	r, err := New(Site{Version: "1.2.3"})
	require.NoError(t, err)
	return r
}

func TestPercentKeepsTheDigitsThatMatter(t *testing.T) {
	for want, ratio := range map[string]float64{
		"99.931 %": 0.99931, "99.9 %": 0.999, "100 %": 1, "31 %": 0.31, "0 %": 0, "0.5 %": 0.005, "-40 %": -0.4, "37.1 %": 0.3714,
		"99.999 %": 0.99999, "-1250 %": -12.5,
	} {
		require.Equal(t, want, percent(ratio))
	}
	require.Equal(t, "–", percent(math.NaN()))
}

func TestQuantity(t *testing.T) {
	for _, tc := range []struct {
		value *float64
		unit  string
		want  string
	}{
		{nil, "ratio", "–"},
		{new(math.Inf(1)), "", "–"},
		{new(0.999), "ratio", "99.9 %"},
		{new(0.25), "s", "0.25 s"},
		{new(12345.6), "requests/s", "12346 requests/s"},
		{new(3.0), "", "3"},
	} {
		require.Equal(t, tc.want, quantity(tc.value, tc.unit))
	}
}

func TestASparklineHasAGapWhereTheScoreWasUnknown(t *testing.T) {
	at := func(minute int, score *float64) scorecard.HistoryPoint {
		return scorecard.HistoryPoint{Time: fixture.Tick().Add(time.Duration(minute) * time.Minute), Score: score}
	}
	s := sparklineOf([]scorecard.HistoryPoint{at(0, new(100.0)), at(1, new(50.0)), at(2, nil), at(3, new(0.0)), at(4, nil)})
	require.Equal(t, "M4.0 4.0L82.0 28.0M238.0 52.0", s.Path)
	require.False(t, s.HasEnd)
	require.Contains(t, s.Label, "first 100.0, last 0.0")
	require.Nil(t, sparklineOf(nil))
	require.Nil(t, sparklineOf([]scorecard.HistoryPoint{at(0, nil), at(1, new(3.0))}))
	require.NotNil(t, sparklineOf([]scorecard.HistoryPoint{at(0, new(1.0)), at(0, new(3.0))}), "two scores of one moment")
}

func TestASpentBudgetIsShownAsSpent(t *testing.T) {
	b := budgetOf(&scorecard.Budget{Objective: 0.999, Period: 30 * 24 * time.Hour, Covered: 0.4, Remaining: new(-0.4), Burn: []scorecard.Burn{{Window: time.Hour}}})
	require.Equal(t, "fail", b.Class)
	require.Equal(t, "spent: −40 %", b.Text)
	require.Zero(t, b.Left)
	require.Equal(t, "30d at 99.9 %, 40 % of it measured", b.Span)
	require.Equal(t, []burn{{Window: "1h", Rate: "–"}}, b.Burns)
	require.Equal(t, "unknown", budgetOf(&scorecard.Budget{}).Class)
	require.Equal(t, "warn", budgetOf(&scorecard.Budget{Remaining: new(0.1)}).Class)
	require.Nil(t, budgetOf(nil))
}

func TestGroupsAreInOrderWithTheUngroupedLast(t *testing.T) {
	var list []standing
	for _, system := range []string{"b", "", "a", "b"} {
		s := &catalog.Service{ID: catalog.ID{Namespace: "music", Name: "x"}, System: system}
		list = append(list, standing{service: s})
	}
	groups := renderer(t).groups(list, BySystem)
	require.Len(t, groups, 3)
	require.Equal(t, []string{"a", "b", "no system"}, []string{groups[0].Name, groups[1].Name, groups[2].Name})
	require.Equal(t, "s2", groups[1].Span)
	require.Equal(t, "music/x: no scorecard", groups[0].Cells[0].Title)
}

func TestTheWorstKnownScorecardSpeaksForAService(t *testing.T) {
	good := &scorecard.Scorecard{Score: new(93.0)}
	bad := &scorecard.Scorecard{Score: new(40.0)}
	blind := &scorecard.Scorecard{Status: scorecard.Unknown}
	aside := &scorecard.Scorecard{Status: scorecard.NotScored}
	require.Same(t, bad, speakerOf([]*scorecard.Scorecard{good, blind, bad, aside}))
	require.Same(t, blind, speakerOf([]*scorecard.Scorecard{aside, blind}))
	require.Same(t, aside, speakerOf([]*scorecard.Scorecard{aside}))
	require.Nil(t, speakerOf(nil))
}

// TestTheOverallScorecardStandsFirstWhereItSumsUp has a service of one rubric,
// then of two.
func TestTheOverallScorecardStandsFirstWhereItSumsUp(t *testing.T) {
	service := &catalog.Service{ID: catalog.ID{Namespace: "default", Name: "playlist"}}
	card := func(rubric string, score float64) *scorecard.Scorecard {
		return &scorecard.Scorecard{Rubric: rubric, Service: service, Status: scorecard.Scored, Score: &score, RawScore: new(80.0), Grade: "F", CappedBy: "http"}
	}
	snap := &scorecard.Snapshot{Catalog: catalog.NewSnapshot([]*catalog.Service{service}, nil)}
	shown := func(cards ...*scorecard.Scorecard) string {
		snap.Scorecards = cards
		body, err := renderer(t).Service(Moment{Snapshot: snap}, ServiceData{Service: service, Cards: cards})
		require.NoError(t, err)
		return string(body)
	}
	http, grpc, overall := card("http", 59), card("grpc", 91), card("overall", 42)
	require.NotContains(t, shown(http, overall), "All rubrics")
	both := shown(grpc, http, overall)
	require.Less(t, strings.Index(both, "All rubrics"), strings.Index(both, `id="grpc"`))
	require.Contains(t, both, "Capped by http, of which a critical check fails; without the cap it would be 80.0.")
	require.NotContains(t, both, "/rubrics#overall")
	snap.Rubrics = []*rubric.Rubric{{Name: "http", Weight: 1}, {Name: "grpc", Weight: 2.5}}
	http.Score, http.Status, http.LastScore = nil, scorecard.Unknown, new(59.0)
	require.Contains(t, shown(grpc, http, overall), "2.5 × grpc 91.0 · http unknown, last 59.0")
	http.DataTime = http.LastScoredAt.Add(25 * time.Hour)
	require.Contains(t, shown(grpc, http, overall), "2.5 × grpc 91.0 · http unknown</p>", "what is older than a day does not count")
	require.Len(t, standingsOf(snap)[0].cards, 2, "it only sums up the others")
	require.Same(t, grpc, standingsOf(snap)[0].speaker)
}

// TestDraftsAreMarked has a draft, a rubric that is to come and one that has
// been in effect for an hour.
func TestDraftsAreMarked(t *testing.T) {
	snap := &scorecard.Snapshot{Tick: fixture.Tick(), Catalog: catalog.NewSnapshot(fixture.Services(1), nil), Rubrics: []*rubric.Rubric{
		{Name: "draft", Draft: true}, {Name: "next", EffectiveFrom: fixture.Tick().Add(time.Hour)}, {Name: "old", EffectiveFrom: fixture.Tick().Add(-time.Hour)},
	}}
	body, err := renderer(t).Rubrics(Moment{Snapshot: snap})
	require.NoError(t, err)
	require.Regexp(t, `draft</span> <span class="tag">draft</span></h2>`, string(body))
	require.Contains(t, string(body), `next</span> <span class="tag">draft until `+clock(snap.Rubrics[1].EffectiveFrom)+`</span></h2>`)
	require.Contains(t, string(body), `old</span></h2>`)

	c := fixture.Example()
	require.NotContains(t, notes(c), "A draft, or not in effect yet: it counts nowhere.")
	c.Draft = true
	require.Equal(t, "A draft, or not in effect yet: it counts nowhere.", notes(c)[0])
}

func TestSourcesInTroubleComeFirst(t *testing.T) {
	s := sourcesOf(fixture.Sources(150))
	require.Equal(t, 149, s.OK)
	require.Len(t, s.Chips, maxChips)
	require.Equal(t, "bad", s.Chips[0].Class)
	require.Equal(t, 144, s.More)
}

func TestWantsSaysWhatPasses(t *testing.T) {
	month := 30 * 24 * time.Hour
	for want, c := range map[string]*rubric.Check{
		"99.9 % good over 30d": {Kind: rubric.KindEvents, Events: &rubric.Events{}, Objective: 0.999, Period: month},
		"99 % good over 30d; at most 0.5 s counts as good": {
			Kind: rubric.KindHistogram, Histogram: &rubric.Histogram{Selector: rubric.Selector{Metric: "x_seconds"}, Threshold: 0.5}, Objective: 0.99, Period: month,
		},
		"pass ≤ 70 %, fail at 95 %": {Kind: rubric.KindValue, Value: &rubric.Value{Unit: "ratio"}, Pass: new(0.7), Fail: new(0.95), Op: rubric.AtMost},
		"pass ≥ 3":                  {Kind: rubric.KindValue, Value: &rubric.Value{}, Pass: new(3.0), Op: rubric.AtLeast},
		"the condition holds":       {Kind: rubric.KindCatalog},
	} {
		require.Equal(t, want, criterionOf(c).Wants)
	}
}

func TestRangesAndMoves(t *testing.T) {
	require.Nil(t, rangeOf(&scorecard.Scorecard{}))
	require.Nil(t, rangeOf(&scorecard.Scorecard{ScoreLow: new(59.0), ScoreHigh: new(59.0)}), "nothing is unseen")
	r := rangeOf(&scorecard.Scorecard{ScoreLow: new(31.0), ScoreHigh: new(98.6)})
	require.Equal(t, &scoreRange{Low: 31, Width: 98.6 - 31, LowText: "31.0", HighText: "98.6"}, r)
	require.Equal(t, []move{{"1h", "+2.0", "up"}, {"24h", "−1.5", "down"}, {"7d", "±0", "flat"}},
		moves(scorecard.Delta{Hour: new(2.0), Day: new(-1.5), Week: new(0.01)}))
}

func TestOnlyWebLinksAreFollowed(t *testing.T) {
	got := webLinks(map[string]string{"b": "https://example.org/", "a": "http://example.org", "x": "javascript:alert(1)", "y": "//example.org", "z": "/etc/passwd"})
	require.Equal(t, []Link{{"a", "http://example.org"}, {"b", "https://example.org/"}}, got)
}

func TestPagesOfAnEmptySnapshot(t *testing.T) {
	r, m := renderer(t), Moment{Snapshot: &scorecard.Snapshot{}}
	for name, render := range map[string]func() ([]byte, error){
		"the fleet": func() ([]byte, error) { return r.Fleet(m, FleetOptions{By: BySystem}) },
		"rubrics":   func() ([]byte, error) { return r.Rubrics(m) },
		"a service": func() ([]byte, error) { return r.Service(m, ServiceData{Service: &catalog.Service{}}) },
		"a problem": func() ([]byte, error) { return r.Problem("x", "y", true) },
	} {
		t.Run(name, func(t *testing.T) {
			body, err := render()
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(strings.TrimSpace(string(body)), "</html>"))
		})
	}
}

func TestTheFlagsSayWhatIsUnusual(t *testing.T) {
	require.Empty(t, flags(&scorecard.Result{Verdict: scorecard.Pass}))
	require.Equal(t, []string{"overridden: objective 97%, period 7d"},
		flags(&scorecard.Result{Overrides: map[string]string{"period": "7d", "objective": "97%"}}))
	require.Equal(t, []string{"without the waiver: not applicable"}, flags(&scorecard.Result{Verdict: scorecard.Waived, WithoutWaiver: scorecard.NotApplicable}))
	require.Equal(t, []string{"carried over: source_error", "turning to fail", "flapping", "too few events to fail"},
		flags(&scorecard.Result{Carried: true, Missing: "source_error", Pending: scorecard.Fail, Flapping: true, LowTraffic: true}))
}
