package redistest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// takeover is how long a failover may take: two seconds until it is due, and
// as long again and more when the first vote finds no winner.
const takeover = 20 * time.Second

func TestSentinelsReplaceAMasterThatIsGone(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := redistest.StartSentinel(t)
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	require.Len(t, s.Addrs(), 3)
	require.Len(t, s.Servers(), 3)

	first := s.Master()
	require.Same(t, s.Servers()[0], first)
	first.Do("SET", "text", "a")
	require.Equal(t, "2", first.Do("WAIT", "2", "5000"), "replicas that have it")
	first.Kill()
	killed := time.Now()
	second := s.Master()
	t.Logf("another master after %v", time.Since(killed).Round(time.Millisecond))
	require.Less(t, time.Since(killed), takeover)
	require.NotSame(t, first, second)
	require.True(t, slices.Contains(s.Servers(), second))
	require.Equal(t, "a", second.Do("GET", "text"))
	require.Equal(t, "OK", second.Do("SET", "text", "b"))

	first.Restart()
	require.Eventually(t, func() bool {
		text, err := first.DoErr("GET", "text")
		return err == nil && text == "b"
	}, takeover, 50*time.Millisecond, "the old master becomes a replica of the new one")
	require.Same(t, second, s.Master())
}

func TestSentinelsReplaceAMasterThatHangs(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t, redistest.WithPassword("secret"), redistest.WithSentinelPassword("another"))
	first := s.Master()
	s.Sentinels()[1].Kill() // two are a majority
	first.Pause()
	second := s.Master()
	require.NotSame(t, first, second)
	first.Resume()
	require.Same(t, second, s.Master())
	s.Sentinels()[1].Restart()
	require.Same(t, second, s.Master(), "the sentinel that has missed it learns of it")
}
