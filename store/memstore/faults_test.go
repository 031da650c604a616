package memstore

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/storetest"
)

// sound is a store without a fault.
type sound struct {
	*Store
	*clock
}

func newSound() sound {
	c := newClock()
	return sound{New(Options{Now: c.Now, EventLimit: storetest.EventLimit}), c}
}

// The faults: each is a store that breaks one promise.
type (
	unfenced          struct{ sound }
	clockFenced       struct{ sound }
	replaying         struct{ sound }
	halfCommitting    struct{ sound }
	leaking           struct{ sound }
	scribbling        struct{ sound }
	greedy            struct{ sound }
	deaf              struct{ sound }
	hasty             struct{ sound }
	forgetful         struct{ sound }
	silent            struct{ sound }
	unthinned         struct{ sound }
	rounding          struct{ sound }
	closedAtStart     struct{ sound }
	stepless          struct{ sound }
	longMemory        struct{ sound }
	hoarding          struct{ sound }
	contextless       struct{ sound }
	eternal           struct{ sound }
	releasingAnything struct{ sound }
	stateless         struct{ sound }
	pageless          struct{ sound }
	blind             struct{ sound }
	unburdened        struct{ sound }
)

// adopt commits as whoever holds the lease.
func (s sound) adopt(ctx context.Context, c scorecard.Commit) error {
	for _, owner := range []string{"a", "b", "grader-0"} {
		if l, err := s.Acquire(ctx, owner, time.Minute); err == nil {
			c.Owner, c.Epoch = l.Owner, l.Epoch
			break
		}
	}
	return s.Commit(ctx, c)
}

func (s unfenced) Commit(ctx context.Context, c scorecard.Commit) error { return s.adopt(ctx, c) }

func (s clockFenced) Commit(ctx context.Context, c scorecard.Commit) error {
	if l, err := s.Acquire(ctx, c.Owner, time.Minute); err != nil || l.Epoch != c.Epoch {
		return scorecard.ErrFenced
	}
	return s.sound.Commit(ctx, c)
}

func (s replaying) Commit(ctx context.Context, c scorecard.Commit) error {
	if last := s.Snapshot(); last != nil && c.Snapshot != nil && !c.Snapshot.Tick.After(last.Tick) {
		later := *c.Snapshot
		later.Tick = last.Tick.Add(time.Second)
		c.Snapshot = &later
	}
	return s.sound.Commit(ctx, c)
}

func (s halfCommitting) Commit(ctx context.Context, c scorecard.Commit) error {
	changes := c.Changes
	c.Changes = nil
	if err := s.sound.Commit(ctx, c); err != nil || len(changes) == 0 {
		return err
	}
	runtime.Gosched()
	later := *c.Snapshot
	later.Tick = later.Tick.Add(time.Second)
	c.Snapshot, c.Changes = &later, changes
	return s.sound.Commit(ctx, c)
}

func (s leaking) States(ctx context.Context) (map[scorecard.Key]*scorecard.State, error) {
	states, err := s.sound.States(ctx)
	if err == nil {
		states[cardOf("playlist", 0).Key()], states[cardOf("tracks", 0).Key()] = &scorecard.State{}, &scorecard.State{}
	}
	return states, err
}

func (s scribbling) Commit(ctx context.Context, c scorecard.Commit) error {
	err := s.sound.Commit(ctx, c)
	if err == nil {
		c.Snapshot.Generation = s.Snapshot().Generation
	}
	return err
}

func (s greedy) Acquire(ctx context.Context, owner string, d time.Duration) (scorecard.Lease, error) {
	return s.sound.Acquire(ctx, owner, 1000*d)
}

