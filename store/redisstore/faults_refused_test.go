package redisstore

import (
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// TestRefusals has Redis refuse to write for many reasons: each is told apart,
// leaves nothing half done, and is over when its cause is.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		class      class
		advice     string
		begin, end func(*testing.T, *rig)
	}{
		"it is a replica": {
			classReadOnly, "point redis at the master",
			func(t *testing.T, r *rig) {
				// It follows nobody who answers, and keeps what it has.
				host, port, err := net.SplitHostPort(r.server.Addr())
				require.NoError(t, err)
				r.server.Do("CONFIG", "SET", "repl-timeout", "3600")
				r.server.Do("REPLICAOF", host, port) // itself
			},
			func(_ *testing.T, r *rig) { r.server.Do("REPLICAOF", "NO", "ONE") },
		},
		"it has no replica": {
			classReadOnly, "has lost its own",
			func(_ *testing.T, r *rig) { r.server.Do("CONFIG", "SET", "min-replicas-to-write", "1") },
			func(_ *testing.T, r *rig) { r.server.Do("CONFIG", "SET", "min-replicas-to-write", "0") },
		},
		"it cannot save": {
			classDisk, "see its log",
			func(t *testing.T, r *rig) {
				r.server.Do("CONFIG", "SET", "save", "3600 1000000")
				failToSave(t, r)
			},
			func(_ *testing.T, r *rig) { r.server.Do("CONFIG", "SET", "stop-writes-on-bgsave-error", "no") },
		},
		"its memory is full": {
			classMemory, "maxmemory",
			func(_ *testing.T, r *rig) {
				r.server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
				r.server.Do("CONFIG", "SET", "maxmemory", "1mb")
			},
			func(_ *testing.T, r *rig) { r.server.Do("CONFIG", "SET", "maxmemory", "0") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, redistest.WithConfig("dbfilename dump"))
			r.take()
			r.take()
			r.followedBy(r.follower)
			r.server.Do("SCRIPT", "FLUSH")
			c.begin(t, r)
			for range 3 {
				err := r.try(t.Context())
				require.Error(t, err)
				require.ErrorContains(t, err, c.advice)
			}
			require.Positive(t, failed(r.store, "commit", c.class))
			require.NoError(t, r.follower.Sync(t.Context()), "reading goes on")
			r.requireStored(r.options)
			c.end(t, r)
			r.take()
			r.requireStored(r.options)
			r.followedBy(r.follower)
			r.take()
			requireNoGarbage(t, r)
		})
	}
}

// failToSave has a save fail, by a folder that stands where the file should be.
func failToSave(t *testing.T, r *rig) {
	t.Helper()
	dir := strings.Split(r.server.Do("CONFIG", "GET", "dir"), "\n")[1]
	require.NoError(t, makeFolder(dir+"/dump/in the way"))
	eventually(t, patience, func() error {
		_, _ = r.server.DoErr("BGSAVE")
		if info := r.server.Do("INFO", "persistence"); !strings.Contains(info, "rdb_last_bgsave_status:err") {
			return fmt.Errorf("it has not failed to save")
		}
		return nil
	})
}

// requireNoGarbage says that of two generations at most anything is left.
func requireNoGarbage(t *testing.T, r *rig) {
	t.Helper()
	last := r.store.base
	require.NotNil(t, last)
	r.take()
	m := r.store.base
	for _, shard := range shards() {
		there, err := r.raw.HKeys(t.Context(), r.store.keys.objects(shard)).Result()
		require.NoError(t, err)
		require.Less(t, len(there), 16, "of shard %d", shard)
		for _, name := range there {
			require.True(t, m.found[shard].has(name), "%s of shard %d is not known", name, shard)
		}
	}
}

// TestFullMemoryKeepsTheLease fills the memory of a server to the last byte: the
// lease goes on, and a commit that died half way is swept, which makes room.
func TestFullMemoryKeepsTheLease(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.take()
	r.take()
	r.server.Do("HSET", r.store.keys.objects(9), "cards/abc/1-garbage", strings.Repeat("x", 3<<20))
	used := infoField(t, r.server, "memory", "used_memory")
	r.server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	r.server.Do("CONFIG", "SET", "maxmemory", fmt.Sprint(used-1<<20))
	_, err := r.server.DoErr("SET", "anything", "x")
	require.ErrorContains(t, err, "OOM")
	require.NoError(t, r.store.Renew(t.Context(), r.lease, leaseTime))
	require.NoError(t, r.store.Release(t.Context(), r.lease))
	r.acquire("b")
	r.take()
	r.requireStored(r.options)
}

