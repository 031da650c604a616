package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

func historyCases() []testCase {
	return []testCase{
		{"history keeps scores as they were and unknown ones as unknown", historyValues},
		{"history is thinned to ticks, 5 minutes and hours, and ends after 90 days", historyThins},
		{"history is cut to the range asked for, without its start and with its end", historyRange},
		{"history with a step is the last point of each", historySteps},
		{"scores at a past time are the last known ones in reach", scoresAt},
		{"the history of a removed scorecard is deleted after 90 days", historyEnds},
		{"the history of ticks that could not be committed comes with the next commit", historyBacklog},
	}
}

const day = 24 * time.Hour

func historyValues(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	values := []float64{0, 100, 59.949999999999996, 100.0 / 3, 0.1}
	for i, score := range values {
		c := card("playlist", score)
		c.Coverage = 1 - float64(i)/5
		g.take(noon().Add(time.Duration(i)*interval), c)
	}
	g.take(noon().Add(5*interval), unknown("playlist"))
	almost := card("playlist", 99)
	almost.Coverage, almost.Level = 0.999999, ""
	g.take(noon().Add(6*interval), almost)

	points := history(tb, s, "playlist", noon().Add(-interval), noon().Add(day), 0)
	require.Len(tb, points, len(values)+2)
	for i, score := range values {
		require.Equal(tb, score, *points[i].Score, "exactly")
		require.InDelta(tb, 1-float64(i)/5, points[i].Coverage, 1e-12, "short decimals are exact")
		require.Equal(tb, "bronze", points[i].Level)
		require.True(tb, points[i].Time.Equal(noon().Add(time.Duration(i)*interval)))
	}
	require.Nil(tb, points[5].Score)
	require.Empty(tb, points[5].Level)
	require.Less(tb, points[6].Coverage, 1.0, "what is not whole is not rounded to it")
	require.InDelta(tb, 0.9999, points[6].Coverage, 1e-12)
	require.Empty(tb, points[6].Level)
}

// history reads and leaves out what the caller need not check.
func history(tb testing.TB, s Store, service string, from, to time.Time, step time.Duration) []scorecard.HistoryPoint {
	tb.Helper()
	points, err := s.History(tb.Context(), key(service), from, to, step)
	require.NoError(tb, err)
	return points
}

// past is a commit of the service playlist.
type past struct {
	tick  time.Time
	score float64 // below 0: unknown
}

// pastTicks returns some 900 ticks of 95 days, dense around the ages at which
// history changes its resolution, with gaps and unknown scores.
func pastTicks(newest time.Time) []past {
	stretches := []struct {
		from, to, every time.Duration // before newest
	}{
		{95 * day, 90*day + 3*time.Hour, 5 * time.Hour},
		{90*day + 3*time.Hour, 89*day + 22*time.Hour, 10 * time.Minute},
		{89 * day, 50 * day, 7*time.Hour + time.Minute},
		{7*day + 2*time.Hour, 6*day + 23*time.Hour, 20 * time.Minute},
		{48*time.Hour + 90*time.Minute, 47 * time.Hour, time.Minute},
		{24*time.Hour + 13*time.Minute, 23*time.Hour + 54*time.Minute, time.Minute},
		{20 * time.Hour, 4 * time.Hour, 11 * time.Minute},
		{150 * time.Minute, -time.Minute, time.Minute},
	}
	var all []past
	for _, s := range stretches {
		for age := s.from; age > s.to; age -= s.every {
			score := float64(len(all)%1000) / 10
			if len(all)%7 == 3 {
				score = -1
			}
			all = append(all, past{newest.Add(-age), score})
		}
	}
	return all
}

// commitPast commits the past and returns it with its newest tick, which is
// not aligned to anything but the minute.
func commitPast(tb testing.TB, s Store) ([]past, time.Time) {
	tb.Helper()
	newest := noon().Add(17 * time.Minute)
	all := pastTicks(newest)
	g := newGrader(tb, s, "a")
	for _, p := range all {
		c := card("playlist", p.score)
		if p.score < 0 {
			c = unknown("playlist")
		}
		g.take(p.tick, c)
	}
	require.True(tb, s.Snapshot().Tick.Equal(newest))
	return all, newest
}

// kept is what must be left of the past at its newest tick, in a range: a
// point stays while it is young enough for a resolution at which it is the
// last of its bucket.
func kept(all []past, newest, from, to time.Time) []past {
	widths := []struct{ width, span time.Duration }{{time.Second, 2 * time.Hour}, {5 * time.Minute, 48 * time.Hour}, {time.Hour, 90 * day}}
	var left []past
	for i, p := range all {
		keep := false
		for _, w := range widths {
			lastOf := i+1 == len(all) || bucket(all[i+1].tick, w.width) != bucket(p.tick, w.width)
			keep = keep || lastOf && p.tick.After(newest.Add(-w.span))
		}
		if keep && p.tick.After(from) && !p.tick.After(to) {
			left = append(left, p)
		}
	}
	return left
}

// bucket numbers the stretches (n·width, (n+1)·width].
func bucket(t time.Time, width time.Duration) int64 {
	return (t.UnixNano() - 1) / int64(width)
}

func requirePoints(tb testing.TB, want []past, points []scorecard.HistoryPoint) {
	tb.Helper()
	got := make([]past, len(points))
	for i, p := range points {
		got[i] = past{p.Time.UTC(), -1}
		if p.Score != nil {
			got[i].score = *p.Score
		}
	}
	if want == nil {
		want = []past{}
	}
	require.Equal(tb, want, got)
}

