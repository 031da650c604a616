package exporter

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

// hostile are values that nobody should call anything.
func hostile() []string {
	return []string{
		"", `"} 1`, "a\nb", `a\`, "a\xffb", "a\xfeb", "\xc3\x28", "\x00", "\u2028", "<script>", `{x="y"}`,
		"# EOF", "\ufeff", "\ufffd", "{{.}}", "日本", strings.Repeat("x", 10_000),
	}
}

// parseOpenMetrics reads a page as Prometheus does and returns its series.
func parseOpenMetrics(tb testing.TB, page string) []labels.Labels {
	tb.Helper()
	p := textparse.NewOpenMetricsParser([]byte(page), labels.NewSymbolTable())
	var (
		all  []labels.Labels
		seen = map[uint64]bool{}
	)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(tb, err)
		if entry != textparse.EntrySeries {
			continue
		}
		var series labels.Labels
		p.Labels(&series)
		if hash := series.Hash(); !series.IsValid(model.UTF8Validation) || seen[hash] {
			require.Fail(tb, "a series is not valid, or there twice", series.String())
		} else {
			seen[hash] = true
		}
		all = append(all, series)
	}
}

// requireReadable holds both forms of a page against real parsers.
func requireReadable(tb testing.TB, e *Exporter) []labels.Labels {
	tb.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	text, err := parser.TextToMetricFamilies(strings.NewReader(get(tb, e, "")))
	require.NoError(tb, err)
	series := parseOpenMetrics(tb, get(tb, e, "application/openmetrics-text; version=1.0.0"))
	n := 0
	for _, f := range text {
		n += len(f.GetMetric())
	}
	require.Len(tb, series, n, "both forms have the same series")
	return series
}

// hostileCard is a scorecard with a value in every place that becomes a label.
func hostileCard(value string) *scorecard.Scorecard {
	c := newCard("http"+value, value, 90)
	c.Service.ID.Namespace, c.Service.Owner, c.Service.System, c.Service.Lifecycle = value, value, value, value
	c.Service.Tier = -1
	c.Results = append(c.Results, scorecard.Result{Check: value, Credit: new(0.5)}, scorecard.Result{Check: value, Credit: new(0.25)})
	return c
}

func TestHostileNamesMakeAPageThatCanBeRead(t *testing.T) {
	var cards []*scorecard.Scorecard
	for _, value := range hostile() {
		cards = append(cards, hostileCard(value))
	}
	series := requireReadable(t, New(fixed(snapshotOf(cards...)), Options{}))
	found := map[string]int{}
	for _, s := range series {
		if s.Get(model.MetricNameLabel) == Score {
			found[s.Get(LabelService)]++
		}
	}
	for _, value := range hostile() {
		require.Equal(t, 1, found[strings.ToValidUTF8(value, "\ufffd")], "%q", value)
	}
	require.Len(t, found, len(hostile())-1, "two names are the same once they are made valid")
}

func TestAScorecardWithoutAServiceIsLeftOut(t *testing.T) {
	page := get(t, New(fixed(snapshotOf(nil, &scorecard.Scorecard{Rubric: "http"}, newCard("http", "playlist", 90))), Options{}), "")
	require.Equal(t, 1, strings.Count(page, Score+"{"))
}

func TestFiftyThousandHostileNamesStayWithinTheLimit(t *testing.T) {
	const limit = 60_000
	cards := make([]*scorecard.Scorecard, 50_000)
	for i := range cards {
		cards[i] = newCard("http", fmt.Sprintf("\"\n\\%c%d\xff", rune(i), i), 90)
		cards[i].DataTime = time.Unix(int64(i), 0)
	}
	e := New(fixed(snapshotOf(cards...)), Options{SeriesLimit: limit})
	series := requireReadable(t, e)
	require.LessOrEqual(t, len(series), limit)
	require.Equal(t, []string{RollupScore, Score}, metricsOf(get(t, e, "")))
}

func FuzzPage(f *testing.F) {
	for _, value := range hostile() {
		f.Add(value, "playlist", 90.0)
		f.Add("team", value, -1.5)
	}
	f.Fuzz(func(t *testing.T, value, service string, score float64) {
		c := hostileCard(value)
		c.Score, c.Coverage = &score, score
		other := newCard(value, service, score)
		series := requireReadable(t, New(fixed(snapshotOf(c, other, c)), Options{}))
		require.LessOrEqual(t, len(series), 22+2*2*7, "and two buckets by each of seven dimensions, for two rubrics")
	})
}
