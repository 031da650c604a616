package promapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestAReplicaCanBeAskedAlone(t *testing.T) {
	asked := map[string]int{}
	s := offline(t, Options{Replicas: []string{"http://a", "http://b"}}, func(r *http.Request) (*http.Response, error) {
		asked[r.URL.Host]++
		if r.URL.Host == "b" {
			return refuse(r)
		}
		return response(r, 200, oneSample), nil
	})
	one := func(number int) (Report, error) {
		return s.Query(t.Context(), Query{Expr: "up", Only: number}, &count{})
	}
	for range 2 * breakerFailures {
		report, err := one(2)
		require.Equal(t, KindUnreachable, KindOf(err))
		require.Equal(t, 2, report.Number)
		require.Equal(t, 1, report.Attempts, "it is asked once")
	}
	require.Equal(t, 2*breakerFailures, asked["b"])
	require.Zero(t, asked["a"], "nobody answers in its place")
	require.Equal(t, Status{State: StateOK, Replica: "http://a"}, s.Status(), "nothing follows for the source")

	report, err := one(1)
	require.NoError(t, err)
	require.Equal(t, 1, report.Number)
	_, err = one(3)
	require.ErrorContains(t, err, "the source has no replica 3: it has 2")

	report, err = s.QueryRange(t.Context(), RangeQuery{Expr: "up", Start: time.Unix(0, 0), End: time.Unix(60, 0), Step: time.Minute, Only: 2}, &count{})
	require.Error(t, err)
	require.Equal(t, 2, report.Number)
}

func TestNoReplicaIsAskedAloneWhileTheBreakerIsOpen(t *testing.T) {
	s := offline(t, Options{Replicas: []string{"http://a", "http://b"}, Timeout: time.Second}, refuse)
	for range breakerFailures {
		_, _ = ask(t, s)
	}
	require.Equal(t, StateOpen, s.Status().State)
	_, err := s.Query(t.Context(), Query{Expr: "up", Only: 2}, &count{})
	require.Equal(t, KindBreakerOpen, KindOf(err))
}

func TestAnotherReplicaCanBeMadeThePreferredOne(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := offline(t, Options{Registerer: reg, Replicas: []string{"http://a", "http://b", "http://c"}}, func(r *http.Request) (*http.Response, error) {
		return response(r, 200, oneSample), nil
	})
	for _, step := range []struct {
		to, preferred int
		moves         float64
	}{{1, 1, 0}, {3, 3, 1}, {3, 3, 1}, {4, 3, 1}, {0, 3, 1}, {2, 2, 2}} {
		s.Prefer(step.to)
		n, preferred := s.Replicas()
		require.Equal(t, 3, n)
		require.Equal(t, step.preferred, preferred)
		report, err := ask(t, s)
		require.NoError(t, err)
		require.Equal(t, step.preferred, report.Number)
		require.Equal(t, s.Status().Replica, report.Replica)
		require.InDelta(t, step.moves, testutil.ToFloat64(s.metrics.moves.WithLabelValues("eu-west")), 0)
	}
}

func TestAFailOverIsCountedAsAMove(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := offline(t, Options{Registerer: reg, Replicas: []string{"http://a", "http://b"}}, func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "a" {
			return refuse(r)
		}
		return response(r, 200, oneSample), nil
	})
	_, err := ask(t, s)
	require.NoError(t, err)
	require.InDelta(t, 1, testutil.ToFloat64(s.metrics.moves.WithLabelValues("eu-west")), 0)
}

func TestAReplicaSaysSinceWhenItRuns(t *testing.T) {
	const yesterday = `{"status":"success","data":{"startTime":"yesterday"}}`
	for _, tt := range []struct {
		name   string
		status int
		body   string
		kind   Kind
	}{
		{"as Prometheus does", 200, `{"status":"success","data":{"CWD":"/","startTime":"2026-11-23T12:00:00.5Z","serverTime":"x"}}`, ""},
		{"no such endpoint", 404, `404 page not found`, KindNotPrometheus},
		{"a path that is not supported", 400, `{"status":"error","errorType":"400","error":"unsupported path requested"}`, KindBadQuery},
		{"no start time", 200, `{"status":"success","data":{"CWD":"/"}}`, KindMalformed},
		{"no time at all", 200, yesterday, KindMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var path string
			s := offline(t, Options{Replicas: []string{"http://a", "http://b/prefix"}}, func(r *http.Request) (*http.Response, error) {
				path = r.URL.Path
				return response(r, tt.status, tt.body), nil
			})
			started, err := s.StartTime(t.Context(), 2)
			require.Equal(t, tt.kind == "" || tt.body == yesterday, testutil.CollectAndCount(s.metrics.queries) == 1, "what is not said is not counted as failed")
			require.Equal(t, tt.kind, KindOf(err), err)
			require.Equal(t, "/prefix/api/v1/status/runtimeinfo", path)
			if tt.kind == "" {
				require.Equal(t, time.Date(2026, 11, 23, 12, 0, 0, 5e8, time.UTC), started)
			}
		})
	}
}

func TestThePreferenceOutlivesAReload(t *testing.T) {
	before := source(t, Options{Replicas: []string{"http://a", "http://b"}})
	before.Prefer(2)
	for name, tt := range map[string]struct {
		replicas  []string
		preferred int
	}{
		"the same replicas":   {[]string{"http://a", "http://b/"}, 2},
		"in another order":    {[]string{"http://b", "http://a"}, 1},
		"one of them is gone": {[]string{"http://a"}, 1},
	} {
		reg := prometheus.NewRegistry()
		after := source(t, Options{Registerer: reg, Replicas: tt.replicas})
		after.GoOnFrom(before)
		_, preferred := after.Replicas()
		require.Equal(t, tt.preferred, preferred, name)
		require.InDelta(t, 0, testutil.ToFloat64(after.metrics.moves.WithLabelValues("eu-west")), 0, "nothing has moved")
	}
}
