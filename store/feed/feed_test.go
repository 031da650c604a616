package feed

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/scorecard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func generation(incarnation string, n, lastChange uint64) *scorecard.Snapshot {
	return &scorecard.Snapshot{Incarnation: incarnation, Generation: n, LastChange: lastChange}
}

// changes have the ids from first to last.
func changes(first, last uint64) []scorecard.Change {
	var out []scorecard.Change
	for id := first; id <= last; id++ {
		out = append(out, scorecard.Change{ID: id})
	}
	return out
}

func requireLog(t *testing.T, f *Feed, after uint64, want []scorecard.Change, wantReset bool) {
	t.Helper()
	got, reset, err := f.Changes(t.Context(), after, 0)
	require.NoError(t, err)
	require.Equal(t, wantReset, reset)
	require.Equal(t, append([]scorecard.Change{}, want...), append([]scorecard.Change{}, got...))
}

func TestChangesOfAGenerationThatIsReadTwiceAreKeptOnce(t *testing.T) {
	f := New(10)
	f.Publish(generation("a", 1, 3), changes(1, 3))
	f.Publish(generation("a", 2, 5), changes(2, 5))
	requireLog(t, f, 0, changes(1, 5), false)
}

func TestChangesThatNobodyBroughtAreAGapThatReadersHearOf(t *testing.T) {
	f := New(10)
	f.Publish(generation("a", 1, 3), changes(1, 3))
	f.Publish(generation("a", 5, 9), changes(8, 9))
	requireLog(t, f, 3, changes(8, 9), true)
	requireLog(t, f, 8, changes(9, 9), false)

	f.Publish(generation("a", 6, 12), nil)
	requireLog(t, f, 9, nil, true)
	requireLog(t, f, 12, nil, false)
}

func TestAnotherIncarnationBeginsTheLogAnew(t *testing.T) {
	f := New(10)
	f.Publish(generation("a", 7, 30), changes(25, 30))
	f.Publish(generation("b", 1, 2), changes(1, 2))
	require.Equal(t, "b", f.Snapshot().Incarnation)
	requireLog(t, f, 0, changes(1, 2), false)
	requireLog(t, f, 30, changes(1, 2), true)
}

func TestAWaitEndsWhenTheStoreCountsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(10)
		f.Publish(generation("a", 7, 0), nil)
		go func() {
			time.Sleep(time.Second)
			f.Publish(generation("b", 1, 0), nil)
		}()
		newest, err := f.Wait(t.Context(), 7)
		require.NoError(t, err)
		require.Equal(t, uint64(1), newest)
		require.Equal(t, "b", f.Snapshot().Incarnation)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = f.Wait(ctx, 1)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestAStoreThatLostItsNewestChangesBeginsTheLogAnew(t *testing.T) {
	f := New(10)
	f.Publish(generation("a", 7, 30), changes(25, 30))
	f.Publish(generation("a", 7, 29), changes(29, 29))
	requireLog(t, f, 30, changes(29, 29), true)
	requireLog(t, f, 28, changes(29, 29), false)
}

func TestAGenerationInPlaceOfALostOneBeginsTheLogAnew(t *testing.T) {
	f := New(10)
	lost, next := generation("a", 7, 30), generation("a", 7, 31)
	next.CommittedAt = time.Unix(1, 0)
	f.Publish(lost, changes(25, 30))
	f.Publish(next, changes(30, 31))
	requireLog(t, f, 28, changes(30, 31), true)
	f.Publish(next, nil)
	requireLog(t, f, 29, changes(30, 31), false)
}
