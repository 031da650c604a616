package promserver

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimesAreReadInEveryFormThatClientsSend(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1795435200":                        time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		"1795435200.5":                      time.Date(2026, 11, 23, 12, 0, 0, 5e8, time.UTC),
		"2026-11-23T12:00:00Z":              time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		"2026-11-23T13:00:00.1+01:00":       time.Date(2026, 11, 23, 12, 0, 0, 1e8, time.UTC),
		earliest().Format(time.RFC3339Nano): earliest(),
		latest().Format(time.RFC3339Nano):   latest(),
	} {
		got, err := parseTime(text)
		require.NoError(t, err)
		require.True(t, want.Equal(got), "%s is %s", text, got)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"0", "1795435200.123", "-1", "NaN", "Inf", "1e300", "2026-11-23T12:00:00Z", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime(text)
		if err != nil {
			return
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(v) < 1e12 {
			require.InDelta(t, v, float64(got.UnixMilli())/1000, 0.001+math.Abs(v)*1e-12)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"0", "15", "5m", "1h30m", "-1", "NaN", "1e300", "1w"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseDuration(text)
		if err != nil {
			require.Zero(t, got)
		}
	})
}
