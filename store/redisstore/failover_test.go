package redisstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// How long commits may be away after a fault, on an idle machine.
const (
	sentinelLimit = 6 * time.Second
	clusterLimit  = 8 * time.Second

	attemptTime = 500 * time.Millisecond // of one commit, which may hang
)

// TestSentinelFailover takes the master away. What the former master takes
// afterwards does not survive.
func TestSentinelFailover(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sentinel := redistest.StartSentinel(t)
			o := over(Connection{Addresses: sentinel.Addrs(), SentinelMaster: sentinel.MasterName})
			f := newFailover(t, o)
			old := sentinel.Master()
			f.measure("sentinel, master "+name, sentinelLimit, func() { fault(old) })
			if name == "paused" {
				f.requireNothingFrom(old)
			}
		})
	}
}

// TestClusterFailover takes a master away: the one of the manifest, or one that
// has shards and not the manifest.
func TestClusterFailover(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := redistest.StartCluster(t)
			f := newFailover(t, over(Connection{Addresses: cluster.Addrs(), Cluster: true}))
			names := f.store.keys
			first := cluster.MasterOf(names.manifest())
			f.measure("cluster, master of the manifest "+name, clusterLimit, func() { fault(first) })
			other := cluster.MasterOf(names.objects(0))
			for shard := 1; other == cluster.MasterOf(names.manifest()); shard++ {
				other = cluster.MasterOf(names.objects(shard))
			}
			f.measure("cluster, master of shards "+name, clusterLimit, func() { fault(other) })
		})
	}
}

func faults() map[string]func(*redistest.Server) {
	return map[string]func(*redistest.Server){"killed": (*redistest.Server).Kill, "paused": (*redistest.Server).Pause}
}

// failover is a grader that goes on committing, and a follower, while masters
// come and go.
type failover struct {
	*grader
	t        *testing.T
	options  Options
	follower *Store
	all      bool // pages are to be handed over
}

func newFailover(t *testing.T, o Options) *failover {
	t.Helper()
	f := &failover{t: t, options: o, follower: open(t, o), grader: newGrader(t, open(t, o), "a")}
	for range 3 {
		f.take()
	}
	f.followedBy(f.follower)
	return f
}

// try commits as a collector does.
func (f *failover) try() error {
	ctx, cancel := context.WithTimeout(f.t.Context(), attemptTime)
	defer cancel()
	c := f.commit(f.n + 1)
	if f.all {
		c = f.everything(c)
	}
	err := f.store.Commit(ctx, c)
	switch {
	case err == nil || isOld(err):
		f.took(f.n+1, c)
		f.all = false
		return nil
	case isForgotten(err):
		f.all = true
	case errors.Is(err, scorecard.ErrFenced):
		if lease, err := f.store.Acquire(ctx, f.lease.Owner, leaseTime); err == nil {
			f.lease = lease
		}
	}
	return err
}

// measure commits through a fault, and says that commits are back in time.
func (f *failover) measure(what string, limit time.Duration, fault func()) {
	f.t.Helper()
	fault()
	began := time.Now()
	requireBounded(f.t, f.store, f.grader, anyError, "Acquire") // which might get another the lease
	eventually(f.t, time.Minute, func() error {
		err := f.try()
		if err != nil {
			require.NoError(f.t, whole(f.follower.Snapshot()))
		}
		return err
	})
	outage := time.Since(began)
	f.t.Logf("%s: commits resumed after %.2f s", what, outage.Seconds())
	require.LessOrEqual(f.t, outage, limit, what)
	f.followedBy(f.follower)
	for range 3 {
		eventually(f.t, patience, f.try)
	}
	f.requireStored(f.options)
	f.followedBy(f.follower)
}

func anyError(assert.TestingT, error, ...any) bool { return true }

// requireNothingFrom lets a former master go on, which has not heard that it is
// one no more, and a grader commit to it.
func (f *failover) requireNothingFrom(old *redistest.Server) {
	f.t.Helper()
	astray := unfollowed(f.t, at(old.Addr()))
	c := f.commit(f.n + 9)
	old.Resume()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
	defer cancel()
	f.t.Logf("a commit to the former master: %v", astray.Commit(ctx, c))
	eventually(f.t, time.Minute, func() error {
		if err := f.try(); err != nil {
			return err
		}
		if link := infoText(f.t, old, "replication", "master_link_status"); link != "up" {
			return fmt.Errorf("the former master does not follow yet: %q", link)
		}
		return nil
	})
	for range 3 {
		eventually(f.t, patience, f.try)
		f.followedBy(f.follower)
	}
	f.requireStored(f.options)
}
