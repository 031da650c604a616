package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

func commitCases() []testCase {
	return []testCase{
		{"an empty store has no snapshot, states, changes or history", emptyStore},
		{"a commit is published with its generation, epoch and time", published},
		{"a tick that is not newer than the last is refused", oldTick},
		{"generations grow by one, over refusals and over leases", generations},
		{"all generations of a store are of one incarnation, and name the newest change", incarnation},
		{"a commit leaves what it was given as it was", inputUntouched},
		{"a commit that makes no sense is refused", senselessCommit},
		{"a published snapshot stays as it is", snapshotsStay},
		{"states survive the grader, and are replaced as a whole", statesSurvive},
		{"a removed scorecard is gone from the snapshot and keeps its history", removedScorecard},
		{"5,000 scorecards are one commit", fiveThousand},
		{"nothing is done for a context that is done", cancelledContext},
	}
}

func emptyStore(tb testing.TB, s Store) {
	require.Nil(tb, s.Snapshot())
	require.Equal(tb, contents{states: map[scorecard.Key]*scorecard.State{}, changes: read(tb, s).changes}, read(tb, s))
	require.Empty(tb, read(tb, s).changes)
	_, err := s.History(tb.Context(), key("playlist"), noon(), noon().Add(time.Hour), 0)
	require.ErrorIs(tb, err, scorecard.ErrNotFound)
	at, err := s.ScoresAt(tb.Context(), noon())
	require.NoError(tb, err)
	require.Empty(tb, at)
}

func published(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 91.25), unknown("tracks"))
	got := s.Snapshot()
	require.NotNil(tb, got)
	require.Equal(tb, uint64(1), got.Generation)
	require.Equal(tb, g.lease.Epoch, got.Epoch)
	require.False(tb, got.CommittedAt.IsZero())
	require.True(tb, got.Tick.Equal(noon()))
	require.Equal(tb, interval, got.Interval)
	require.Equal(tb, map[string]float64{"playlist": 91.25, "tracks": -1}, scores(got))
}

func oldTick(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	before := read(tb, s)
	for _, tick := range []time.Time{noon(), noon().Add(-interval)} {
		require.ErrorIs(tb, s.Commit(tb.Context(), g.commit(tick, card("playlist", 10))), scorecard.ErrOldTick)
	}
	require.NoError(tb, s.Release(tb.Context(), g.lease))
	next := newGrader(tb, s, "b")
	require.ErrorIs(tb, s.Commit(tb.Context(), next.commit(noon(), card("playlist", 10))), scorecard.ErrOldTick, "under a new lease too")
	require.Equal(tb, before, read(tb, s), "a refused commit leaves no trace")
}

func generations(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	for i := range 5 {
		tick := noon().Add(time.Duration(i) * interval)
		g.take(tick, card("playlist", 90))
		require.Equal(tb, uint64(i+1), s.Snapshot().Generation)
		require.Error(tb, s.Commit(tb.Context(), g.commit(tick, card("playlist", 90))))
		require.NoError(tb, s.Release(tb.Context(), g.lease))
		g = newGrader(tb, s, fmt.Sprint("grader-", i))
	}
}

func incarnation(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.takeChanges(noon(), 3)
	first := s.Snapshot()
	require.Regexp(tb, "^[0-9a-f]{8,}$", first.Incarnation)
	require.Equal(tb, uint64(3), first.LastChange)
	require.NoError(tb, s.Release(tb.Context(), g.lease))
	g = newGrader(tb, s, "b")
	g.takeChanges(noon().Add(interval), 0)
	require.NoError(tb, s.Sync(tb.Context()))
	second := s.Snapshot()
	require.Equal(tb, first.Incarnation, second.Incarnation)
	require.Equal(tb, uint64(3), second.LastChange)
	g.takeChanges(noon().Add(2*interval), 2)
	require.Equal(tb, uint64(5), s.Snapshot().LastChange)
}

func inputUntouched(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	c := g.commit(noon(), card("playlist", 90))
	c.Changes = []scorecard.Change{{Kind: scorecard.ScorecardAdded, Key: key("playlist")}}
	snapshot, changes := *c.Snapshot, slices.Clone(c.Changes)
	require.NoError(tb, s.Commit(tb.Context(), c))
	require.Equal(tb, snapshot, *c.Snapshot)
	require.Equal(tb, changes, c.Changes)

	delete(c.States, key("playlist"))
	c.Changes[0].Message = "changed by the caller"
	after := read(tb, s)
	require.Contains(tb, after.states, key("playlist"), "the map is the store's own")
	require.Empty(tb, after.changes[0].Message, "the changes are the store's own")
}

