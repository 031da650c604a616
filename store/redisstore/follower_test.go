package redisstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/faultproxy"
	"github.com/apgarhq/apgar/scorecard"
)

// counter is a hook that counts the objects that a store asks for.
type counter struct{ n atomic.Int64 }

func count(s *Store) *counter {
	c := &counter{}
	s.client.AddHook(c)
	return c
}

// since returns how many have been asked for since the last call.
func (c *counter) since() int { return int(c.n.Swap(0)) }

// DialHook implements redis.Hook.
func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook: polls are no objects.
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "hget" {
				c.n.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}

// commitChanging commits the next tick with the scorecards of the last, but for
// one of them.
func (r *rig) commitChanging(service int) {
	r.tb.Helper()
	c := r.commit(r.n + 1)
	c.Snapshot.Scorecards = r.commit(1).Snapshot.Scorecards
	c.Snapshot.Scorecards[service].Results = []scorecard.Result{{Check: "c", Message: fmt.Sprint("tick ", r.n+1)}}
	require.NoError(r.tb, r.store.Commit(r.tb.Context(), c))
	r.took(r.n+1, c)
}

// TestFollowersFetchWhatChanged counts what followers read.
func TestFollowersFetchWhatChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	follower := unfollowed(t, withMetrics(r.options))
	asked := count(follower)
	r.commitChanging(7)
	require.NoError(t, follower.Sync(t.Context()))
	require.Greater(t, asked.since(), 50, "everything")
	before := testutil.ToFloat64(follower.metrics.fetched)
	for range 3 {
		r.commitChanging(7)
		require.NoError(t, follower.Sync(t.Context()))
		require.LessOrEqual(t, asked.since(), 2, "one chunk of 64 has changed, and what is said of sources")
		require.Equal(t, fmt.Sprint("tick ", r.n), message(follower, 7))
		require.NoError(t, follower.Sync(t.Context()))
		require.Zero(t, asked.since(), "nothing is fetched twice")
	}
	require.InDelta(t, before+3, testutil.ToFloat64(follower.metrics.fetched), 0)

	// The one who commits has no need to read what they wrote.
	s := unfollowed(t, r.options)
	require.NoError(t, s.Sync(t.Context()))
	r.store = s
	r.acquire("a")
	r.commitChanging(7)
	asked = count(s)
	r.commitChanging(7)
	require.LessOrEqual(t, asked.since(), 3, "some pages of the ledger, to be sure")
	require.NoError(t, s.look(t.Context()))
	require.Zero(t, asked.since())
}

func message(s *Store, service int) string {
	for _, card := range s.Snapshot().Scorecards {
		if card.Key() == keyOf(service) {
			return card.Results[0].Message
		}
	}
	return ""
}

// TestFullSync heals what is damaged in the memory of a follower.
func TestFullSync(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := withMetrics(r.options)
	o.FullSync = 200 * time.Millisecond
	follower := open(t, o)
	r.take()
	r.take()
	r.followedBy(follower)
	spoilt := *follower.Snapshot()
	spoilt.Scorecards = spoilt.Scorecards[:3]
	follower.Publish(&spoilt, nil)
	eventually(t, patience, func() error { return whole(follower.Snapshot()) })
	r.followedBy(follower)
	require.Positive(t, testutil.ToFloat64(follower.metrics.syncs.WithLabelValues("full")))
	changes, reset, err := follower.Changes(t.Context(), 0, 0)
	require.NoError(t, err)
	require.False(t, reset)
	require.Len(t, changes, 4, "each once")
}

// TestSlowFollower follows over a slow line while generations pass, and starts
// late.
func TestSlowFollower(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	proxy := faultproxy.New(t, r.server.Addr())
	slow := open(t, withMetrics(at(proxy.Addr())))
	r.take()
	r.followedBy(slow)
	proxy.SetLatency(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan error, 1)
	go func() { seen <- watch(ctx, slow) }()
	for range 40 {
		r.take()
		<-time.After(50 * time.Millisecond) // twice as fast as it is read
	}
	r.followedBy(slow)
	cancel()
	require.NoError(t, <-seen)
	late := open(t, r.options)
	r.followedBy(late)
	changes, reset, err := late.Changes(t.Context(), 0, 0)
	require.NoError(t, err)
	require.False(t, reset)
	require.Len(t, changes, 2*r.n)
	changes, reset, err = slow.Changes(t.Context(), 0, 0)
	require.NoError(t, err)
	require.False(t, reset)
	require.Len(t, changes, 2*r.n, "none is missed although generations were")
}

// watch reads generation after generation until ctx ends: each is whole, and
// ticks never go back.
func watch(ctx context.Context, s *Store) error {
	last := scorecard.Snapshot{}
	for {
		if _, err := s.Wait(ctx, last.Generation); err != nil {
			return nil
		}
		snap := s.Snapshot()
		if err := whole(snap); err != nil {
			return err
		}
		if snap.Tick.Before(last.Tick) {
			return fmt.Errorf("tick %s came after %s", snap.Tick, last.Tick)
		}
		last = *snap
	}
}

// TestHistoryOfLostBlocks leaves out what is gone, and keeps the rest.
func TestHistoryOfLostBlocks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 70 { // three blocks of half an hour
		r.take()
	}
	r.followedBy(r.follower)
	shard := shardOf(keyOf(1).Service)
	first := r.store.base.roots[shard].History[0]
	require.Equal(t, 0, first.Tier)
	fresh := unfollowed(t, r.options)
	require.NoError(t, fresh.Sync(t.Context()))
	r.server.Do("HDEL", r.store.keys.objects(shard), first.Object)
	points, err := fresh.History(t.Context(), keyOf(1), tickOf(0), tickOf(r.n), 0)
	require.NoError(t, err)
	require.Len(t, points, 40)
	at, err := fresh.ScoresAt(t.Context(), tickOf(5))
	require.NoError(t, err)
	require.NotContains(t, at, keyOf(1))
	require.Greater(t, len(at), services/2)
	r.take()
	points, err = r.store.History(t.Context(), keyOf(1), tickOf(0), tickOf(r.n), 0)
	require.NoError(t, err)
	require.Len(t, points, 41)
}

// TestScoresAtReadsOnce reads the scores at a few times in the past for tick
// after tick: what was read once is not read again.
func TestScoresAtReadsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 70 {
		r.take()
	}
	ages := []time.Duration{time.Hour, 45 * time.Minute, 65 * time.Minute}
	asked := count(r.store)
	read := func() int {
		t.Helper()
		asked.since()
		for _, age := range ages {
			scores, err := r.store.ScoresAt(t.Context(), tickOf(r.n).Add(-age))
			require.NoError(t, err)
			require.Len(t, scores, services)
			require.InDelta(t, scoreOf(r.n-int(age/tickLength)), scores[keyOf(3)], 1e-9)
		}
		return asked.since()
	}
	first := read()
	require.Zero(t, read())
	r.take()
	again := read()
	t.Logf("objects read for three times: %d, one tick later %d", first, again)
	require.LessOrEqual(t, again, 70, "the roots")
	answered := r.store.LastAnswer()
	r.server.Pause()
	defer r.server.Resume()
	_, err := r.store.ScoresAt(t.Context(), tickOf(r.n).Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, answered, r.store.LastAnswer(), "Redis was not asked")
}
