package redisstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/faultproxy"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

const (
	callTime = 200 * time.Millisecond // what calls to a server that does not answer are given
	overrun  = 50 * time.Millisecond  // by how much they may be late
)

// calls are all that asks Redis.
func calls(s *Store, g *grader) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Commit":   func(ctx context.Context) error { return s.Commit(ctx, g.commit(g.n+1)) },
		"Acquire":  func(ctx context.Context) error { _, err := s.Acquire(ctx, "another", leaseTime); return err },
		"Renew":    func(ctx context.Context) error { return s.Renew(ctx, g.lease, leaseTime) },
		"Release":  func(ctx context.Context) error { return s.Release(ctx, scorecard.Lease{Owner: "nobody", Epoch: 1}) },
		"States":   func(ctx context.Context) error { _, err := s.States(ctx); return err },
		"Pages":    func(ctx context.Context) error { return s.Pages(ctx, nil, func(slo.Page) error { return nil }) },
		"Sync":     s.Sync,
		"ScoresAt": func(ctx context.Context) error { _, err := s.ScoresAt(ctx, tickOf(g.n)); return err },
		"History": func(ctx context.Context) error {
			_, err := s.History(ctx, keyOf(1), tickOf(0), tickOf(g.n), 0)
			return err
		},
	}
}

// requirePunctual makes all calls at once to a server that does not answer, and
// says that each ends in time, and fails, except those that need no answer.
func requirePunctual(t *testing.T, s *Store, g *grader, except ...string) {
	t.Helper()
	requireBounded(t, s, g, assert.Error, except...)
}

// requireBounded is requirePunctual where calls may succeed. What a busy machine
// may have delayed is tried again.
func requireBounded(t *testing.T, s *Store, g *grader, check assert.ErrorAssertionFunc, except ...string) {
	t.Helper()
	var wg sync.WaitGroup
	for name, call := range calls(s, g) {
		if slices.Contains(except, name) {
			continue
		}
		wg.Go(func() {
			late := overrun + 1
			for try := 0; try < 4 && late > overrun && late < 8*overrun; try++ {
				ctx, cancel := context.WithTimeout(t.Context(), callTime)
				began := time.Now()
				err := call(ctx)
				late = time.Since(began) - callTime
				cancel()
				check(t, err, name)
			}
			assert.LessOrEqual(t, late, overrun, "%s outlives its context", name)
		})
	}
	wg.Wait()
}

// requireReadable says that readers are served although nothing answers.
func requireReadable(t *testing.T, s *Store, g *grader) {
	t.Helper()
	began := time.Now()
	g.requireServed(s)
	changes, reset, err := s.Changes(t.Context(), 0, 0)
	require.NoError(t, err)
	require.False(t, reset)
	require.Len(t, changes, 2*g.n)
	require.Less(t, time.Since(began), time.Second)
}

// TestNoCallOutlivesItsContext makes every call to servers that do not answer.
func TestNoCallOutlivesItsContext(t *testing.T) {
	for name, silence := range map[string]func(*redistest.Server, *faultproxy.Proxy){
		"paused":  func(server *redistest.Server, _ *faultproxy.Proxy) { server.Pause() },
		"stalled": func(_ *redistest.Server, proxy *faultproxy.Proxy) { proxy.SetStall(true) },
		"slow":    func(_ *redistest.Server, proxy *faultproxy.Proxy) { proxy.SetLatency(2 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := single(t)
			proxy := faultproxy.New(t, server.Addr())
			warm := open(t, at(proxy.Addr()))
			g := newGrader(t, warm, "a")
			g.take()
			g.take()
			// Two stores that have to dial: one of them served a snapshot before.
			o := at(proxy.Addr())
			o.Poll = time.Hour
			cold, idle := unfollowed(t, o), unfollowed(t, o)
			require.NoError(t, cold.Sync(t.Context()))
			for range 2 { // connections that are idle are lost
				require.NoError(t, cold.client.Ping(t.Context()).Err())
			}
			silence(server, proxy)
			answered := time.Now()
			requirePunctual(t, warm, g)
			requirePunctual(t, cold, g)
			requirePunctual(t, idle, g, "ScoresAt", "History")
			requireReadable(t, warm, g)

			// All connections, and our own locks, are taken by calls that take longer.
			stuck, cancel := context.WithTimeout(t.Context(), 5*callTime)
			defer cancel()
			var wg sync.WaitGroup
			for range 5 {
				for _, call := range calls(warm, g) {
					wg.Go(func() { _ = call(stuck) })
				}
			}
			requirePunctual(t, warm, g)
			wg.Wait()
			if name != "slow" {
				require.False(t, warm.LastAnswer().After(answered.Add(callTime)), "nothing has answered")
			}
			server.Resume()
			proxy.SetStall(false)
			proxy.SetLatency(0)
			eventually(t, patience, func() error { return g.try(t.Context()) })
			g.followedBy(warm)
		})
	}
}

