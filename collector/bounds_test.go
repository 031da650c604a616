package collector

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBoundsAreAskedForAgainAfterAnHourAndWhileThereAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounds := []string{}
		asked := 0
		prom := &fakePrometheus{answer: func(expr string, _ time.Time) ([]row, error) {
			var out []row
			switch {
			case strings.Contains(expr, "group by"):
				asked++
				for _, le := range bounds {
					out = append(out, row{map[string]string{"le": le}, 1})
				}
			case strings.Contains(expr, "lat_seconds"):
				out = append(out, row{map[string]string{"service": "playlist", "le": "+Inf"}, 10})
			}
			return out, nil
		}}
		a := newAsker(SourceOptions{Name: "eu", Client: prom}, fixture{rubrics: oneCheck(bucketCheck), services: named("playlist")}.plan(t))
		detail := func() string {
			return a.ask(t.Context(), instant(600), nil)[0].Columns[0].Rows[0].Fault.Detail
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
