package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

func leaseCases() []testCase {
	return []testCase{
		{"a lease is held by one owner until it expires", oneOwner},
		{"an owner that acquires again keeps its epoch", keepsEpoch},
		{"a renewed lease lasts longer", renewedLasts},
		{"a lease that is not the newest cannot be renewed", staleRenewal},
		{"a released lease is free at once, and the next epoch is higher", releasedIsFree},
		{"releasing a lease that is not the newest changes nothing", staleRelease},
		{"a lease needs an owner and a time", senselessLease},
	}
}

func oneOwner(tb testing.TB, s Store) {
	first, err := s.Acquire(tb.Context(), "a", brief)
	require.NoError(tb, err)
	require.Equal(tb, "a", first.Owner)
	require.NotZero(tb, first.Epoch)

	_, err = s.Acquire(tb.Context(), "b", brief)
	require.ErrorIs(tb, err, scorecard.ErrFenced, "while a holds it")

	s.Advance(2 * brief)
	second, err := s.Acquire(tb.Context(), "b", ttl)
	require.NoError(tb, err, "after it expired")
	require.Greater(tb, second.Epoch, first.Epoch)
}

func keepsEpoch(tb testing.TB, s Store) {
	first, err := s.Acquire(tb.Context(), "a", brief)
	require.NoError(tb, err)
	again, err := s.Acquire(tb.Context(), "a", ttl)
	require.NoError(tb, err)
	require.Equal(tb, first, again)

	s.Advance(2 * brief)
	_, err = s.Acquire(tb.Context(), "b", ttl)
	require.ErrorIs(tb, err, scorecard.ErrFenced, "the second call has made it last longer")
}

func renewedLasts(tb testing.TB, s Store) {
	lease, err := s.Acquire(tb.Context(), "a", brief)
	require.NoError(tb, err)
	require.NoError(tb, s.Renew(tb.Context(), lease, ttl))

	s.Advance(2 * brief)
	_, err = s.Acquire(tb.Context(), "b", ttl)
	require.ErrorIs(tb, err, scorecard.ErrFenced)
}

func staleRenewal(tb testing.TB, s Store) {
	lease, err := s.Acquire(tb.Context(), "a", brief)
	require.NoError(tb, err)
	require.ErrorIs(tb, s.Renew(tb.Context(), scorecard.Lease{Owner: "b", Epoch: lease.Epoch}, ttl), scorecard.ErrFenced, "of another owner")
	require.ErrorIs(tb, s.Renew(tb.Context(), scorecard.Lease{Owner: "a", Epoch: lease.Epoch + 1}, ttl), scorecard.ErrFenced, "never granted")

	s.Advance(2 * brief)
	require.NoError(tb, s.Renew(tb.Context(), lease, brief), "expired, but nobody else has got one since")
	s.Advance(2 * brief)
	_, err = s.Acquire(tb.Context(), "b", ttl)
	require.NoError(tb, err)
	require.ErrorIs(tb, s.Renew(tb.Context(), lease, ttl), scorecard.ErrFenced, "taken over")
}

func releasedIsFree(tb testing.TB, s Store) {
	first, err := s.Acquire(tb.Context(), "a", ttl)
	require.NoError(tb, err)
	require.NoError(tb, s.Release(tb.Context(), first))
	require.ErrorIs(tb, s.Renew(tb.Context(), first, ttl), scorecard.ErrFenced, "it has been given back")

	second, err := s.Acquire(tb.Context(), "b", ttl)
	require.NoError(tb, err)
	require.Greater(tb, second.Epoch, first.Epoch)
	require.NoError(tb, s.Release(tb.Context(), second))

	third, err := s.Acquire(tb.Context(), "a", ttl)
	require.NoError(tb, err)
	require.Greater(tb, third.Epoch, second.Epoch, "the same owner does not get its old epoch back")
}

