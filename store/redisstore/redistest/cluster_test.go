package redistest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

func TestAClusterServesEverySlot(t *testing.T) {
	t.Parallel()
	began := time.Now()
	c := redistest.StartCluster(t, redistest.WithPassword(`a "b"`))
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	require.Len(t, c.Addrs(), 6)
	for _, node := range c.Servers() {
		require.Contains(t, node.Do("CLUSTER", "INFO"), "cluster_state:ok")
		require.Contains(t, node.Do("CLUSTER", "INFO"), "cluster_slots_ok:16384")
	}
	owners := map[*redistest.Server]int{}
	for i := range 60 {
		key := fmt.Sprintf("key %d", i)
		owner := c.MasterOf(key)
		require.Equal(t, "OK", owner.Do("SET", key, "a"))
		owners[owner]++
	}
	require.Len(t, owners, 3, "masters with keys")
	_, err := another(c, c.MasterOf("key 1")).DoErr("GET", "key 1")
	require.ErrorContains(t, err, "MOVED")
	require.ErrorContains(t, err, c.MasterOf("key 1").Addr())
}

func TestAClusterReplacesAMasterThatIsGone(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	first := c.MasterOf("{a}text")
	require.Same(t, first, c.MasterOf("{a}other"))
	first.Do("SET", "{a}text", "a")
	require.Equal(t, "1", first.Do("WAIT", "1", "5000"), "replicas that have it")
	first.Kill()
	killed := time.Now()
	second := c.MasterOf("{a}text")
	t.Logf("another master after %v", time.Since(killed).Round(time.Millisecond))
	require.Less(t, time.Since(killed), takeover)
	require.NotSame(t, first, second)
	require.Equal(t, "a", second.Do("GET", "{a}text"))
	for i := range 20 {
		key := fmt.Sprintf("key %d", i)
		require.Equal(t, "OK", c.MasterOf(key).Do("SET", key, "a"))
	}

	first.Restart()
	require.Eventually(t, func() bool {
		info, err := first.DoErr("INFO", "replication")
		return err == nil && strings.Contains(info, "role:slave")
	}, takeover, 50*time.Millisecond, "the old master becomes a replica")
	require.Same(t, second, c.MasterOf("{a}text"))
}

func TestAClusterReplacesAMasterThatHangs(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	first := c.MasterOf("text")
	first.Pause()
	second := c.MasterOf("text")
	require.NotSame(t, first, second)
	first.Resume()
	require.Same(t, second, c.MasterOf("text"), "not the one that has slept")
}

// another returns a node of the cluster that is not this one.
func another(c *redistest.Cluster, one *redistest.Server) *redistest.Server {
	if c.Servers()[0] == one {
		return c.Servers()[1]
	}
	return c.Servers()[0]
}
