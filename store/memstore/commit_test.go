package memstore

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// fixture is a store with a lease.
type fixture struct {
	*Store
	lease scorecard.Lease
	tick  time.Time
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	s := New(Options{Now: newClock().Now})
	lease, err := s.Acquire(tb.Context(), "grader", time.Hour)
	require.NoError(tb, err)
	return &fixture{Store: s, lease: lease, tick: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

// next is the commit of the tick after the last.
func (f *fixture) next(after time.Duration, cards ...*scorecard.Scorecard) scorecard.Commit {
	f.tick = f.tick.Add(after)
	return scorecard.Commit{
		Epoch: f.lease.Epoch, Owner: f.lease.Owner,
		Snapshot: &scorecard.Snapshot{Tick: f.tick, Interval: after, Scorecards: cards},
	}
}

func cardOf(service string, score float64) *scorecard.Scorecard {
	return &scorecard.Scorecard{
		Rubric: "http", Service: &catalog.Service{ID: catalog.ID{Namespace: "default", Name: service}},
		Score: &score, Coverage: 1, Level: "silver", Status: scorecard.Scored,
	}
}

func TestHistoryHasNoNumbersThatAreNone(t *testing.T) {
	f := newFixture(t)
	for _, score := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		require.NoError(t, f.Commit(t.Context(), f.next(time.Minute, cardOf("playlist", score))))
	}
	points, err := f.History(t.Context(), cardOf("playlist", 0).Key(), time.Time{}, f.tick, 0)
	require.NoError(t, err)
	require.Len(t, points, 3)
	for _, p := range points {
		require.Nil(t, p.Score)
	}
	at, err := f.ScoresAt(t.Context(), f.tick)
	require.NoError(t, err)
	require.Empty(t, at)
}

func TestOfTicksWithinASecondHistoryKeepsTheLast(t *testing.T) {
	f := newFixture(t)
	for i := range 10 {
		require.NoError(t, f.Commit(t.Context(), f.next(300*time.Millisecond, cardOf("playlist", float64(i)))))
	}
	require.Equal(t, uint64(10), f.Snapshot().Generation)
	points, err := f.History(t.Context(), cardOf("playlist", 0).Key(), time.Time{}, f.tick, 0)
	require.NoError(t, err)
	require.Len(t, points, 4)
	require.Equal(t, 9.0, *points[3].Score)
}

func TestHistoryIsBoundedWhileServicesComeAndGo(t *testing.T) {
	f := newFixture(t)
	for i := range 4 * 200 {
		require.NoError(t, f.Commit(t.Context(), f.next(6*time.Hour, cardOf(fmt.Sprint("service-", i), 90))))
	}
	require.Len(t, f.history.series, 4*90)
}

func TestACommitWithMoreLevelNamesThanTheHistoryHoldsIsRefusedWhole(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.Commit(t.Context(), f.next(time.Minute, cardOf("playlist", 90))))
	cards := make([]*scorecard.Scorecard, math.MaxUint16)
	for i := range cards {
		cards[i] = cardOf("playlist", 10)
		cards[i].Level = fmt.Sprint("level-", i)
	}
	require.ErrorContains(t, f.Commit(t.Context(), f.next(time.Minute, cards...)), "65,535 names of levels")
	require.Equal(t, uint64(1), f.Snapshot().Generation)
	points, err := f.History(t.Context(), cards[0].Key(), time.Time{}, f.tick, 0)
	require.NoError(t, err)
	require.Len(t, points, 1)
	require.NoError(t, f.Commit(t.Context(), f.next(time.Minute, cardOf("playlist", 80))))
}

func TestASnapshotIsServedWhileACommitIsUnderWay(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.Commit(t.Context(), f.next(time.Minute, cardOf("playlist", 90))))
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, uint64(1), f.Snapshot().Generation)
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	_, err := f.Acquire(ctx, "other", time.Minute)
	require.EqualError(t, err, `acquire the grading lease for "other": "grader" holds it for another 1h0m0s; try again then`)
	c := f.next(time.Minute, cardOf("playlist", 90))
	require.NoError(t, f.Commit(ctx, c))
	require.EqualError(t, f.Commit(ctx, c), "commit tick 2026-11-23T12:01:00Z: tick 2026-11-23T12:01:00Z has been committed already; go on with a later one")
	c.Owner = "other"
	require.ErrorContains(t, f.Commit(ctx, c), `of "other", epoch`)
	require.ErrorContains(t, f.Commit(ctx, c), `"grader" holds a newer one`)
	require.NoError(t, f.Release(ctx, f.lease))
	require.ErrorContains(t, f.Renew(ctx, f.lease, time.Minute), "nobody holds one now; stop grading and acquire a new one")
}

func TestEpochsGrowWhenTheClockGoesBack(t *testing.T) {
	c := newClock()
	s := New(Options{Now: c.Now})
	first, err := s.Acquire(t.Context(), "a", time.Minute)
	require.NoError(t, err)
	require.Equal(t, uint64(c.Now().UnixMicro()), first.Epoch)
	require.NoError(t, s.Release(t.Context(), first))
	c.Advance(-100 * 365 * 24 * time.Hour)
	second, err := s.Acquire(t.Context(), "b", time.Minute)
	require.NoError(t, err)
	require.Equal(t, first.Epoch+1, second.Epoch)
}

func TestAnEmptyStoreHasUsableDefaults(t *testing.T) {
	s := New(Options{})
	lease, err := s.Acquire(t.Context(), "a", time.Minute)
	require.NoError(t, err)
	require.NoError(t, s.Renew(t.Context(), lease, time.Minute))
	c := scorecard.Commit{
		Epoch: lease.Epoch, Owner: lease.Owner, Changes: make([]scorecard.Change, 10_001),
		Snapshot: &scorecard.Snapshot{Tick: time.Unix(1_700_000_000, 0), Interval: time.Minute},
	}
	require.NoError(t, s.Commit(t.Context(), c))
	changes, reset, err := s.Changes(t.Context(), 0, 0)
	require.NoError(t, err)
	require.True(t, reset)
	require.Len(t, changes, 10_000)
}
