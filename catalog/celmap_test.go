package catalog

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestComprehensionsOverAMapGoByItsSortedKeys(t *testing.T) {
	s := playlist()
	want := []string{}
	s.Labels = map[string]string{}
	for i := range 20 {
		key := fmt.Sprintf("k%02d", i)
		s.Labels[key] = "v" + key
		want = append(want, "v"+key)
	}
	x, err := environment(t).Expression(`service.labels.map(k, service.labels[k])`)
	require.NoError(t, err)
	for range 50 {
		got, err := x.Values(s)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