func senselessCommit(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	c := g.commit(noon(), card("playlist", 90))
	c.Snapshot = nil
	require.Error(tb, s.Commit(tb.Context(), c), "no snapshot")
	require.Error(tb, s.Commit(tb.Context(), g.commit(time.Time{}, card("playlist", 90))), "no tick")
	c = g.commit(noon(), card("playlist", 90))
	c.Snapshot.Scorecards = append(c.Snapshot.Scorecards, &scorecard.Scorecard{}, nil)
	require.Error(tb, s.Commit(tb.Context(), c), "a scorecard of no service")
	require.Nil(tb, s.Snapshot())
}

func snapshotsStay(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	first := s.Snapshot()
	g.take(noon().Add(interval), card("playlist", 80))
	require.Equal(tb, uint64(1), first.Generation)
	require.Equal(tb, map[string]float64{"playlist": 90}, scores(first))
	require.Equal(tb, map[string]float64{"playlist": 80}, scores(s.Snapshot()))
}

func statesSurvive(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	c := g.commit(noon(), card("playlist", 90), card("tracks", 70))
	require.NoError(tb, s.Commit(tb.Context(), c))
	require.NoError(tb, s.Release(tb.Context(), g.lease))

	next := newGrader(tb, s, "b")
	states, err := s.States(tb.Context())
	require.NoError(tb, err)
	require.Equal(tb, c.States, states)
	clear(states)
	states, err = s.States(tb.Context())
	require.NoError(tb, err)
	require.Len(tb, states, 2, "the map is the caller's own")

	next.take(noon().Add(interval), card("playlist", 90))
	states, err = s.States(tb.Context())
	require.NoError(tb, err)
	require.Len(tb, states, 1)
	require.Contains(tb, states, key("playlist"))
}

func removedScorecard(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90), card("tracks", 70))
	g.take(noon().Add(interval), card("playlist", 90))
	require.Equal(tb, map[string]float64{"playlist": 90}, scores(s.Snapshot()))
	points, err := s.History(tb.Context(), key("tracks"), noon().Add(-time.Hour), noon().Add(time.Hour), 0)
	require.NoError(tb, err)
	require.Len(tb, points, 1)
	require.Equal(tb, 70.0, *points[0].Score)
	at, err := s.ScoresAt(tb.Context(), noon())
	require.NoError(tb, err)
	require.Equal(tb, map[scorecard.Key]float64{key("playlist"): 90, key("tracks"): 70}, at)
}

func fiveThousand(tb testing.TB, s Store) {
	const n = 5000
	cards := make([]*scorecard.Scorecard, n)
	for i := range cards {
		cards[i] = card(fmt.Sprintf("service-%04d", i), float64(i)/n*100)
		for _, check := range []string{"availability", "latency", "saturation", "runbook", "owner"} {
			cards[i].Results = append(cards[i].Results, scorecard.Result{Check: check, Verdict: scorecard.Pass, Reason: "ok"})
		}
	}
	g := newGrader(tb, s, "a")
	for tick := range 2 {
		g.take(noon().Add(time.Duration(tick)*interval), cards...)
	}
	require.Len(tb, s.Snapshot().Scorecards, n)
	at, err := s.ScoresAt(tb.Context(), noon())
	require.NoError(tb, err)
	require.Len(tb, at, n)
	for i, c := range s.Snapshot().Scorecards {
		require.Equal(tb, cards[i].Key(), c.Key(), "in the order given")
		require.Len(tb, c.Results, 5)
		require.Equal(tb, float64(i)/n*100, at[c.Key()])
	}
	points, err := s.History(tb.Context(), cards[n-1].Key(), noon().Add(-interval), noon().Add(interval), 0)
	require.NoError(tb, err)
	require.Len(tb, points, 2)
}

func cancelledContext(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	before := read(tb, s)
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	calls := map[string]func() error{
		"Commit":   func() error { return s.Commit(ctx, g.commit(noon().Add(interval), card("playlist", 10))) },
		"Release":  func() error { return s.Release(ctx, g.lease) },
		"Renew":    func() error { return s.Renew(ctx, g.lease, time.Nanosecond) },
		"Acquire":  func() error { _, err := s.Acquire(ctx, "a", time.Nanosecond); return err },
		"States":   func() error { _, err := s.States(ctx); return err },
		"Changes":  func() error { _, _, err := s.Changes(ctx, 0, 0); return err },
		"History":  func() error { _, err := s.History(ctx, key("playlist"), noon(), noon(), 0); return err },
		"ScoresAt": func() error { _, err := s.ScoresAt(ctx, noon()); return err },
		"Wait":     func() error { _, err := s.Wait(ctx, 0); return err },
	}
	for name, call := range calls {
		assert.ErrorIs(tb, call(), context.Canceled, name)
	}
	require.Equal(tb, before, read(tb, s))
	_, err := s.Acquire(tb.Context(), "b", ttl)
	require.ErrorIs(tb, err, scorecard.ErrFenced, "a still holds the lease")
}
