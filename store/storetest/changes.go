package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

func changeCases() []testCase {
	return []testCase{
		{"changes get ids without gaps and their generation", changeIDs},
		{"changes are read in pages from where the reader was", changePages},
		{"a reader of changes that were dropped is told to begin anew", changesDropped},
		{"a reader ahead of the log is told to begin anew", changesAhead},
		{"one commit may have more changes than the log keeps", changesOverflow},
	}
}

func isRefusal(err error) bool {
	return errors.Is(err, scorecard.ErrFenced) || errors.Is(err, scorecard.ErrOldTick)
}

// requireChanges says that the changes after one id are those from first to
// last, and whether the reader is told to begin anew.
func requireChanges(tb testing.TB, s Store, after uint64, limit int, first, last uint64, reset bool) {
	tb.Helper()
	changes, gotReset, err := s.Changes(tb.Context(), after, limit)
	require.NoError(tb, err)
	require.Equal(tb, reset, gotReset, "reset, after %d", after)
	ids := []uint64{}
	for _, c := range changes {
		ids = append(ids, c.ID)
	}
	want := []uint64{}
	for id := first; id <= last; id++ {
		want = append(want, id)
	}
	require.Equal(tb, want, ids, "changes after %d", after)
}

func changeIDs(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.takeChanges(noon(), 2)
	g.takeChanges(noon().Add(interval), 0)
	g.takeChanges(noon().Add(2*interval), 1)
	changes, reset, err := s.Changes(tb.Context(), 0, 0)
	require.NoError(tb, err)
	require.False(tb, reset)
	require.Len(tb, changes, 3)
	for i, generation := range []uint64{1, 1, 3} {
		tick := noon().Add(time.Duration(generation-1) * interval)
		require.Equal(tb, uint64(i+1), changes[i].ID)
		require.Equal(tb, generation, changes[i].Generation)
		require.Equal(tb, scorecard.VerdictChanged, changes[i].Kind)
		require.Equal(tb, key("playlist"), changes[i].Key)
		require.Equal(tb, "availability pass fail", changes[i].Check+" "+changes[i].From+" "+changes[i].To)
		require.True(tb, changes[i].Time.Equal(tick))
	}
	changes[0].Message = "changed by the caller"
	again, _, err := s.Changes(tb.Context(), 0, 1)
	require.NoError(tb, err)
	require.Empty(tb, again[0].Message, "the changes are the caller's own")
}

func changePages(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.takeChanges(noon(), 10)
	requireChanges(tb, s, 0, 4, 1, 4, false)
	requireChanges(tb, s, 4, 4, 5, 8, false)
	requireChanges(tb, s, 8, 4, 9, 10, false)
	requireChanges(tb, s, 10, 4, 1, 0, false)
	requireChanges(tb, s, 7, -1, 8, 10, false)
}

func changesDropped(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	for i := range 5 {
		g.takeChanges(noon().Add(time.Duration(i)*interval), EventLimit/2)
	}
	const last = EventLimit / 2 * 5
	requireChanges(tb, s, last-EventLimit-1, 0, last-EventLimit+1, last, true)
	requireChanges(tb, s, 0, 3, last-EventLimit+1, last-EventLimit+3, true)
	requireChanges(tb, s, last-EventLimit+1, 0, last-EventLimit+2, last, false)
	requireChanges(tb, s, last, 0, 1, 0, false)
}

func changesAhead(tb testing.TB, s Store) {
	requireChanges(tb, s, 7, 0, 1, 0, true)
	g := newGrader(tb, s, "a")
	g.takeChanges(noon(), 3)
	requireChanges(tb, s, 3, 0, 1, 0, false)
	requireChanges(tb, s, 4, 0, 1, 3, true)
}

func changesOverflow(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.takeChanges(noon(), 3*EventLimit)
	requireChanges(tb, s, 3*EventLimit-2, 0, 3*EventLimit-1, 3*EventLimit, false)
	requireChanges(tb, s, 0, 1, 2*EventLimit+1, 2*EventLimit+1, true)
}
