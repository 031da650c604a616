package collector

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
)

// TestWhatIsScrapedTooSeldomIsUnknownAndSaid has a service that is scraped every
// two minutes, beside one that is scraped often enough, or is not.
func TestWhatIsScrapedTooSeldomIsUnknownAndSaid(t *testing.T) {
	slow, lazy := web(steadily(0, 8*hour, 0.5)...), web()
	slow.service, slow.instance, slow.every = "search", "10.0.0.2:80", 120
	lazy.every = 120
	for name, tt := range map[string]struct {
		world scraped
		state string
	}{
		"one of two": {scraped{targets: []target{web(), slow}, end: 8 * hour}, "ok"},
		"all":        {scraped{targets: []target{lazy, slow}, end: 8 * hour}, "failing"},
	} {
		t.Run(name, func(t *testing.T) {
			url := tt.world.serve(t)
			tick := noon().Add(time.Duration(tt.world.end) * time.Second)
			e, err := Evaluate(t.Context(), scrapedOptions(t, url, "playlist", "search"), tick, tick)
			require.NoError(t, err)
			r := fixture.Result(t, e.Scorecards, "search", "availability")
			require.Equal(t, []string{"unknown", "source_error"}, []string{string(r.Verdict), r.Reason})
			require.Contains(t, r.Message, "its targets in eu are scraped 8 times in 15m (every 113s), and a slot of 5m needs a scrape every 75s at least")
			other := fixture.Result(t, e.Scorecards, "playlist", "availability")
			require.Equal(t, tt.state == "ok", other.Verdict == scorecard.Pass, other.Verdict)
			require.Equal(t, tt.state, e.Sources[0].State)
			require.Contains(t, e.Sources[0].LastError, "2 services are scraped more seldom than every 75s and are not counted, among them default/")
			require.Equal(t, tt.state != "ok", len(e.Faults) > 0)
		})
	}
}

// TestTheHourThatWasScrapedTooSeldomIsAGap has a service that is scraped every two
// minutes in the second half: live and afterwards alike.
func TestTheHourThatWasScrapedTooSeldomIsAGap(t *testing.T) {
	hurried, lazy := web(), web()
	hurried.gone = 4 * hour
	lazy.every, lazy.known = 120, 4*hour+30
	world := scraped{targets: []target{hurried, lazy}, end: 8 * hour}
	url, end := world.serve(t), noon().Add(8*time.Hour)
	o := scrapedOptions(t, url, "playlist")
	o.Registerer = prometheus.NewRegistry()
	l := newLive(o)
	for at := 0.0; at <= world.end; at += minute {
		tick := noon().Add(time.Duration(at) * time.Second)
		l.tick(t, tick)
		if int(at)%1800 == 0 {
			l.observe(gathered{blocks: l.gatherer.Range(t.Context(), question.Instant(tick.Unix()), nil)[0]}, nil)
			want := 0.0
			if at >= 5*hour { // before that some tile of the hour before is full of scrapes
				want = 1
			}
			require.InDelta(t, want, testutil.ToFloat64(l.metrics.slow.WithLabelValues("eu")), 0, at)
		}
	}
	counts := l.series(0).Sum(8*time.Hour, end.Unix())
	require.InDelta(t, 5*hour, counts.Counts.Total, 700, "it served one request a second")
	require.InDelta(t, 5*12, counts.Measured, 2)

	after := newLive(scrapedOptions(t, url, "playlist"))
	_, err := after.evaluate(t.Context(), end)
	require.NoError(t, err)
	require.Equal(t, counts, after.series(0).Sum(8*time.Hour, end.Unix()))
}
