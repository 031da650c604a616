package redistest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAServerAnswersWhenItHasStarted(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := redistest.Start(t)
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	require.Equal(t, "PONG", s.Do("PING"))
	require.True(t, strings.HasPrefix(s.Addr(), "127.0.0.1:"), s.Addr())
	require.Equal(t, "OK", s.Do("SET", "text", "a line\r\nand another"))
	require.Equal(t, "a line\r\nand another", s.Do("GET", "text"))
	require.Equal(t, "1", s.Do("EXISTS", "text"))
	require.Empty(t, s.Do("GET", "nothing"))
	s.Do("RPUSH", "list", "a", "b")
	require.Equal(t, "a\nb", s.Do("LRANGE", "list", "0", "-1"))
}

func TestAnErrorOfRedisIsReturned(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Do("SET", "text", "a")
	_, err := s.DoErr("LPOP", "text")
	require.ErrorContains(t, err, "WRONGTYPE")
	require.ErrorContains(t, err, s.Addr())
	_, err = s.DoErr("EVAL", "return {1, redis.error_reply('ODD second')}", "0")
	require.ErrorContains(t, err, "ODD second", "an error within an array")
}

func TestAKilledServerComesBackEmpty(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	addr := s.Addr()
	s.Do("SET", "text", "a")
	s.Kill()
	_, err := s.DoErr("PING")
	require.ErrorContains(t, err, "refused")
	s.Kill()
	s.Pause()
	s.Resume()
	s.Restart()
	require.Equal(t, addr, s.Addr())
	require.Empty(t, s.Do("GET", "text"))
}

func TestAStoppedServerIsGone(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Pause()
	s.Stop()
	_, err := s.DoErr("PING")
	require.ErrorContains(t, err, "refused")
}

func TestAServerWithAOFKeepsWhatItHasAnswered(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.WithAOF())
	s.Do("SET", "text", "a")
	s.Kill()
	s.Restart()
	require.Equal(t, "a", s.Do("GET", "text"))
	s.Do("SET", "text", "b")
	s.Restart() // while it runs
	require.Equal(t, "b", s.Do("GET", "text"))
}

func TestAPausedServerAnswersWhenItIsResumed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Pause()
	answered := make(chan error, 1)
	go func() {
		_, err := s.DoErr("SET", "text", "a")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("a paused server has answered: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	s.Resume()
	require.NoError(t, <-answered)
	require.Equal(t, "a", s.Do("GET", "text"))
}

func TestAPausedServerEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var s *redistest.Server
	t.Run("inner", func(t *testing.T) {
		s = redistest.Start(t)
		s.Pause()
	})
	_, err := s.DoErr("PING")
	require.ErrorContains(t, err, "refused")
}

func TestAPasswordIsAskedFor(t *testing.T) {
	t.Parallel()
	const password = `a "b" \ ü #`
	s := redistest.Start(t, redistest.WithPassword(password))
	require.Equal(t, "PONG", s.Do("PING"))
	require.Equal(t, "requirepass\n"+password, s.Do("CONFIG", "GET", "requirepass"))
	s.Do("CONFIG", "SET", "requirepass", "another")
	_, err := s.DoErr("PING")
	require.ErrorContains(t, err, "WRONGPASS")
}

func TestLinesOfConfigurationWin(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.WithConfig("maxmemory 2mb", "maxmemory-policy allkeys-lru", "appendonly yes"))
	require.Equal(t, "maxmemory\n2097152", s.Do("CONFIG", "GET", "maxmemory"))
	require.Equal(t, "appendonly\nyes", s.Do("CONFIG", "GET", "appendonly"))
}

func TestServersHavePortsOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 5 {
		s := redistest.Start(t)
		s.Kill() // a server that is gone keeps its port
		require.False(t, seen[s.Addr()], s.Addr())
		seen[s.Addr()] = true
	}
}
