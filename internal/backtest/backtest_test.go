package backtest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/internal/golden"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

var update = flag.Bool("update", false, "write what is rendered into the golden files")

func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

// levelled is a rubric with two levels and a check for each.
func levelled(version string) *rubric.Rubric {
	return &rubric.Rubric{
		Name: "http", Title: "HTTP <signals>", Version: version, Levels: []string{"bronze", "silver"},
		Checks: []*rubric.Check{
			{Name: "alive", Level: "bronze", LevelRank: 1},
			{Name: "quick", Level: "silver", LevelRank: 2},
			{Name: "owned", Level: "silver", LevelRank: 2},
			{Name: "traffic"},
		},
	}
}

// graded is a scorecard with verdicts of the checks in their order. A score
// below 0 is unknown.
func graded(name string, score float64, rank int, verdicts ...scorecard.Verdict) *scorecard.Scorecard {
	levels := []string{"", "bronze", "silver"}
	c := &scorecard.Scorecard{
		Rubric: "http", Service: &catalog.Service{ID: catalog.ID{Namespace: "default", Name: name}, Owner: "team-" + name},
		Status: scorecard.Scored, LevelRank: &rank, Level: levels[rank], Grade: "A",
	}
	pass := true
	if c.Score = &score; score < 0 {
		c.Score, c.Grade, c.Status = nil, "", scorecard.Unknown
	} else if score < 60 {
		c.Grade, pass = "F", false
	}
	c.Pass = &pass
	for i, v := range verdicts {
		check := levelled("").Checks[i]
		c.Results = append(c.Results, scorecard.Result{Check: check.Name, Verdict: v, Reason: "why", Message: check.Name + " <says> " + string(v), Weight: float64(10 - i)})
		if check.LevelRank == rank+1 && v != scorecard.Pass && v != scorecard.Warn {
			c.NextSteps = append(c.NextSteps, scorecard.NextStep{Check: check.Name})
		}
	}
	return c
}

const (
	pass    = scorecard.Pass
	warn    = scorecard.Warn
	fail    = scorecard.Fail
	unknown = scorecard.VerdictUnknown
)

// story is three ticks of four services: one loses a level and stays there, one
// for a while, one is not known in between, one is only graded before.
func story() *Report {
	c := NewComparison([]Change{{levelled("aaa"), levelled("bbb")}})
	for i := range 3 {
		other := &scorecard.Scorecard{Rubric: "other", Service: &catalog.Service{ID: catalog.ID{Namespace: "default", Name: "other"}}}
		before := []*scorecard.Scorecard{
			graded("steady", 100, 2, pass, pass, pass), graded("lost", 90, 2, pass, pass, pass),
			graded("shaken", 95, 2, pass, pass, pass), graded("gone", 80, 1, pass, fail, pass), other,
		}
		after := []*scorecard.Scorecard{
			graded("steady", 100, 2, pass, warn, pass), graded("lost", 50, 1, pass, unknown, fail), graded("shaken", 95, 2, pass, pass, pass), other,
		}
		switch i {
		case 0:
			after[1] = graded("lost", 20, 0, fail, fail, fail)
		case 1:
			before[3], after[2] = graded("gone", -1, 1, unknown), graded("shaken", -1, 0, unknown, fail)
		}
		c.Add(noon().Add(time.Duration(i)*5*time.Minute), before, after)
	}
	r := c.Report()
	r.Step, r.Faults = "5m", map[string][]string{"eu": {"no route <to> host"}}
	r.Cost = Cost{Before: Asking{3, 1234.4}, After: Asking{4, 1500}, Queries: 1203, Samples: 2398039}
	return r
}

