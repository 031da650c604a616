package gather

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
)

func TestBoundsAreAskedForAgainAfterAnHourAndWhileThereAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounds := []string{}
		asked := 0
		prom := &fixture.Prometheus{Answer: func(expr string, _ time.Time) ([]fixture.Row, error) {
			var out []fixture.Row
			switch {
			case strings.Contains(expr, "group by"):
				asked++
				for _, le := range bounds {
					out = append(out, fixture.Row{Labels: map[string]string{"le": le}, Value: 1})
				}
			case strings.Contains(expr, "lat_seconds"):
				out = append(out, fixture.Row{Labels: map[string]string{"service": "playlist", "le": "+Inf"}, Value: 10})
			}
			return out, nil
		}}
		a := newAsker(Source{Name: "eu", Client: prom}, spec{Rubrics: fixture.OneCheck(fixture.BucketCheck), Services: fixture.Named("playlist")}.plan(t))
		detail := func() string {
			return a.ask(t.Context(), question.Instant(600), nil)[0].Columns[0].Rows[0].Fault.Detail
		}
		require.NotContains(t, detail(), "nearest")
		bounds = []string{"0.25"}
		require.Contains(t, detail(), "the nearest are 0.25", "that there were none is not remembered")
		bounds = []string{"1"}
		require.Contains(t, detail(), "the nearest are 0.25")
		require.Equal(t, 2, asked)
		<-time.After(time.Hour)
		require.Contains(t, detail(), "the nearest are 1")
		require.Equal(t, 3, asked)
		<-time.After(2 * time.Hour)
		bounds = nil
		require.Contains(t, detail(), "the nearest are 1", "what was known last is better than nothing")
	})
}

func TestABoundIsFoundInWhateverFormItIsWritten(t *testing.T) {
	for bound, texts := range map[float64][]string{
		0.5:    {"0.5", "5e-01"},
		1:      {"1", "1.0", "1e+00"},
		1e6:    {"1e+06", "1000000", "1000000.0", "1e6", "1.0E6"},
		2.5e-5: {"2.5e-05", "2.5e-5", "2.5E-5", "0.000025"},
		0:      {"0", "0.0"},
		-1.5:   {"-1.5"},
	} {
		for _, text := range texts {
			c, ok := bucketClass(bound)(fixture.Series(map[string]string{"le": text}, 1))
			require.True(t, ok, text)
			require.Equal(t, classWithin, c, text)
		}
	}
}