func staleRelease(tb testing.TB, s Store) {
	first, err := s.Acquire(tb.Context(), "a", ttl)
	require.NoError(tb, err)
	require.NoError(tb, s.Release(tb.Context(), first))
	second, err := s.Acquire(tb.Context(), "b", ttl)
	require.NoError(tb, err)

	require.NoError(tb, s.Release(tb.Context(), first), "a second time")
	require.NoError(tb, s.Release(tb.Context(), scorecard.Lease{Owner: "a", Epoch: second.Epoch}), "of another owner")
	require.NoError(tb, s.Renew(tb.Context(), second, ttl), "b still holds it")
}

func senselessLease(tb testing.TB, s Store) {
	_, err := s.Acquire(tb.Context(), "", ttl)
	require.Error(tb, err, "no owner")
	_, err = s.Acquire(tb.Context(), "a", 0)
	require.Error(tb, err, "no time")
	lease, err := s.Acquire(tb.Context(), "a", ttl)
	require.NoError(tb, err)
	require.Error(tb, s.Renew(tb.Context(), lease, -time.Second), "negative time")
}

func fencingCases() []testCase {
	return []testCase{
		{"a commit without a lease is fenced", fencedWithoutLease},
		{"a commit with an old epoch is fenced", fencedOldEpoch},
		{"a commit by another owner is fenced", fencedOtherOwner},
		{"a commit after the lease was released is fenced", fencedReleased},
		{"a commit after an expired lease was taken over is fenced", fencedExpired},
		{"a lease that expired and nobody took still commits, for fencing knows no clock", expiredCommits},
	}
}

// requireFenced says that the commit is refused and leaves no trace.
func requireFenced(tb testing.TB, s Store, c scorecard.Commit) {
	tb.Helper()
	before := read(tb, s)
	c.Changes = []scorecard.Change{{Kind: scorecard.GradeChanged, Key: key("playlist")}}
	require.ErrorIs(tb, s.Commit(tb.Context(), c), scorecard.ErrFenced)
	require.Equal(tb, before, read(tb, s), "a refused commit leaves no trace")
}

func fencedWithoutLease(tb testing.TB, s Store) {
	nobody := &grader{tb: tb, store: s}
	requireFenced(tb, s, nobody.commit(noon(), card("playlist", 90)))
	forger := &grader{tb: tb, store: s, lease: scorecard.Lease{Owner: "b", Epoch: 1}}
	requireFenced(tb, s, forger.commit(noon(), card("playlist", 90)))
}

func fencedOldEpoch(tb testing.TB, s Store) {
	old := newGrader(tb, s, "a")
	old.take(noon(), card("playlist", 90))
	require.NoError(tb, s.Release(tb.Context(), old.lease))
	now := newGrader(tb, s, "a")
	requireFenced(tb, s, old.commit(noon().Add(interval), card("playlist", 10)))
	now.take(noon().Add(interval), card("playlist", 80))
}

func fencedOtherOwner(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	other := &grader{tb: tb, store: s, lease: scorecard.Lease{Owner: "b", Epoch: g.lease.Epoch}}
	requireFenced(tb, s, other.commit(noon().Add(interval), card("playlist", 10)))
}

func fencedReleased(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	require.NoError(tb, s.Release(tb.Context(), g.lease))
	requireFenced(tb, s, g.commit(noon().Add(interval), card("playlist", 10)))
	nobody := &grader{tb: tb, store: s, lease: scorecard.Lease{Epoch: g.lease.Epoch}}
	requireFenced(tb, s, nobody.commit(noon().Add(interval), card("playlist", 10)))
}

func fencedExpired(tb testing.TB, s Store) {
	old := newGrader(tb, s, "a")
	old.take(noon(), card("playlist", 90))
	require.NoError(tb, s.Renew(tb.Context(), old.lease, brief))
	s.Advance(2 * brief)
	now := newGrader(tb, s, "b")
	requireFenced(tb, s, old.commit(noon().Add(interval), card("playlist", 10)))
	now.take(noon().Add(interval), card("playlist", 80))
	require.Equal(tb, map[string]float64{"playlist": 80}, scores(s.Snapshot()))
}

func expiredCommits(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	require.NoError(tb, s.Renew(tb.Context(), g.lease, brief))
	s.Advance(2 * brief)
	g.take(noon(), card("playlist", 90))
}
