package redisstore

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/faultproxy"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// barrier is a hook that stops a client before a command, until it is let go.
type barrier struct {
	before  func(name string) bool
	reached chan struct{} // closed when it stops
	passed  chan struct{} // closed to let go
}

func newBarrier(before func(string) bool) *barrier {
	return &barrier{before: before, reached: make(chan struct{}), passed: make(chan struct{})}
}

func (b *barrier) hold(name string) {
	if b.before(name) {
		close(b.reached)
		<-b.passed
	}
}

// DialHook implements redis.Hook.
func (b *barrier) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (b *barrier) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		name := cmd.Name()
		if args := cmd.Args(); len(args) > 1 && strings.HasPrefix(name, "eval") {
			name += " " + fmt.Sprint(args[1])
		}
		b.hold(name)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (b *barrier) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		b.hold(cmds[0].Name())
		return next(ctx, cmds)
	}
}

// once is true at the first command of a name.
func once(wanted string) func(string) bool {
	var done atomic.Bool
	return func(name string) bool {
		return strings.HasPrefix(name, wanted) && done.CompareAndSwap(false, true)
	}
}

// TestPausedCommitter stops a grader in the middle of a commit for so long that
// another takes over, and lets it go on: at every stage it is refused, shows
// nothing, and deletes nothing of the other's.
func TestPausedCommitter(t *testing.T) {
	for stage, command := range map[string]string{
		"before it begins":           "evalsha " + newScripts().begin.Hash(),
		"before it counts objects":   "hlen",
		"before it sweeps":           "hdel",
		"before it stages":           "hset",
		"after staging, at the flip": "evalsha " + newScripts().commit.Hash(),
	} {
		for _, rounds := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, for %d ticks", stage, rounds), func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				for range 3 {
					r.take()
				}
				paused := r.grader
				b := newBarrier(once(command))
				paused.store.client.AddHook(b)
				ended := make(chan error, 1)
				go func() { ended <- paused.store.Commit(t.Context(), paused.commit(paused.n+1)) }()
				<-b.reached

				r.server.Do("HSET", r.store.keys.lease(), "expires", "1") // its time is over
				other := newGrader(t, unfollowed(t, r.options), "b")
				other.n, other.pages = paused.n, paused.pages
				for range rounds {
					other.take()
				}
				before := other.requireStored(r.options)
				close(b.passed)
				require.ErrorIs(t, <-ended, scorecard.ErrFenced)
				require.Equal(t, before.Generation, other.requireStored(r.options).Generation)
				require.ErrorIs(t, paused.try(t.Context()), scorecard.ErrFenced, "and again")
				other.requireStored(r.options)
				other.take() // which sweeps
				other.take()
				other.requireStored(r.options)
				r.grader = other
				requireNoGarbage(t, r)
			})
		}
	}
}

// TestLateFlip has the flip of a commit arrive when its grader has long begun
// another one, which has swept what the first has staged.
func TestLateFlip(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.take()
	late := r.store
	b := newBarrier(once("evalsha " + newScripts().commit.Hash()))
	late.client.AddHook(b)
	ended := make(chan error, 1)
	go func() { ended <- late.Commit(t.Context(), r.commit(r.n+1)) }()
	<-b.reached
	// The same grader, over other connections.
	r.store = unfollowed(t, r.options)
	second := newBarrier(once("evalsha " + newScripts().commit.Hash()))
	r.store.client.AddHook(second)
	again := make(chan error, 1)
	go func() { again <- r.store.Commit(t.Context(), r.commit(r.n+1)) }()
	<-second.reached
	close(b.passed)
	require.ErrorIs(t, <-ended, errMoved)
	close(second.passed)
	require.NoError(t, <-again)
	r.took(r.n+1, r.commit(r.n+1))
	r.requireStored(r.options)
}

// TestLostAnswers loses every answer of a commit in turn. The repetition ends
// well or says that the tick is there, and the tick is there once.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	server, direct := single(t)
	proxy := faultproxy.New(t, server.Addr())
	s := open(t, at(proxy.Addr()))
	g := newGrader(t, s, "a")
	g.take()
	g.take()
	for n := 1; n <= 60; n++ {
		proxy.ResetEvery(n)
		first := g.store.Commit(t.Context(), g.commit(g.n+1))
		proxy.ResetEvery(0)
		second := g.store.Commit(t.Context(), g.commit(g.n+1))
		if first == nil {
			require.ErrorIs(t, second, scorecard.ErrOldTick)
		} else if second != nil {
			require.ErrorIs(t, second, scorecard.ErrOldTick, "after %v", first)
		}
		g.took(g.n+1, g.commit(g.n+1))
		snap := g.requireStored(direct)
		require.Equal(t, uint64(g.n), snap.Generation, "each tick is one generation")
		require.Equal(t, uint64(2*g.n), snap.LastChange, "and its changes are there once")
	}
	g.followedBy(s)
	fresh := unfollowed(t, direct)
	require.NoError(t, fresh.Sync(t.Context()))
	for _, s := range []*Store{s, fresh} {
		changes, reset, err := s.Changes(t.Context(), 0, 0)
		require.NoError(t, err)
		require.False(t, reset)
		for i, c := range changes {
			require.Equal(t, uint64(i+1), c.ID)
			require.Equal(t, fmt.Sprint(i/2+1), c.To)
		}
		require.Len(t, changes, 2*g.n)
	}
}