// TestOutagesLeaveNothingBehind kills, pauses and cuts off a server twenty
// times: each time readers are served, the next commit is taken when it is
// back, and followers have it soon.
func TestOutagesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	server, direct := single(t, redistest.WithAOF())
	proxy := faultproxy.New(t, server.Addr())
	s, follower := open(t, at(proxy.Addr())), open(t, direct)
	g := newGrader(t, s, "a")
	g.take()
	outages := []struct{ begin, end func() }{
		{server.Pause, server.Resume},
		{server.Kill, server.Restart},
		{func() { proxy.SetStall(true) }, func() { proxy.SetStall(false) }},
		{func() { proxy.SetDown(true) }, func() { proxy.SetDown(false) }},
		{func() { proxy.ResetEvery(1) }, func() { proxy.ResetEvery(0) }},
	}
	for n := range 20 {
		outage := outages[n%len(outages)]
		outage.begin()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		assert.Error(t, g.try(ctx), "during outage %d", n)
		cancel()
		requireReadable(t, s, g)
		outage.end()
		eventually(t, patience, func() error { return g.orOld(t.Context()) })
		g.followedBy(follower)
		g.followedBy(s)
	}
	g.requireStored(direct)
	// Two stores of at most PoolSize and PipelinePoolSize, and this question.
	eventually(t, patience, func() error {
		if clients := infoField(t, server, "clients", "connected_clients"); clients > 2*(10+4)+1 {
			return fmt.Errorf("%d connections are open", clients)
		}
		return nil
	})
	require.LessOrEqual(t, proxy.Connections(), 14)
}

// orOld commits the next tick, unless it has been taken by a commit whose
// answer was lost.
func (g *grader) orOld(ctx context.Context) error {
	err := g.try(ctx)
	if isOld(err) {
		g.took(g.n+1, g.commit(g.n+1))
		return nil
	}
	return err
}

// TestSlowRedis commits over a line on which every answer takes 200 ms.
func TestSlowRedis(t *testing.T) {
	t.Parallel()
	server, direct := single(t)
	proxy := faultproxy.New(t, server.Addr())
	s := unfollowed(t, at(proxy.Addr()))
	g := newGrader(t, s, "a")
	g.take()
	other := unfollowed(t, at(proxy.Addr()))
	proxy.SetLatency(200 * time.Millisecond)

	began := time.Now()
	g.take()
	t.Logf("a commit with 200 ms to every answer: %v", time.Since(began))
	require.Less(t, time.Since(began), 4*time.Second)

	began = time.Now()
	require.NoError(t, s.Release(t.Context(), g.lease))
	require.NoError(t, other.Pages(t.Context(), nil, func(slo.Page) error { return nil }))
	g.store = other
	g.acquire("b")
	g.take()
	t.Logf("taking over, with the pages read and the first commit: %v", time.Since(began))
	require.Less(t, time.Since(began), 10*time.Second)
	g.requireStored(direct)

	began = time.Now()
	for _, age := range []time.Duration{tickLength, 2 * tickLength, 0} {
		_, err := other.ScoresAt(t.Context(), tickOf(g.n).Add(-age))
		require.NoError(t, err)
	}
	t.Logf("the scores at three times: %v", time.Since(began))
	require.Less(t, time.Since(began), 4*time.Second)
}
