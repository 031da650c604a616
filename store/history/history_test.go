package history

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCoverageIsRoundedButNeverToTheWhole(t *testing.T) {
	for _, tc := range []struct {
		ratio float64
		want  uint16
	}{
		{1, 10_000},
		{1.5, 10_000},
		{0.99999999, 9_999},
		{0.8, 8_000},
		{1.0 / 3, 3_333},
		{0, 0},
		{-1, 0},
		{math.NaN(), 0},
		{math.Inf(1), 10_000},
	} {
		require.Equal(t, tc.want, PackCoverage(tc.ratio), fmt.Sprint(tc.ratio))
	}
	require.Equal(t, 0.8, Coverage(PackCoverage(0.8)))
}

func TestStretchesCoverWhatIsKeptOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newest := rapid.Int64Range(1_700_000_000, 1_800_000_000).Draw(t, "newest")
		from := newest - rapid.Int64Range(-100, 100*24*3600).Draw(t, "from")
		to := newest - rapid.Int64Range(-100, 100*24*3600).Draw(t, "to")
		at := max(from, newest-90*24*3600)
		for _, s := range Stretches(from, to, newest) {
			require.Equal(t, at, s.From)
			require.Greater(t, s.To, s.From)
			require.Greater(t, s.From+1, newest-Tiers()[s.Tier].Span, "the tier keeps it")
			if s.Tier > 0 {
				require.LessOrEqual(t, s.To, newest-Tiers()[s.Tier-1].Span, "no finer tier keeps it")
			}
			at = s.To
		}
		if from < to && to > newest-90*24*3600 {
			require.Equal(t, to, at)
		}
	})
}

func TestStepsIncludeTheirEnd(t *testing.T) {
	require.Equal(t, int64(0), Step(300, 5*time.Minute))
	require.Equal(t, int64(1), Step(301, 5*time.Minute))
	require.Equal(t, int64(301), Step(301, 0))
}
