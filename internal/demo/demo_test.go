package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	apiv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/internal/demo/fleet"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// start makes a small world in a hurry.
func start(t *testing.T, o Options) *Demo {
	t.Helper()
	o.PrometheusAddress = "127.0.0.1:0"
	d, err := New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func client(t *testing.T, d *Demo, cluster string) apiv1.API {
	t.Helper()
	c, err := api.NewClient(api.Config{Address: d.PrometheusURL() + "/" + cluster, Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	require.NoError(t, err)
	return apiv1.NewAPI(c)
}

// number answers a query whose result is one sample; nothing is 0.
func number(t *testing.T, c apiv1.API, query string, at time.Time) float64 {
	t.Helper()
	value, _, _, err := c.Query(t.Context(), query, at)
	require.NoError(t, err, query)
	vector := value.(model.Vector)
	if len(vector) == 0 {
		return 0
	}
	require.Len(t, vector, 1, query)
	return float64(vector[0].Value)
}

// eventually waits until the query's answer is good, for at most half a minute: a busy machine misses scrapes.
func eventually(t *testing.T, c apiv1.API, query string, good func(float64) bool) {
	t.Helper()
	ticker, deadline := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer ticker.Stop()
	for {
		last := number(t, c, query, time.Now())
		if good(last) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			require.Fail(t, "the condition was never met", "%s was %v at last", query, last)
		}
	}
}

// names returns every series of the instances that has samples between two times.
func names(t *testing.T, c apiv1.API, from, to time.Time) []string {
	t.Helper()
	found, _, _, err := c.Series(t.Context(), []string{`{__name__=~".+", __name__!~"scrape_.+"}`}, from, to)
	require.NoError(t, err)
	sorted := make([]string, 0, len(found))
	for _, set := range found {
		sorted = append(sorted, set.String())
	}
	slices.Sort(sorted)
	return sorted
}

func TestTheHistoryAnswersWhatTheFleetDid(t *testing.T) {
	now := time.Now()
	d := start(t, Options{Services: 20, History: 3 * time.Hour, Now: func() time.Time { return now }})
	for _, cluster := range d.world.clusters[:3] {
		c := client(t, d, cluster.name)
		for _, ago := range []time.Duration{0, 17 * time.Minute, 2 * time.Hour} {
			at := now.Add(-ago)
			var want traffic.Reading
			for _, i := range cluster.instances {
				a, b := i.Meter().Read(at.Add(-5*time.Minute)), i.Meter().Read(at)
				want.OK += b.OK - a.OK
				want.Buckets[3] += b.Buckets[3] - a.Buckets[3]
			}
			require.InEpsilon(t, want.OK, number(t, c, `sum(increase(http_requests_total{code="200"}[5m]))`, at), 0.01)
			require.InEpsilon(t, want.Buckets[3], number(t, c, `sum(increase(http_request_duration_seconds_bucket{le="0.5"}[5m]))`, at), 0.01)
		}
		require.InDelta(t, len(cluster.instances), number(t, c, `sum(up)`, now), 0)
		require.Zero(t, number(t, c, `sum(resets(http_requests_total[3h]))`, now))
		require.Zero(t, number(t, c, `count(sum without (code, method) (http_requests_total) != on (instance, handler) http_request_duration_seconds_count)`, now))
		require.Zero(t, number(t, c, `count(http_request_duration_seconds_count != on (instance) http_request_duration_seconds_bucket{le="+Inf"})`, now))
	}
}

func TestTheLastHourHasSeenIncidentsThatAreOver(t *testing.T) {
	now := time.Now()
	f, err := fleet.Generate(1, 60)
	require.NoError(t, err)
	recent := 0
	for _, episodes := range past(1, f, now, 24*time.Hour) {
		for _, e := range episodes {
			require.True(t, e.To.After(e.From))
			require.True(t, e.To.Before(now.Add(-10*time.Minute)), "an incident of the past is not over")
			if e.From.After(now.Add(-time.Hour)) {
				recent++
			}
		}
	}
	require.Equal(t, 3, recent)
}

func TestLiveScrapesContinueTheHistory(t *testing.T) {
	apgar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "# TYPE apgar_test gauge\napgar_test{job=\"theirs\",path=%q} 1\n", r.URL.Path)
	}))
	t.Cleanup(apgar.Close)
	d := start(t, Options{Services: 20, History: time.Hour, scrapeInterval: 500 * time.Millisecond})
	d.SetApgarURL(apgar.URL)
	c := client(t, d, "ap-south")
	begin := time.Now()
	before := names(t, c, begin.Add(-time.Minute), begin)
	require.NotEmpty(t, before)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	instances := float64(len(d.world.clusters[2].instances))
	eventually(t, c, `min(sum_over_time(up[1m]))`, func(v float64) bool { return v >= 6 }) // the history has 2 a minute
	now := time.Now()
	require.Equal(t, before, names(t, c, begin, now), "live scrapes have the series that the history has")
	for _, counter := range []string{"http_requests_total", "http_request_duration_seconds_bucket", "http_request_duration_seconds_sum"} {
		require.Zero(t, number(t, c, `sum(resets(`+counter+`[1h]))`, now), "resets of %s", counter)
	}
	require.InDelta(t, 17, number(t, c, `max(scrape_samples_scraped)`, now), 0)
	require.Zero(t, number(t, c, `count(sum without (code, method) (http_requests_total) != on (instance, handler) http_request_duration_seconds_count)`, now))

	own := client(t, d, platform)
	eventually(t, own, `count(up{job="apgar"} == 1)`, func(v float64) bool { return v == 2 })
	eventually(t, own, `count(apgar_test{job="apgar", exported_job="theirs"})`, func(v float64) bool { return v == 2 })
	eventually(t, own, `sum(demo_prometheus_queries_total{job="demo", cluster="ap-south"})`, func(v float64) bool { return v > 0 })
	metadata, err := own.Metadata(t.Context(), "apgar_test", "")
	require.NoError(t, err)
	require.Equal(t, apiv1.MetricTypeGauge, metadata["apgar_test"][0].Type)

	require.NoError(t, d.world.setScraped(ctx, "ap-south", false))
	eventually(t, c, `count(up)`, func(v float64) bool { return v == 0 })
	require.NoError(t, d.world.setScraped(ctx, "ap-south", true))
	eventually(t, c, `count(up)`, func(v float64) bool { return v == instances })

	cancel()
	require.NoError(t, <-ended)
	_, open := <-d.Incidents()
	require.False(t, open)
	require.ErrorIs(t, d.Run(t.Context()), ErrRunning)
}

func TestClosingLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
	d, err := New(t.Context(), Options{Services: 3, History: time.Hour, PrometheusAddress: "127.0.0.1:0", scrapeInterval: 100 * time.Millisecond})
	require.NoError(t, err)
	require.FileExists(t, d.ConfigFile())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(context.Background()) }()
	c := client(t, d, "eu-west")
	eventually(t, c, `count(count_over_time(scrape_duration_seconds[5m]))`, func(v float64) bool { return v > 0 })
	require.NoError(t, d.Close())
	require.NoError(t, <-ended)
	require.NoError(t, d.Close(), "closing is idempotent")
	require.NoDirExists(t, filepath.Dir(d.ConfigFile()))
	require.ErrorIs(t, d.Run(t.Context()), ErrClosed)
}

func TestAWorldThatCannotBeMadeLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	taken := start(t, Options{Services: 1, History: time.Minute})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx     context.Context
		options Options
		want    string
	}{
		"a negative number of services": {t.Context(), Options{Services: -1}, "between 1 and 5000"},
		"too short a history":           {t.Context(), Options{History: time.Second}, "too short"},
		"a taken port":                  {t.Context(), Options{PrometheusAddress: taken.PrometheusURL()[len("http://"):]}, "choose another --demo.prometheus-address"},
		"a context that has ended":      {cancelled, Options{PrometheusAddress: "127.0.0.1:0"}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(test.ctx, test.options)
			require.ErrorContains(t, err, test.want)
		})
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Len(t, left, 1, "only the world that was made has a folder")
}