// TestScriptFlush makes a server forget the scripts.
func TestScriptFlush(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 {
		r.take()
		r.server.Do("SCRIPT", "FLUSH")
		require.NoError(t, r.store.Renew(t.Context(), r.lease, leaseTime))
		r.server.Do("SCRIPT", "FLUSH")
	}
	r.requireStored(r.options)
}

// TestLoading has a store meet a server that reads its files for a while.
func TestLoading(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.WithAOF(), redistest.WithConfig("key-load-delay 40000", "loading-process-events-interval-bytes 1024"))
	r.take()
	r.take()
	r.followedBy(r.follower)
	r.server.Do("BGREWRITEAOF")
	eventually(t, patience, func() error {
		if !strings.Contains(r.server.Do("INFO", "persistence"), "aof_rewrite_in_progress:0") {
			return fmt.Errorf("its file is still being written")
		}
		return nil
	})
	loaded := make(chan struct{})
	r.server.Kill()
	go func() { // it returns when the server has read its files
		defer close(loaded)
		r.server.Restart()
	}()
	eventually(t, patience, func() error {
		if failed(r.follower, "follow", classLoading) == 0 {
			return fmt.Errorf("it was not seen loading")
		}
		return nil
	})
	require.Error(t, r.try(t.Context()))
	require.Positive(t, failed(r.store, "commit", classLoading))
	r.requireServed(r.follower)
	<-loaded
	eventually(t, patience, func() error { return r.try(t.Context()) })
	r.requireStored(r.options)
	r.followedBy(r.follower)
}

// TestEvictionIsSeen sets a server up so that it may throw away what is stored.
func TestEvictionIsSeen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &logged{}
	o := withMetrics(r.options)
	o.Logger = log.logger()
	s, evicts := unfollowed(t, o), false
	for _, c := range []struct {
		limit, policy string
		seen          float64
	}{
		{"0", "noeviction", 0},
		{"100mb", "noeviction", 0},
		{"100mb", "volatile-lru", 0},
		{"0", "allkeys-lru", 0},
		{"100mb", "allkeys-lru", 1},
		{"100mb", "allkeys-random", 1},
	} {
		r.server.Do("CONFIG", "SET", "maxmemory", c.limit)
		r.server.Do("CONFIG", "SET", "maxmemory-policy", c.policy)
		evicts = s.checkup(t.Context(), evicts)
		require.Equal(t, c.seen, testutil.ToFloat64(s.metrics.evicts), "%+v", c)
	}
	require.Contains(t, log.String(), "noeviction")
	require.Equal(t, 1, strings.Count(log.String(), "may evict"), "it is said once, not every minute")
}

const canary = "canary-7f3a"

// TestSecretsStaySecret plants a password, and lets everything fail that has to
// do with it.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.WithPassword(canary))
	log := &logged{}
	registry := prometheus.NewPedanticRegistry()
	var password atomic.Value
	password.Store(canary)
	o := at(server.Addr())
	o.Logger, o.Registerer, o.KeyPrefix = log.logger(), registry, "secret"
	o.Connection.Password = func() (string, error) { return password.Load().(string), nil }
	s := open(t, o)
	g := newGrader(t, s, "a")
	g.take()

	var errs []error
	try := func(c class, advice string) {
		t.Helper()
		err := g.try(t.Context())
		require.Error(t, err)
		require.ErrorContains(t, err, advice)
		require.Positive(t, failed(s, "commit", c), "%v", err)
		errs = append(errs, err, s.Sync(t.Context()))
		_, err = s.States(t.Context())
		errs = append(errs, err, s.Pages(t.Context(), nil, func(slo.Page) error { return nil }))
		_, err = s.Acquire(t.Context(), "b", leaseTime)
		errs = append(errs, err)
	}
	// The password is changed, and connections that are open are closed.
	next := "canary-9b1c"
	server.Do("CONFIG", "SET", "requirepass", next)
	raw := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: next})
	defer func() { require.NoError(t, raw.Close()) }()
	drop := func() {
		require.NoError(t, raw.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
	}
	drop()
	try(classAuth, "password_file")
	password.Store(next) // it is read anew at the next connection
	eventually(t, patience, func() error { return g.try(t.Context()) })
	g.followedBy(s)

	// A user that may not do what is needed.
	require.NoError(t, raw.Do(t.Context(), "ACL", "SETUSER", "limited", "on", ">"+canary, "~*", "+@all", "-evalsha", "-eval", "-hget").Err())
	limited := o
	limited.Registerer = prometheus.NewPedanticRegistry()
	limited.Connection.Username, limited.Connection.Password = "limited", func() (string, error) { return canary, nil }
	s = open(t, limited)
	g.store = s
	try(classAuth, "what the user may do")
	// No password at all.
	limited.Registerer, limited.Connection.Username, limited.Connection.Password = prometheus.NewPedanticRegistry(), "", nil
	s = open(t, limited)
	g.store = s
	try(classAuth, "password_file")
	// One that cannot be read.
	limited.Registerer, limited.Connection.Password = prometheus.NewPedanticRegistry(), func() (string, error) {
		return canary, &fs.PathError{Op: "open", Path: "password", Err: syscall.ENOENT}
	}
	s = open(t, limited)
	g.store = s
	try(classAuth, "no such file")

	for _, err := range errs {
		if err != nil {
			requireNoSecret(t, err.Error())
		}
	}
	requireNoSecret(t, log.String())
	metrics, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	require.Positive(t, metrics)
	families, err := registry.Gather()
	require.NoError(t, err)
	requireNoSecret(t, fmt.Sprint(families))
}

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "canary")
}

