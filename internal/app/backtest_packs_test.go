package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/rubric"
)

func TestARubricThatIsTriedComesToItsServicesAsTheOneItReplaces(t *testing.T) {
	tried := &rubric.Rubric{Name: "http", Version: "2"}
	for _, detect := range []bool{false, true} {
		got := inPlaceOf(tried, &rubric.Rubric{Name: "http", Version: "1", Pack: true, Detect: detect})
		require.Equal(t, &rubric.Rubric{Name: "http", Version: "2", Detect: detect}, got)
	}
	require.False(t, tried.Detect, "what was read stays as it is")
}