func TestWhoLosesALevelAndByWhichCheck(t *testing.T) {
	r := story()
	require.Equal(t, 3, r.Evaluations)
	require.Equal(t, []time.Time{noon(), noon().Add(10 * time.Minute)}, []time.Time{r.From, r.To})
	http := r.Rubrics[0]
	require.Equal(t, 4, http.Services)
	require.Equal(t, []string{"default/gone"}, http.OnlyBefore)
	require.Empty(t, http.OnlyAfter)
	require.Equal(t, []Loss{
		{
			Service: "default/lost", Owner: "team-lost", Before: "silver", After: "bronze", AtEnd: true, First: noon(), Last: noon().Add(10 * time.Minute), Share: 1,
			Checks: []Blame{{"owned", "fail", "why", "owned <says> fail"}, {"quick", "unknown", "why", "quick <says> unknown"}},
		},
		{
			Service: "default/shaken", Owner: "team-shaken", Before: "silver", After: "", First: noon().Add(5 * time.Minute), Last: noon().Add(5 * time.Minute), Share: 1. / 3,
			Checks: []Blame{{"alive", "unknown", "why", "alive <says> unknown"}},
		},
	}, http.Losses)
	require.Equal(t, 1, http.LostAtEnd())
	require.InDelta(t, 91.25, *http.End.MeanBefore, 1e-9)
	require.InDelta(t, (100+50+95)/3., *http.End.MeanAfter, 1e-9)
	require.InDelta(t, (100*3+90*3+95*3+80*2)/11., *http.Span.MeanBefore, 1e-9)
	require.Equal(t, []Count{{"silver", 2}, {"bronze", 1}, {noLevel, 0}}, http.End.After.Levels)
	require.Equal(t, []Count{{"silver", 5}, {"bronze", 2}, {noLevel, 2}}, http.Span.After.Levels)
	require.Equal(t, []int{12, 1}, []int{http.Span.Before.Scorecards, http.Span.Before.Unknown})
	require.Equal(t, 3, http.Span.After.Failing)
	require.Equal(t, 1, http.End.After.Scores[Bins/2], "50 is in the range that begins with it")
	require.Equal(t, 1, http.End.After.Scores[Bins-1]-1, "100 is in the last range, with 95")
	require.InDelta(t, 72.5, *http.Timeline[1].After-2.5, 1e-9)
}

// TestWhatIsBlamedAreTheNextStepsGravestFirst holds that nothing else is: an
// unknown check that still holds its level is to blame for nothing.
func TestWhatIsBlamedAreTheNextStepsGravestFirst(t *testing.T) {
	card := graded("a", 90, 1, pass, unknown, unknown, fail)
	card.NextSteps = []scorecard.NextStep{{Check: "owned"}, {Check: "traffic"}}
	var names []string
	for _, b := range blame(card) {
		names = append(names, b.Check+" "+b.Verdict)
	}
	require.Equal(t, []string{"traffic fail", "owned unknown"}, names)
}

func TestANewRubricTakesNothingFromAnybody(t *testing.T) {
	c := NewComparison([]Change{{After: levelled("bbb")}})
	c.Add(noon(), nil, []*scorecard.Scorecard{graded("a", 50, 0, fail)})
	r := c.Report().Rubrics[0]
	require.Empty(t, r.Losses)
	require.Empty(t, r.OnlyAfter)
	require.Nil(t, r.End.MeanBefore)
	var b strings.Builder
	require.NoError(t, c.Report().WriteTable(&b))
	require.Contains(t, b.String(), "version bbb, which is new")
	require.NotContains(t, b.String(), "lower level")
}

func TestAServiceWithoutALevelYetLosesNone(t *testing.T) {
	c := NewComparison([]Change{{levelled("aaa"), levelled("bbb")}})
	fresh := graded("a", 50, 0, fail)
	fresh.LevelRank = nil
	c.Add(noon(), []*scorecard.Scorecard{graded("a", 100, 2)}, []*scorecard.Scorecard{fresh})
	require.Empty(t, c.Report().Rubrics[0].Losses)
}

func TestNothingCompared(t *testing.T) {
	r := NewComparison([]Change{{levelled("aaa"), levelled("bbb")}}).Report()
	require.NoError(t, r.WriteTable(io.Discard))
	require.NoError(t, r.WriteJSON(io.Discard))
	require.NoError(t, r.WriteHTML(io.Discard))
}

// TestGolden holds what is rendered against what people have looked at.
func TestGolden(t *testing.T) {
	r := story()
	for name, write := range map[string]func(io.Writer) error{"story.txt": r.WriteTable, "story.json": r.WriteJSON, "story.html": r.WriteHTML} {
		var b strings.Builder
		require.NoError(t, write(&b))
		golden.File(t, filepath.Join("testdata", name), *update, b.String())
		require.ErrorContains(t, write(full{}), "disk is full")
	}
}

