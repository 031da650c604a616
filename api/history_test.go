package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
)

func TestHistory(t *testing.T) {
	b := newBench(t, fixture.Fleet(3))
	path := "/api/v1/scorecards/http/default/playlist/history"
	for name, tc := range map[string]struct {
		query string
		first time.Time
		count int
	}{
		"the last day, in steps of five minutes":        {"", fixture.Tick().Add(-24*time.Hour + 5*time.Minute), 288},
		"two hours, tick by tick":                       {"?from=2026-11-23T10:00:00Z", fixture.Tick().Add(-119 * time.Minute), 120},
		"a month, by the hour":                          {"?from=2026-10-24T12:00:00Z", fixture.Tick().Add(-30*24*time.Hour + time.Hour), 720},
		"times in seconds":                              {"?from=1795429800&to=1795431600&step=10m", time.Unix(1795430400, 0), 3},
		"a step that is asked for":                      {"?step=1h", fixture.Tick().Add(-23 * time.Hour), 24},
		"a step below the interval, which is the least": {"?from=2026-11-23T11:00:00Z&step=1s", fixture.Tick().Add(-59 * time.Minute), 60},
	} {
		t.Run(name, func(t *testing.T) {
			var got struct {
				Items []struct{ Time time.Time }
			}
			require.NoError(t, json.Unmarshal([]byte(text(t, b.get(path+tc.query))), &got))
			require.Len(t, got.Items, tc.count)
			require.True(t, tc.first.Equal(got.Items[0].Time), "%s", got.Items[0].Time)
		})
	}
	for query, param := range map[string]string{
		"?from=yesterday": "from", "?to=x": "to", "?step=0s": "step", "?step=fast": "step", "?from=2026-11-24T00:00:00Z": "from",
		"?from=2020-01-01T00:00:00Z&step=1m": "step", "?limit=3": "limit",
	} {
		require.Contains(t, text(t, b.get(path+query)), `"parameter":"`+param+`"`, query)
	}
}