func historyThins(tb testing.TB, s Store) {
	all, newest := commitPast(tb, s)
	want := kept(all, newest, time.Time{}, newest)
	require.Less(tb, len(want), len(all)*3/4, "the past is one that can be thinned")
	requirePoints(tb, want, history(tb, s, "playlist", time.Time{}, newest.Add(day), 0))
}

func historyRange(tb testing.TB, s Store) {
	all, newest := commitPast(tb, s)
	for _, r := range []struct{ from, to time.Duration }{
		{time.Hour, 0},
		{2*time.Hour + 10*time.Minute, 110 * time.Minute},
		{48*time.Hour + 30*time.Minute, 47*time.Hour + 30*time.Minute},
		{7 * day, day},
		{0, 0},
		{time.Hour, 2 * time.Hour},
		{-time.Hour, -2 * time.Hour},
		{91 * day, 90 * day},
	} {
		from, to := newest.Add(-r.from), newest.Add(-r.to)
		requirePoints(tb, kept(all, newest, from, to), history(tb, s, "playlist", from, to, 0))
		// Fractions of a second move the bounds past whole ones.
		from, to = from.Add(time.Millisecond), to.Add(time.Millisecond)
		requirePoints(tb, kept(all, newest, from, to), history(tb, s, "playlist", from, to, 0))
	}
}

func historySteps(tb testing.TB, s Store) {
	all, newest := commitPast(tb, s)
	for _, step := range []time.Duration{time.Nanosecond, time.Minute, 90 * time.Second, 7 * time.Minute, time.Hour, day} {
		for _, length := range []time.Duration{time.Hour, 9 * day, 100 * day} {
			from := newest.Add(-length)
			points := kept(all, newest, from, newest)
			var want []past
			for i, p := range points {
				if i+1 == len(points) || bucket(points[i+1].tick, step) != bucket(p.tick, step) {
					want = append(want, p)
				}
			}
			requirePoints(tb, want, history(tb, s, "playlist", from, newest, step))
		}
	}
}

func scoresAt(tb testing.TB, s Store) {
	all, newest := commitPast(tb, s)
	known := 0
	for _, age := range []time.Duration{
		-time.Hour, -30 * time.Second, 0, 30 * time.Second, time.Minute, 17 * time.Minute, time.Hour,
		2*time.Hour - time.Minute, 2 * time.Hour, 2*time.Hour + time.Minute, 3 * time.Hour, 5 * time.Hour,
		23*time.Hour + 57*time.Minute, day, day + 4*time.Minute, 48*time.Hour - time.Minute, 48 * time.Hour, 48*time.Hour + 40*time.Minute,
		7*day - 10*time.Minute, 7 * day, 7*day + time.Hour, 30 * day, 90*day - time.Hour, 90 * day, 91 * day,
	} {
		at := newest.Add(-age)
		reach := time.Hour
		switch {
		case age < 2*time.Hour:
			reach = interval
		case age < 48*time.Hour:
			reach = 5 * time.Minute
		case age >= 90*day:
			reach = 0
		}
		want := map[scorecard.Key]float64{}
		for _, p := range kept(all, newest, at.Add(-reach), at) {
			if p.score >= 0 {
				want[key("playlist")] = p.score
			}
		}
		got, err := s.ScoresAt(tb.Context(), at)
		require.NoError(tb, err)
		require.Equal(tb, want, got, "%v ago", age)
		known += len(got)
	}
	require.Greater(tb, known, 8, "most times have a score")
}

func historyEnds(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90), card("tracks", 70))
	g.take(noon().Add(90*day-interval), card("playlist", 90))
	require.Len(tb, history(tb, s, "tracks", time.Time{}, noon().Add(day), 0), 1, "a minute short of 90 days")

	g.take(noon().Add(90*day), card("playlist", 90))
	_, err := s.History(tb.Context(), key("tracks"), time.Time{}, noon().Add(day), 0)
	require.ErrorIs(tb, err, scorecard.ErrNotFound)
	points := history(tb, s, "playlist", time.Time{}, noon().Add(100*day), 0)
	require.Len(tb, points, 2, "what is there goes on")

	g.take(noon().Add(90*day+interval), card("playlist", 90), card("tracks", 60))
	require.Len(tb, history(tb, s, "tracks", time.Time{}, noon().Add(100*day), 0), 1, "one that comes back starts anew")
}

func historyBacklog(tb testing.TB, s Store) {
	g := newGrader(tb, s, "a")
	g.take(noon(), card("playlist", 90))
	row := func(minutes int, score float64) scorecard.HistoryRow {
		return scorecard.HistoryOf(&scorecard.Snapshot{
			Tick: noon().Add(time.Duration(minutes) * interval), Scorecards: []*scorecard.Scorecard{card("playlist", score)},
		})
	}
	c := g.commit(noon().Add(4*interval), card("playlist", 50))
	c.Backlog = []scorecard.HistoryRow{row(-1, 1), row(0, 2), row(1, 80), row(2, 70), row(4, 3), row(5, 4)}
	require.NoError(tb, s.Commit(tb.Context(), c))
	points := history(tb, s, "playlist", noon().Add(-time.Hour), noon().Add(time.Hour), 0)
	var got []float64
	for _, p := range points {
		got = append(got, p.Time.Sub(noon()).Minutes(), *p.Score)
	}
	require.Equal(tb, []float64{0, 90, 1, 80, 2, 70, 4, 50}, got, "between the last commit and this one, and nothing else")
	at, err := s.ScoresAt(tb.Context(), noon().Add(2*interval))
	require.NoError(tb, err)
	require.Equal(tb, map[scorecard.Key]float64{key("playlist"): 70}, at)
}