// TestAnswerLostAfterTheFlip stalls the line while the flip is answered.
func TestAnswerLostAfterTheFlip(t *testing.T) {
	t.Parallel()
	server, direct := single(t)
	proxy := faultproxy.New(t, server.Addr())
	s := unfollowed(t, at(proxy.Addr()))
	g := newGrader(t, s, "a")
	g.take()
	b := newBarrier(once("evalsha " + newScripts().commit.Hash()))
	s.client.AddHook(b)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	proxy.SetLatency(0)
	go func() { ended <- s.Commit(ctx, g.commit(g.n+1)) }()
	<-b.reached
	proxy.SetLatency(10 * time.Second) // the flip gets through, and its answer does not
	close(b.passed)
	require.ErrorIs(t, <-ended, context.DeadlineExceeded)
	proxy.SetLatency(0)
	require.ErrorIs(t, g.store.Commit(t.Context(), g.commit(g.n+1)), scorecard.ErrOldTick)
	g.took(g.n+1, g.commit(g.n+1))
	g.requireStored(direct)
	g.take()
	require.Equal(t, uint64(3), g.requireStored(direct).Generation)
}

// TestTicksOfTheFuture commits with a clock that is wrong: nothing of it stays,
// and ticks of now are taken before and after.
func TestTicksOfTheFuture(t *testing.T) {
	t.Parallel()
	_, o := single(t)
	o.MostAhead = 0
	g := newGrader(t, unfollowed(t, o), "a")
	now := time.Now()
	for i, c := range []struct {
		ahead   time.Duration
		refused bool
	}{
		{defaultMostAhead + time.Minute, true},
		{0, false},
		{5 * 365 * 24 * time.Hour, true},
		{defaultMostAhead - time.Minute, false},
		{defaultMostAhead + time.Minute, true},
		{defaultMostAhead - time.Second, false},
	} {
		commit := g.commit(i + 1)
		commit.Snapshot.Tick = now.Add(c.ahead)
		before := g.store.Snapshot()
		err := g.store.Commit(t.Context(), commit)
		if !c.refused {
			require.NoError(t, err, "%v ahead", c.ahead)
			continue
		}
		require.ErrorIs(t, err, scorecard.ErrFutureTick)
		require.ErrorContains(t, err, "before the tick: set the clock of this machine, or that of redis, right")
		require.Same(t, before, g.store.Snapshot())
		fresh := unfollowed(t, o)
		require.NoError(t, fresh.Sync(t.Context()))
		require.Equal(t, before == nil, fresh.Snapshot() == nil)
		if before != nil {
			require.Equal(t, before.Tick.UTC(), fresh.Snapshot().Tick)
		}
	}
}

// childServer is the variable that makes the test program commit to a server
// for ever, instead of testing.
const childServer = "APGAR_TEST_COMMITS_TO"

// commits is what commitForever says before each commit.
const commits = "commits"

// commitForever is what TestKilledCommitter kills.
func commitForever(address string) error {
	ctx := context.Background()
	s, err := New(at(address))
	if err != nil {
		return err
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	g := &grader{store: s, pages: map[slo.PageKey]slo.Page{}}
	if g.lease, err = s.Acquire(ctx, fmt.Sprint("child-", os.Getpid()), leaseTime); err != nil {
		return err
	}
	if snap := s.Snapshot(); snap != nil {
		g.n = int(snap.Tick.Sub(noon()) / tickLength)
	}
	for {
		fmt.Fprintln(os.Stderr, commits)
		if err := g.try(ctx); err != nil {
			return err
		}
	}
}

// TestKilledCommitter kills a process that commits, again and again: what is
// there is always whole, and the next one goes on.
func TestKilledCommitter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	killer := killer{chance: rand.New(rand.NewPCG(5, 8))}
	for round := range 20 {
		r.server.Do("HDEL", r.store.keys.lease(), "expires") // the last one's time is over
		committed := killer.kill(t, r)
		fresh := unfollowed(t, r.options)
		require.NoError(t, fresh.Sync(t.Context()))
		last := r.n
		if snap := fresh.Snapshot(); snap != nil {
			require.NoError(t, whole(snap), "after round %d", round)
			r.n = int(snap.Tick.Sub(noon()) / tickLength)
			require.Equal(t, uint64(r.n), snap.Generation)
			require.Equal(t, uint64(2*r.n), snap.LastChange)
			states, err := fresh.States(t.Context())
			require.NoError(t, err)
			require.Equal(t, r.commit(r.n).States, states)
		}
		require.GreaterOrEqual(t, r.n, last+committed, "after round %d", round)
	}
	r.server.Do("HDEL", r.store.keys.lease(), "expires")
	r.store = unfollowed(t, r.options)
	r.acquire("b")
	r.take()
	r.take()
	requireNoGarbage(t, r)
	r.followedBy(r.follower)
}

// killer kills processes in the middle of a commit.
type killer struct {
	chance *rand.Rand
	commit time.Duration // the longest commit that was seen
}

// kill lets a child commit up to two times, which it returns, and kills it at
// a moment of the next commit that is left to chance.
func (k *killer) kill(t *testing.T, r *rig) (committed int) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), program)
	child.Env = append(os.Environ(), childServer+"="+r.server.Addr())
	output, err := child.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewReader(output)
	requireCommits(t, lines)
	for range k.chance.IntN(3) {
		began := time.Now()
		requireCommits(t, lines)
		k.commit = max(k.commit, time.Since(began))
		committed++
	}
	<-time.After(time.Duration(k.chance.Float64() * float64(k.commit)))
	require.NoError(t, child.Process.Signal(syscall.SIGKILL))
	var exit *exec.ExitError
	require.ErrorAs(t, child.Wait(), &exit)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "the child ended by itself: %v", exit)
	return committed
}

func requireCommits(t *testing.T, child *bufio.Reader) {
	t.Helper()
	line, err := child.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, commits+"\n", line)
}
