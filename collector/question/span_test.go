package question

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAnswerAboutAnotherTimeHasNoPlace(t *testing.T) {
	now := Instant(1_700_000_400)
	tests := map[string]struct {
		ms   int64
		want int
	}{
		"the instant itself":             {1_700_000_400_000, 0},
		"shifted by a source's latency":  {1_700_000_370_500, 0},
		"long ago":                       {5_000, -1},
		"in the future":                  {1_700_000_900_000, -1},
		"the far end of what is allowed": {1_700_000_340_000, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, now.Place(tc.ms)) })
	}
}