func (s deaf) Wait(ctx context.Context, generation uint64) (uint64, error) {
	if newest := s.Snapshot(); newest != nil && newest.Generation > generation {
		return s.sound.Wait(ctx, generation)
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

func (s hasty) Wait(_ context.Context, generation uint64) (uint64, error) { return generation, nil }

func (s forgetful) Changes(ctx context.Context, after uint64, limit int) ([]scorecard.Change, bool, error) {
	changes, _, err := s.sound.Changes(ctx, after, limit)
	return changes, false, err
}

func (s silent) Commit(ctx context.Context, c scorecard.Commit) error {
	c.Changes = nil
	return s.sound.Commit(ctx, c)
}

func (s unthinned) History(ctx context.Context, k scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	points, err := s.sound.History(ctx, k, from, to, step)
	if len(points) > 100 {
		points = append(points[:50:50], points[49:]...)
	}
	return points, err
}

func (s rounding) History(ctx context.Context, k scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	points, err := s.sound.History(ctx, k, from, to, step)
	for _, p := range points {
		if p.Score != nil {
			*p.Score = float64(float32(*p.Score))
		}
	}
	return points, err
}

func (s closedAtStart) History(ctx context.Context, k scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	return s.sound.History(ctx, k, from.Add(-time.Second), to, step)
}

func (s stepless) History(ctx context.Context, k scorecard.Key, from, to time.Time, _ time.Duration) ([]scorecard.HistoryPoint, error) {
	return s.sound.History(ctx, k, from, to, 0)
}

func (s longMemory) ScoresAt(ctx context.Context, at time.Time) (map[scorecard.Key]float64, error) {
	all, err := s.sound.ScoresAt(ctx, at)
	for age := time.Minute; err == nil && len(all) == 0 && age < 2*time.Hour; age += time.Minute {
		all, err = s.sound.ScoresAt(ctx, at.Add(-age))
	}
	return all, err
}

func (s hoarding) History(ctx context.Context, k scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error) {
	points, err := s.sound.History(ctx, k, from, to, step)
	if err != nil && s.Snapshot() != nil {
		return nil, nil
	}
	return points, err
}

func (s contextless) Commit(ctx context.Context, c scorecard.Commit) error {
	return s.sound.Commit(context.WithoutCancel(ctx), c)
}

func (s eternal) Renew(context.Context, scorecard.Lease, time.Duration) error { return nil }

func (s releasingAnything) Release(ctx context.Context, l scorecard.Lease) error {
	if newest, err := s.Acquire(ctx, "b", time.Minute); err == nil {
		l = newest
	}
	return s.sound.Release(ctx, l)
}

func (s stateless) States(context.Context) (map[scorecard.Key]*scorecard.State, error) {
	return map[scorecard.Key]*scorecard.State{}, nil
}

func (s pageless) Commit(ctx context.Context, c scorecard.Commit) error {
	c.Ledger = slices.DeleteFunc(slices.Clone(c.Ledger), func(p slo.Page) bool { return p.Data == nil })
	return s.sound.Commit(ctx, c)
}

func (s blind) Pages(ctx context.Context, _ map[slo.PageKey]string, yield func(slo.Page) error) error {
	return s.sound.Pages(ctx, nil, yield)
}

func (s unburdened) Commit(ctx context.Context, c scorecard.Commit) error {
	c.Backlog = nil
	return s.sound.Commit(ctx, c)
}

func TestTheSuiteCatchesAStoreThat(t *testing.T) {
	for _, tc := range []struct {
		fault  string
		broken func(sound) storetest.Store
		caught string
	}{
		{"takes commits from anybody", func(s sound) storetest.Store { return unfenced{s} }, "a commit with an old epoch is fenced"},
		{"takes commits from another owner", func(s sound) storetest.Store { return unfenced{s} }, "a commit by another owner is fenced"},
		{"takes commits after a release", func(s sound) storetest.Store { return unfenced{s} }, "a commit after the lease was released is fenced"},
		{"takes commits of one that was overtaken", func(s sound) storetest.Store { return unfenced{s} }, "a commit after an expired lease was taken over is fenced"},
		{"fences by the clock", func(s sound) storetest.Store { return clockFenced{s} }, "a lease that expired and nobody took still commits, for fencing knows no clock"},
		{"takes a tick twice", func(s sound) storetest.Store { return replaying{s} }, "a tick that is not newer than the last is refused"},
		{"shows half a commit", func(s sound) storetest.Store { return halfCommitting{s} }, "concurrent readers see commits whole or not at all"},
		{"keeps states that were replaced", func(s sound) storetest.Store { return leaking{s} }, "states survive the grader, and are replaced as a whole"},
		{"loses the states", func(s sound) storetest.Store { return stateless{s} }, "states survive the grader, and are replaced as a whole"},
		{"writes into what it was given", func(s sound) storetest.Store { return scribbling{s} }, "a commit leaves what it was given as it was"},
		{"keeps a lease that has expired", func(s sound) storetest.Store { return greedy{s} }, "a lease is held by one owner until it expires"},
		{"wakes nobody", func(s sound) storetest.Store { return deaf{s} }, "a wait ends with the commit that it waits for"},
		{"wakes everybody all the time", func(s sound) storetest.Store { return hasty{s} }, "a wait ends with the commit that it waits for"},
		{"does not heed a context that waits", func(s sound) storetest.Store { return hasty{s} }, "a wait ends with its context"},
		{"hides that changes were dropped", func(s sound) storetest.Store { return forgetful{s} }, "a reader of changes that were dropped is told to begin anew"},
		{"hides that a reader is ahead", func(s sound) storetest.Store { return forgetful{s} }, "a reader ahead of the log is told to begin anew"},
		{"loses changes", func(s sound) storetest.Store { return silent{s} }, "changes get ids without gaps and their generation"},
		{"has a point twice", func(s sound) storetest.Store { return unthinned{s} }, "history is thinned to ticks, 5 minutes and hours, and ends after 90 days"},
		{"keeps scores in 32 bits", func(s sound) storetest.Store { return rounding{s} }, "history keeps scores as they were and unknown ones as unknown"},
		{"includes the start of a range", func(s sound) storetest.Store { return closedAtStart{s} }, "history is cut to the range asked for, without its start and with its end"},
		{"ignores the step", func(s sound) storetest.Store { return stepless{s} }, "history with a step is the last point of each"},
		{"reaches too far back for a score", func(s sound) storetest.Store { return longMemory{s} }, "scores at a past time are the last known ones in reach"},
		{"knows what it should have deleted", func(s sound) storetest.Store { return hoarding{s} }, "the history of a removed scorecard is deleted after 90 days"},
		{"commits for a context that is done", func(s sound) storetest.Store { return contextless{s} }, "nothing is done for a context that is done"},
		{"renews every lease", func(s sound) storetest.Store { return eternal{s} }, "a lease that is not the newest cannot be renewed"},
		{"keeps pages that were dropped", func(s sound) storetest.Store { return pageless{s} }, "pages of the ledger are kept as they were, until they are replaced or dropped"},
		{"sends pages that the reader has", func(s sound) storetest.Store { return blind{s} }, "pages are read as far as the reader has other versions"},
		{"forgets the ticks it missed", func(s sound) storetest.Store { return unburdened{s} }, "the history of ticks that could not be committed comes with the next commit"},
		{"releases whatever is held", func(s sound) storetest.Store { return releasingAnything{s} }, "releasing a lease that is not the newest changes nothing"},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.False(t, storetest.Fails(t, tc.caught, newSound()), "the case fails for a store without a fault, too")
				require.True(t, storetest.Fails(t, tc.caught, tc.broken(newSound())), "the case %q passes", tc.caught)
			})
		})
	}
}
