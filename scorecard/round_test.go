package scorecard_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/scorecard"
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
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, scorecard.RoundScore(tc.score)) })
	}
}

func TestRoundScoreNeverCrossesABorder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(0, 100).Draw(t, "score")
		printed, err := strconv.ParseFloat(scorecard.RoundScore(x), 64)
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
		require.Equal(t, want, scorecard.RoundPoints(x))
	}
	require.Equal(t, "null", scorecard.RoundPoints(math.NaN()))
}
