package wire_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/api/wire"
)

func TestRoundScore(t *testing.T) {
	for name, tc := range map[string]struct {
		score float64
		want  string
	}{
		"a whole number has one decimal":                       {59, "59.0"},
		"a score is rounded to the nearest tenth":              {70.8333, "70.8"},
		"rounding up is fine where no border is reached":       {70.86, "70.9"},
		"a score just below the cap does not reach it":         {58.97, "58.9"},
		"a score just below D stays an F":                      {59.96, "59.9"},
		"a score just below C stays a D":                       {69.99, "69.9"},
		"a score just below B stays a C":                       {79.951, "79.9"},
		"a score just below A stays a B":                       {89.9999, "89.9"},
		"nearly perfect is not perfect":                        {99.99, "99.9"},
		"a score within the tolerance below a border is on it": {89.99999999999, "90.0"},
		"a score within the tolerance above a border is on it": {60.00000000001, "60.0"},
		"a score above a border is rounded down onto it":       {90.04, "90.0"},
		"zero is zero":           {0, "0.0"},
		"negative zero is zero":  {math.Copysign(0, -1), "0.0"},
		"a hundred is a hundred": {100, "100.0"},
		"no number is null":      {math.NaN(), "null"},
		"infinity is null":       {math.Inf(1), "null"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, wire.RoundScore(tc.score)) })
	}
}

func TestRoundScoreNeverCrossesABorder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(0, 100).Draw(t, "score")
		printed, err := strconv.ParseFloat(wire.RoundScore(x), 64)
		require.NoError(t, err)
		require.InDelta(t, x, printed, 0.1+1e-9)
		for _, border := range []float64{59, 60, 70, 80, 90, 100} {
			if x < border*(1-1e-9) {
				require.Less(t, printed, border)
			}
		}
	})
}

func TestRoundPoints(t *testing.T) {
	for x, want := range map[float64]string{-38.2: "-38.2", 0: "0.0", -0.01: "0.0", 59.96: "60.0", -41: "-41.0"} {
		require.Equal(t, want, wire.RoundPoints(x))
	}
	require.Equal(t, "null", wire.RoundPoints(math.NaN()))
}

func TestDuration(t *testing.T) {
	day := 24 * time.Hour
	for want, d := range map[string]time.Duration{
		"30d": 30 * day, "7d": 7 * day, "1d": day, "3d": 3 * day, "5m": 5 * time.Minute, "1h": time.Hour,
		"16h50m": 16*time.Hour + 50*time.Minute, "15s": 15 * time.Second, "250ms": 250 * time.Millisecond, "0s": 0,
		"-1h": -time.Hour,
	} {
		require.Equal(t, want, wire.Duration(d))
	}
}
