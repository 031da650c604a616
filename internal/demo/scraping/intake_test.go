package scraping

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
)

func TestTheLabelsOfTheTargetPrevail(t *testing.T) {
	target := targetLabels(Target{Labels: map[string]string{
		"job": "it", "exported_job": "outer", "service": "tracks", "__scheme__": "http", "none": "",
	}})
	require.Equal(t, labels.FromStrings("exported_job", "outer", "job", "it", "service", "tracks"), target)
	for name, test := range map[string]struct{ exposed, want labels.Labels }{
		"nothing is displaced": {
			labels.FromStrings("__name__", "a", "code", "200"),
			labels.FromStrings("__name__", "a", "code", "200", "exported_job", "outer", "job", "it", "service", "tracks"),
		},
		"one label is displaced": {
			labels.FromStrings("__name__", "a", "service", "theirs"),
			labels.FromStrings("__name__", "a", "exported_job", "outer", "exported_service", "theirs", "job", "it", "service", "tracks"),
		},
		"names are taken": {
			labels.FromStrings("__name__", "a", "job", "theirs", "exported_job", "also", "exported_exported_job", "too"),
			labels.FromStrings(
				"__name__", "a", "exported_exported_exported_exported_job", "also", "exported_exported_exported_job", "theirs",
				"exported_exported_job", "too", "exported_job", "outer", "job", "it", "service", "tracks"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, mergeLabels(test.exposed, target))
		})
	}
}

func TestWhatATargetSaysAboutItsMetricsIsKeptWhileItSaysIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := says("# HELP a First.\n# TYPE a counter\na 1\n# HELP b Second.\nb 2\n")
		p, _ := run(t, target, one())
		pass(2)
		require.Equal(t, []Metadata{{Name: "a", Type: "counter", Help: "First."}, {Name: "b", Type: "unknown", Help: "Second."}}, p.Metadata())
		target.say("# HELP a Changed.\n# TYPE a gauge\na 1\n")
		pass(1)
		require.Equal(t, []Metadata{{Name: "a", Type: "gauge", Help: "Changed."}}, p.Metadata())
	})
}

func TestSamplesAreTakenOnceAndAtTheirOwnTimeIfTheyGiveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := says("twice 1\ntwice 2\ndated 3 946684800123\n")
		_, kept := run(t, target, one())
		pass(2)
		target.say("other 1\n")
		pass(1)
		require.Equal(t, []float64{1, 1, -1}, kept.values("twice"))
		require.Equal(t, []float64{3}, kept.values("dated"), "repeated times are dropped, and there is no marker")
		require.Equal(t, int64(946684800123), kept.of("dated")[0].at)
		require.Equal(t, []float64{3, 3, 1}, kept.values("scrape_samples_scraped"))
		require.Equal(t, []float64{1, 1, 1}, kept.values("up"))
	})
}

func FuzzTake(f *testing.F) {
	for _, seed := range []string{
		"", "a 1\n", "# TYPE a counter\na{job=\"x\"} 1 5\na NaN\n", "a{", "{x=\"y\"} 1\n", "# EOF\n",
		"# TYPE a counter\n# UNIT a seconds\na_total 1 # {x=\"y\"} 2\n# EOF\n", "\xff 1\n",
	} {
		f.Add(seed, "text/plain")
		f.Add(seed, "application/openmetrics-text; version=1.0.0")
	}
	f.Fuzz(func(t *testing.T, body, contentType string) {
		kept := &recorder{}
		p, err := NewPool(time.Second, kept, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		l := newLoop(p, one())
		in := l.begin(t.Context(), time.UnixMilli(1000))
		if err := in.take([]byte(body), contentType); err == nil {
			require.NoError(t, in.finish())
		}
		require.LessOrEqual(t, in.taken, in.exposed)
		require.LessOrEqual(t, in.added, in.taken)
		require.NoError(t, in.appender.Commit())
		for _, s := range kept.samples {
			require.Contains(t, s.labels, `job="it"`)
		}
	})
}