// full is a file that cannot be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

// TestThePageNeedsNothingElse holds that a browser fetches nothing for it, and
// that what services and checks say is text.
func TestThePageNeedsNothingElse(t *testing.T) {
	var b strings.Builder
	require.NoError(t, story().WriteHTML(&b))
	page := b.String()
	for _, word := range []string{"<script", "src=", "href=", "http:", "https:", "url(", "@import", "<says>", "<signals>", "NaN", "ZgotmplZ", "<no value>"} {
		require.NotContains(t, page, word)
	}
	require.Contains(t, page, "owned &lt;says&gt; fail")
	// Every plot is sound XML, inside its own plane.
	for _, part := range strings.Split(page, "<svg")[1:] {
		svg, _, _ := strings.Cut(part, "</svg>")
		var shape struct {
			Rects []struct {
				X      float64 `xml:"x,attr"`
				Y      float64 `xml:"y,attr"`
				Width  float64 `xml:"width,attr"`
				Height float64 `xml:"height,attr"`
			} `xml:"rect"`
		}
		require.NoError(t, xml.Unmarshal([]byte("<svg"+svg+"</svg>"), &shape))
		for _, r := range shape.Rects {
			require.GreaterOrEqual(t, min(r.X, r.Y, r.Width, r.Height), 0.)
			require.LessOrEqual(t, r.X+r.Width, plotWidth)
			require.LessOrEqual(t, r.Y+r.Height, plotHeight)
		}
	}
}

func TestTheReportReadsBack(t *testing.T) {
	var b strings.Builder
	require.NoError(t, story().WriteJSON(&b))
	var back Report
	require.NoError(t, json.Unmarshal([]byte(b.String()), &back))
	require.Equal(t, story().Rubrics[0].Losses, back.Rubrics[0].Losses)
	require.Equal(t, story().Cost, back.Cost)
}

func TestALineHasAGapWhereThereIsNoScore(t *testing.T) {
	at := func(minute int, v float64) Point {
		p := Point{Time: noon().Add(time.Duration(minute) * time.Minute)}
		if v >= 0 {
			p.Before = &v
		}
		return p
	}
	p := plotTimeline([]Point{at(0, 80), at(5, 90), at(10, -1), at(15, 100), at(20, -1)})
	require.Len(t, p.Before, 1)
	require.Equal(t, 2, strings.Count(p.Before[0], ","))
	require.Equal(t, []dot{{X: 469, Y: 10, Hint: "before: 100.0"}}, p.Dots, "no line goes through a score by itself")
	require.Empty(t, p.After)
	require.Equal(t, "70", p.Axis[0].Text, "the axis is cut to where scores are")
	require.Len(t, p.Times, 5)
}

func TestASingleEvaluationIsADotForEachSideAndOneTime(t *testing.T) {
	before, after := 80.0, 90.0
	p := plotTimeline([]Point{{Time: noon(), Before: &before, After: &after}})
	require.Empty(t, p.Before)
	require.Empty(t, p.After)
	middle := plotLeft + inWidth/2
	require.Equal(t, []mark{{middle, "12:00"}}, p.Times)
	require.Len(t, p.Dots, 2)
	require.Equal(t, dot{X: middle, Y: p.Dots[0].Y, Hint: "before: 80.0"}, p.Dots[0])
	require.Equal(t, dot{X: middle, Y: p.Dots[1].Y, After: true, Hint: "after: 90.0"}, p.Dots[1])
	require.Greater(t, p.Dots[0].Y, p.Dots[1].Y, "the higher score is higher up")
}

func TestRoundNumbersOnTheAxis(t *testing.T) {
	for n, want := range map[int]int{1: 2, 2: 2, 3: 4, 7: 10, 10: 10, 11: 20, 60: 60, 61: 100, 4001: 6000} {
		require.Equal(t, want, niceTop(n), n)
	}
}

func TestNumbersAreReadable(t *testing.T) {
	require.Equal(t, "1 query", counted(1, "query"))
	require.Equal(t, "1,203 queries", counted(1203, "query"))
	require.Equal(t, "999 samples", counted(999, "sample"))
	require.Equal(t, "12,398,039", thousands(12398039))
}
