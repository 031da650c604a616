package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// tokens returns what a JSON document says, white space aside: the order of
// fields and the text of numbers count.
func tokens(t *testing.T, document []byte) []any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var list []any
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, token)
	}
}

func encode(t *testing.T, c *scorecard.Scorecard, stale bool) []byte {
	t.Helper()
	body, err := wire.Scorecard(c)
	require.NoError(t, err)
	return body.Append(nil, stale)
}

func TestTheDocumentedExampleIsWhatIsServed(t *testing.T) {
	want, err := os.ReadFile("testdata/example.json")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(tokens(t, want), tokens(t, encode(t, fixture.Example(), false))))
}

func TestStaleIsAllThatChangesWhenAnAnswerIsStale(t *testing.T) {
	fresh, stale := encode(t, fixture.Example(), false), encode(t, fixture.Example(), true)
	require.Equal(t, bytes.Replace(fresh, []byte(`"stale":false`), []byte(`"stale":true`), 1), stale)
	require.NotEqual(t, fresh, stale)
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	body, err := wire.Scorecard(fixture.Example())
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(body.Append([]byte("before"), true), []byte(`before{"rubric":`)))
}

func TestStatelessIsSaidOnlyWhenItIsSo(t *testing.T) {
	c := fixture.Example()
	require.NotContains(t, string(encode(t, c, false)), "stateless")
	c.Stateless = true
	require.Contains(t, string(encode(t, c, false)), `"stale":false,"stateless":true,"results":[`)
}

func TestDraftsAndNextStepsAreSaidOnlyWhereThereAreSome(t *testing.T) {
	c := fixture.Example()
	c.Draft = true
	c.NextSteps = []scorecard.NextStep{{Check: "latency", Level: "gold", Points: new(2.55)}, {Check: "runbook", Level: "gold"}}
	require.Contains(t, string(encode(t, c, false)), `"draft":true,"next_steps":[{"check":"latency","level":"gold","points":2.55},`+
		`{"check":"runbook","level":"gold","points":null}],"results":[`)
	for _, word := range []string{"draft", "next_steps"} {
		require.NotContains(t, string(encode(t, fixture.Example(), false)), word)
	}
}

func TestTheVerdictWithoutAWaiverIsSaidOfWhatIsWaivedOnly(t *testing.T) {
	c := fixture.Example()
	c.Results[0].Verdict, c.Results[0].WithoutWaiver, c.Results[0].Reason = scorecard.Waived, scorecard.Fail, "waiver:x"
	require.Contains(t, string(encode(t, c, false)), `"verdict":"waived","verdict_without_waiver":"fail","reason":"waiver:x"`)
	require.NotContains(t, string(encode(t, fixture.Example(), false)), "verdict_without_waiver")
}

func TestOverridesAreSaidOnlyWhereThereAreSome(t *testing.T) {
	c := fixture.Example()
	c.Results[0].Overrides = map[string]string{"severity": "low", "objective": "97%"}
	require.Contains(t, string(encode(t, c, false)), `"overrides":{"objective":"97%","severity":"low"},"verdict":`)
	require.NotContains(t, string(encode(t, fixture.Example(), false)), "overrides")
}

func TestWhatIsNotKnownIsNull(t *testing.T) {
	c := &scorecard.Scorecard{
		Rubric: "http", Status: scorecard.Unknown, Service: &catalog.Service{ID: catalog.ID{Namespace: "default", Name: "new"}},
		Results: []scorecard.Result{{Check: "x", Verdict: scorecard.VerdictUnknown}},
	}
	var got map[string]any
	require.NoError(t, json.Unmarshal(encode(t, c, false), &got))
	for _, field := range []string{
		"pass", "score", "last_score", "last_scored_at", "raw_score", "score_low", "score_high", "score_without_waivers",
		"grade", "level", "level_rank", "capped_by", "cap_points", "evaluated_at", "data_time",
	} {
		require.Contains(t, got, field)
		require.Nil(t, got[field], field)
	}
	service := got["service"].(map[string]any)
	require.Nil(t, service["tier"])
	require.Equal(t, []any{}, service["tags"])
	result := got["results"].([]any)[0].(map[string]any)
	for _, field := range []string{"credit", "points_lost", "value", "window", "target", "missing", "pending", "since", "data_time", "evidence", "budget"} {
		require.Contains(t, result, field)
		require.Nil(t, result[field], field)
	}
	require.Equal(t, []any{}, result["cells"])
}

func TestANumberThatIsNoneIsNeverWritten(t *testing.T) {
	for name, spoil := range map[string]func(*scorecard.Scorecard){
		"a score that is NaN":            func(c *scorecard.Scorecard) { c.Score = new(math.NaN()) },
		"a coverage that is infinite":    func(c *scorecard.Scorecard) { c.Coverage = math.Inf(1) },
		"a delta that is NaN":            func(c *scorecard.Scorecard) { c.Delta.Week = new(math.NaN()) },
		"a value that is NaN":            func(c *scorecard.Scorecard) { c.Results[0].Value = new(math.NaN()) },
		"a cell's value that is −Inf":    func(c *scorecard.Scorecard) { c.Results[0].Cells[0].Value = new(math.Inf(-1)) },
		"a burn rate that is infinite":   func(c *scorecard.Scorecard) { c.Results[0].Budget.Burn[0].Rate = new(math.Inf(1)) },
		"a remaining budget that is NaN": func(c *scorecard.Scorecard) { c.Results[0].Budget.Remaining = new(math.NaN()) },
		"a weight that is NaN":           func(c *scorecard.Scorecard) { c.Results[0].Weight = math.NaN() },
		"no service":                     func(c *scorecard.Scorecard) { c.Service = nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := fixture.Example()
			spoil(c)
			_, err := wire.Scorecard(c)
			require.ErrorContains(t, err, "http")
		})
	}
}

func TestAnErrorNamesTheCheckAndTheField(t *testing.T) {
	c := fixture.Example()
	c.Results[0].Value = new(math.NaN())
	_, err := wire.Scorecard(c)
	require.EqualError(t, err, `encode the scorecard of default/playlist by rubric "http": check "availability": field "value": NaN is no number of JSON; unknown numbers must be nil`)
}

func TestHostileTextIsQuoted(t *testing.T) {
	c := fixture.Example()
	c.Service.Owner = "\"}]\x00\n\u2028</script>\xff"
	var got struct {
		Service struct{ Owner string }
	}
	require.NoError(t, json.Unmarshal(encode(t, c, true), &got))
	require.Equal(t, "\"}]\x00\n\u2028</script>\uFFFD", got.Service.Owner)
}

func TestNumbersKeepTheirPrecision(t *testing.T) {
	c := fixture.Example()
	c.Results[0].PointsLost = new(100.0 / 3)
	c.Results[0].Value = new(1e-9)
	c.Coverage = 2.0 / 3
	text := string(encode(t, c, false))
	require.Contains(t, text, `"points_lost":33.333333333333336`)
	require.Contains(t, text, `"value":1e-09`)
	require.Contains(t, text, `"coverage":0.6666666666666666`)
}

func TestInstantsAreInUTC(t *testing.T) {
	c := fixture.Example()
	c.DataTime = c.DataTime.In(time.FixedZone("east", 3600))
	require.Contains(t, string(encode(t, c, false)), `"data_time":"2026-11-23T12:00:00Z","stale"`)
}

func BenchmarkScorecard(b *testing.B) {
	c := fixture.Example()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.Scorecard(c); err != nil {
			b.Fatal(err)
		}
	}
}