// TestPrefixes keeps two stores on one server apart.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	server, o := single(t)
	one, other := o, o
	one.KeyPrefix, other.KeyPrefix = "one", "another"
	first, second := newGrader(t, unfollowed(t, one), "a"), newGrader(t, unfollowed(t, other), "b")
	for range 3 {
		first.take()
	}
	second.take()
	second.take()
	a, b := first.requireStored(one), second.requireStored(other)
	require.NotEqual(t, a.Incarnation, b.Incarnation)
	require.NoError(t, first.store.Release(t.Context(), first.lease))
	require.ErrorIs(t, first.store.Commit(t.Context(), second.commit(9)), scorecard.ErrFenced)
	second.take()
	for _, key := range strings.Split(server.Do("KEYS", "*"), "\n") {
		require.True(t, strings.HasPrefix(key, "{one") || strings.HasPrefix(key, "{another"), key)
	}
}

// TestClockSetBack grants and expires leases by a clock that went back.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	// What a lease looks like that was granted before the clock went back an hour.
	future := time.Now().Add(time.Hour).UnixMicro()
	key := r.store.keys.lease()
	set := func(owner string) {
		r.server.Do("HSET", key, "owner", owner, "epoch", fmt.Sprint(future), "expires", fmt.Sprint(future+50_000), "ttl", "50000")
	}
	set("dead")
	_, err := r.store.Acquire(t.Context(), "b", leaseTime)
	require.ErrorIs(t, err, scorecard.ErrFenced, "it may be alive")
	var lease scorecard.Lease
	eventually(t, 5*time.Second, func() error {
		lease, err = r.store.Acquire(t.Context(), "b", leaseTime)
		return err
	})
	require.Equal(t, uint64(future)+1, lease.Epoch, "epochs grow, whatever the clock says")
	require.NoError(t, r.store.Release(t.Context(), lease))
	next, err := r.store.Acquire(t.Context(), "c", leaseTime)
	require.NoError(t, err)
	require.Equal(t, uint64(future)+2, next.Epoch)

	r.server.Do("HSET", key, "epoch", "1"+strings.Repeat("0", 300), "expires", "nonsense")
	lease, err = r.store.Acquire(t.Context(), "d", leaseTime)
	require.NoError(t, err)
	require.Less(t, lease.Epoch, uint64(future), "what cannot be an epoch is none")
	r.lease = lease
	r.take()
	require.NoError(t, r.store.Renew(t.Context(), lease, leaseTime))
}

// TestMetricsOfOneStore has two stores share a registry: the second is refused,
// and takes nothing of the first's.
func TestMetricsOfOneStore(t *testing.T) {
	t.Parallel()
	_, o := single(t)
	o = withMetrics(o)
	s := unfollowed(t, o)
	_, err := New(o)
	require.ErrorContains(t, err, "register the metrics of the store")
	n, err := testutil.GatherAndCount(s.metrics.registerer.(prometheus.Gatherer), "apgar_store_commit_bytes")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}
