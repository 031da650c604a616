package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/scorecard"
)

func readerCases() []testCase {
	return []testCase{
		{"concurrent readers see commits whole or not at all", wholeOrNot},
		{"a wait returns at once when there is a newer generation", waitReturns},
		{"a wait ends with the commit that it waits for", waitWakes},
		{"a wait ends with its context", waitHonoursContext},
		{"several graders at once never commit the same tick twice", racingGraders},
	}
}

// wholeOrNot has one grader commit while readers look. In generation g every
// score is g, there are g changes, and history has g points.
func wholeOrNot(tb testing.TB, s Store) {
	const (
		last    = 60 // within EventLimit
		readers = 4
	)
	g := newGrader(tb, s, "a")
	group, ctx := errgroup.WithContext(within(tb))
	for range readers {
		group.Go(func() error { return follow(ctx, s, last) })
	}
	group.Go(func() error {
		for n := 1; n <= last; n++ {
			c := g.commit(noon().Add(time.Duration(n)*interval), card("playlist", float64(n)), card("tracks", float64(n)))
			c.Changes = []scorecard.Change{{Kind: scorecard.GradeChanged, Key: key("playlist"), Time: c.Snapshot.Tick}}
			if err := s.Commit(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(tb, group.Wait())
}

// follow reads generation after generation and says what is wrong with one.
func follow(ctx context.Context, s Store, last uint64) error {
	seen := uint64(0)
	for seen < last {
		generation, err := s.Wait(ctx, seen)
		if err != nil {
			return err
		}
		snapshot := s.Snapshot()
		if generation <= seen || snapshot == nil || snapshot.Generation < generation {
			return fmt.Errorf("generation %d was announced after %d, and the snapshot is %v", generation, seen, snapshot)
		}
		seen = snapshot.Generation
		if err := wholeGeneration(ctx, s, snapshot); err != nil {
			return fmt.Errorf("generation %d: %w", seen, err)
		}
	}
	return nil
}

func wholeGeneration(ctx context.Context, s Store, snapshot *scorecard.Snapshot) error {
	n := snapshot.Generation
	if tick := noon().Add(time.Duration(n) * interval); !snapshot.Tick.Equal(tick) || len(snapshot.Scorecards) != 2 {
		return fmt.Errorf("it has tick %s and %d scorecards", snapshot.Tick, len(snapshot.Scorecards))
	}
	for service, score := range scores(snapshot) {
		if score != float64(n) {
			return fmt.Errorf("the score of %s is %v", service, score)
		}
	}
	changes, reset, err := s.Changes(ctx, 0, 0)
	if err != nil || reset || uint64(len(changes)) < n {
		return fmt.Errorf("there are %d changes, reset %v, error %w", len(changes), reset, err)
	}
	for i, c := range changes {
		if c.ID != uint64(i+1) || c.Generation != c.ID {
			return fmt.Errorf("change %d of generation %d is at place %d", c.ID, c.Generation, i+1)
		}
	}
	points, err := s.History(ctx, key("tracks"), noon(), snapshot.Tick, 0)
	if err != nil || uint64(len(points)) != n {
		return fmt.Errorf("there are %d points of history, error %w", len(points), err)
	}
	states, err := s.States(ctx)
	if err != nil || len(states) != 2 {
		return fmt.Errorf("there are %d states, error %w", len(states), err)
	}
	return nil
}

func waitReturns(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	g.take(noon().Add(interval), card("playlist", 90))
	for _, after := range []uint64{0, 1} {
		newest, err := s.Wait(within(tb), after)
		require.NoError(tb, err)
		require.Equal(tb, uint64(2), newest)
	}
}

func waitWakes(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	const waiters = 3
	waiting := make(chan struct{}, waiters)
	var group errgroup.Group
	for range waiters {
		ctx := &announcingContext{Context: within(tb), waiting: waiting}
		group.Go(func() error {
			newest, err := s.Wait(ctx, 1)
			if err == nil && newest != 2 {
				err = fmt.Errorf("woken for generation %d, not for 2", newest)
			}
			return err
		})
	}
	for range waiters {
		select {
		case <-waiting:
		case <-time.After(brief): // a store may wait without watching its context
		}
	}
	// A refused commit wakes nobody; the next one wakes all.
	require.ErrorIs(tb, s.Commit(tb.Context(), g.commit(noon(), card("playlist", 90))), scorecard.ErrOldTick)
	g.take(noon().Add(interval), card("playlist", 90))
	require.NoError(tb, group.Wait())
}

// announcingContext tells when somebody first waits for it to be done.
type announcingContext struct {
	context.Context
	once    sync.Once
	waiting chan<- struct{}
}

func (c *announcingContext) Done() <-chan struct{} {
	c.once.Do(func() { c.waiting <- struct{}{} })
	return c.Context.Done()
}

func waitHonoursContext(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	ctx, cancel := context.WithTimeout(tb.Context(), brief)
	defer cancel()
	_, err := s.Wait(ctx, 1)
	require.ErrorIs(tb, err, context.DeadlineExceeded)
	_, err = s.Wait(ctx, 0)
	require.ErrorIs(tb, err, context.DeadlineExceeded, "even where it need not wait")
}

// racingGraders has graders take the lease from each other between reading the
// newest tick and committing the next.
func racingGraders(tb testing.TB, s Store) {
	const ticks = 40
	var group errgroup.Group
	ctx := within(tb)
	for i := range 3 {
		owner := fmt.Sprint("grader-", i)
		group.Go(func() error { return race(ctx, s, owner, ticks) })
	}
	require.NoError(tb, group.Wait())
	last := s.Snapshot()
	require.Equal(tb, uint64(last.Tick.Sub(noon())/interval), last.Generation, "one generation per tick")
	points, err := s.History(tb.Context(), key("playlist"), noon(), last.Tick, 0)
	require.NoError(tb, err)
	require.Len(tb, points, int(last.Generation))
}

func race(ctx context.Context, s Store, owner string, ticks int) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		tick := noon()
		if snapshot := s.Snapshot(); snapshot != nil {
			tick = snapshot.Tick
		}
		if tick.Sub(noon()) >= time.Duration(ticks)*interval {
			return nil
		}
		lease, err := s.Acquire(ctx, owner, ttl)
		if isRefusal(err) {
			continue // another has it
		}
		if err != nil {
			return err
		}
		g := &grader{store: s, lease: lease}
		// The next tick of what was read before the lease was granted.
		err = s.Commit(ctx, g.commit(tick.Add(interval), card("playlist", 90)))
		if err != nil && !isRefusal(err) {
			return err
		}
		if err := s.Release(ctx, lease); err != nil {
			return err
		}
	}
}
