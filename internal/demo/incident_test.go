package demo

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/fleet"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// recorder writes down what incidents do.
type recorder struct {
	episodes map[string][]traffic.Episode
	added    []time.Duration // how long before its beginning each episode was handed over
	dark     map[string]bool
	seen     []Incident
}

func (r *recorder) addEpisode(service string, e traffic.Episode) {
	r.added = append(r.added, time.Until(e.From))
	r.episodes[service] = append(r.episodes[service], e)
}

func (r *recorder) setScraped(_ context.Context, cluster string, scraped bool) error {
	r.dark[cluster] = !scraped
	return nil
}

// play runs the script of a seed for a while of fake time, and returns what happened, and when it began.
func play(t *testing.T, seed int64, length time.Duration) (*recorder, time.Time) {
	t.Helper()
	r := &recorder{episodes: map[string][]traffic.Episode{}, dark: map[string]bool{}}
	f, err := fleet.Generate(seed, 60)
	require.NoError(t, err)
	var begin time.Time
	synctest.Test(t, func(t *testing.T) {
		begin = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		s := newScript(seed, f, r, func(i Incident) {
			require.Equal(t, i.Time, time.Now(), "an incident is not on time")
			r.seen = append(r.seen, i)
		}, time.Now)
		require.NoError(t, s.run(ctx))
	})
	return r, begin
}

func TestTheFirstIncidentsComeAsAnnounced(t *testing.T) {
	r, begin := play(t, 1, 7*time.Minute+time.Second)
	type entry struct {
		at      time.Duration
		kind    Kind
		started bool
	}
	var got []entry
	for _, i := range r.seen {
		if i.Time.Sub(begin) < 7*time.Minute || i.Kind == ScrapeOutage && !i.Started {
			got = append(got, entry{i.Time.Sub(begin), i.Kind, i.Started})
		}
	}
	require.Equal(t, []entry{
		{30 * time.Second, SaturatedPool, true},
		{time.Minute, BadDeploy, true},
		{4 * time.Minute, BadDeploy, false},
		{4 * time.Minute, ScrapeOutage, true},
		{4*time.Minute + 30*time.Second, SaturatedPool, false},
		{7 * time.Minute, ScrapeOutage, false},
	}, got)
}

func TestIncidentsSayWhatHappensInOneLine(t *testing.T) {
	r, begin := play(t, 1, 7*time.Minute+time.Second)
	for _, i := range r.seen[:2] {
		require.Contains(t, i.Text, i.Service)
		require.NotContains(t, i.Text, "\n")
	}
	require.Regexp(t, `^bad deploy: \S+ \d+\.\d+\.0 answers 500 to half of its requests \(until `+
		begin.Add(4*time.Minute).Format(time.TimeOnly)+`\)$`, r.seen[1].Text)
	outage := r.seen[slices.IndexFunc(r.seen, func(i Incident) bool { return i.Kind == ScrapeOutage })]
	require.Equal(t, "ap-south", outage.Cluster)
	require.True(t, strings.HasPrefix(outage.Text, "scrape outage: ap-south is not scraped any more (until "), outage.Text)
}

func TestIncidentsGoOnForeverAndNeverOverlapOnOneService(t *testing.T) {
	for _, seed := range []int64{1, 2, 3} {
		r, begin := play(t, seed, 24*time.Hour)
		require.Greater(t, len(r.seen), 2*24*60/6)
		kinds := map[Kind]int{}
		last := begin
		for _, i := range r.seen {
			if !i.Started {
				continue
			}
			kinds[i.Kind]++
			require.LessOrEqual(t, i.Time.Sub(last), 6*time.Minute, "a quiet spell that is too long")
			last = i.Time
		}
		require.Len(t, kinds, 3)
		for service, episodes := range r.episodes {
			for k := 1; k < len(episodes); k++ {
				require.False(t, episodes[k].From.Before(episodes[k-1].To), "%s is struck twice at once", service)
			}
		}
		require.GreaterOrEqual(t, slices.Min(r.added), 30*time.Second, "an episode is handed over too late")
	}
}

func TestTheScriptIsDecidedByTheSeed(t *testing.T) {
	a, beginA := play(t, 7, time.Hour)
	b, beginB := play(t, 7, time.Hour)
	require.Equal(t, beginA, beginB)
	require.Equal(t, a.seen, b.seen)
}

func TestTheNextVersionIsAMinorRelease(t *testing.T) {
	require.Equal(t, "2.14.0", nextVersion("2.13.4"))
	require.Equal(t, "main-next", nextVersion("main"))
}
