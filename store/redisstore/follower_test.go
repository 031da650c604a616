package redisstore

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/faultproxy"
	"github.com/apgarhq/apgar/scorecard"
)

// hgets is how often the server was asked for an object.
func hgets(t *testing.T, r *rig) int {
	t.Helper()
	text := infoText(t, r.server, "commandstats", "cmdstat_hget")
	match := regexp.MustCompile(`calls=(\d+)`).FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	require.NoError(t, err)
	return n
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
	fetched := func() int { return int(testutil.ToFloat64(follower.metrics.fetched)) }
	r.commitChanging(7)
	require.NoError(t, follower.Sync(t.Context()))
	all := fetched()
	require.Greater(t, all, 50)
	for range 3 {
		r.commitChanging(7)
		before, asked := fetched(), hgets(t, r)
		require.NoError(t, follower.Sync(t.Context()))
		require.Equal(t, 1, fetched()-before, "one chunk of 64 has changed")
		require.LessOrEqual(t, hgets(t, r)-asked, 3)
		require.Equal(t, fmt.Sprint("tick ", r.n), message(follower, 7))
		asked = hgets(t, r)
		require.NoError(t, follower.Sync(t.Context()))
		require.Equal(t, asked, hgets(t, r), "nothing is fetched twice")
	}
	// The one who commits has no need to read what they wrote.
	asked := hgets(t, r)
	s := open(t, r.options)
	r.followedByTick(s)
	r.store = s
	r.acquire("a")
	r.commitChanging(7)
	asked = hgets(t, r)
	for range 3 {
		require.NoError(t, s.Sync(t.Context()))
	}
	require.LessOrEqual(t, hgets(t, r)-asked, 20, "polls only")
}

// followedByTick waits until a store serves the newest tick.
func (g *grader) followedByTick(s *Store) {
	g.tb.Helper()
	eventually(g.tb, patience, func() error {
		if snap := s.Snapshot(); snap == nil || !snap.Tick.Equal(tickOf(g.n)) {
			return fmt.Errorf("tick %d is not served", g.n)
		}
		return nil
	})
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
	ages := []time.Duration{time.Hour, 40 * time.Minute, 65 * time.Minute}
	read := func() int {
		t.Helper()
		before := hgets(t, r)
		for _, age := range ages {
			scores, err := r.store.ScoresAt(t.Context(), tickOf(r.n).Add(-age))
			require.NoError(t, err)
			require.Len(t, scores, services)
			require.InDelta(t, scoreOf(r.n-int(age/tickLength)), scores[keyOf(3)], 1e-9)
		}
		return hgets(t, r) - before
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
