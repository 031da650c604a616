package redisstore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int]()
	const weight = cacheHalf / 10
	for n := range 1000 {
		c.put(fmt.Sprint(n), n, weight)
		got, ok := c.get("3")
		require.Equal(t, n >= 3, ok, "what is asked for again and again stays")
		if ok {
			require.Equal(t, 3, got)
		}
		require.LessOrEqual(t, len(c.newer)+len(c.older), 20)
	}
	_, ok := c.get("998")
	require.True(t, ok)
	_, ok = c.get("500")
	require.False(t, ok)
	c.put("too large for any half", 7, 3*cacheHalf)
	got, ok := c.get("too large for any half")
	require.True(t, ok)
	require.Equal(t, 7, got)
	c.put("next", 8, 1)
	c.put("after", 9, 1)
	_, ok = c.get("too large for any half")
	require.True(t, ok, "until the other half is full")
	require.LessOrEqual(t, len(c.newer)+len(c.older), 20)
}
