package promapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// script answers one status after another, and 200 when it has come to its end.
func script(asked *int, statuses ...int) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		*asked++
		if *asked > len(statuses) {
			return response(r, 200, oneSample), nil
		}
		if statuses[*asked-1] == 0 {
			return refuse(r)
		}
		return response(r, statuses[*asked-1], ""), nil
	}
}

func TestOnlyWhatMayPassIsAskedAgain(t *testing.T) {
	tests := []struct {
		name     string
		statuses []int
		attempts int
		kind     Kind
	}{
		{"a success at once", nil, 1, ""},
		{"a connection refused once", []int{0}, 2, ""},
		{"unavailable twice", []int{503, 502}, 3, ""},
		{"unavailable for good", []int{503, 503, 503}, 3, KindUnavailable},
		{"rate limited once", []int{429}, 2, ""},
		{"a bad query", []int{400}, 1, KindBadQuery},
		{"an execution error", []int{422}, 1, KindExecution},
		{"wrong credentials", []int{401}, 1, KindUnauthorized},
		{"no Prometheus", []int{404}, 1, KindNotPrometheus},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				sink := &collect{}
				s := offline(t, Options{}, script(&asked, tt.statuses...))
				report, err := s.Query(t.Context(), Query{Expr: "up"}, sink)
				require.Equal(t, tt.kind, KindOf(err))
				require.Equal(t, tt.attempts, asked)
				require.Equal(t, tt.attempts, report.Attempts)
				require.Equal(t, tt.attempts, sink.resets)
				require.GreaterOrEqual(t, report.Duration, time.Duration(asked-1)*retryPause/2)
			})
		})
	}
}

func TestRetryAfterIsHonouredIfThereIsTime(t *testing.T) {
	for header, want := range map[string]struct {
		attempts int
		atLeast  time.Duration
	}{
		"3":  {2, 3 * time.Second},
		"61": {1, 0},
		"-1": {2, retryPause / 2},
		"x":  {2, retryPause / 2},
		time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC).Format(http.TimeFormat): {2, 5 * time.Second}, // a bubble starts at 2000
	} {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				s := offline(t, Options{}, func(r *http.Request) (*http.Response, error) {
					asked++
					if asked > 1 {
						return response(r, 200, oneSample), nil
					}
					resp := response(r, 429, "")
					resp.Header.Set("Retry-After", header)
					return resp, nil
				})
				report, _ := ask(t, s)
				require.Equal(t, want.attempts, report.Attempts)
				require.GreaterOrEqual(t, report.Duration, want.atLeast)
				require.Less(t, report.Duration, want.atLeast+time.Second)
			})
		})
	}
}

func TestRetriesNeverAmplifyAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const questions = 1000
		asked := 0
		s := offline(t, Options{}, func(r *http.Request) (*http.Response, error) {
			asked++
			if asked%2 == 0 {
				return response(r, 200, oneSample), nil
			}
			return response(r, 503, ""), nil
		})
		for range questions {
			_, _ = ask(t, s)
		}
		require.LessOrEqual(t, asked, questions*11/10+DefaultConcurrency)
		require.Greater(t, asked, questions, "some are retried")
	})
}

func TestTheBudgetRefills(t *testing.T) {
	b := newRetryBudget(1)
	for range minRetryBurst {
		require.True(t, b.spend())
	}
	require.False(t, b.spend())
	for range 11 {
		b.earn()
	}
	require.True(t, b.spend())
	require.False(t, b.spend())
}

func TestAReplicaIsPreferredUntilItFails(t *testing.T) {
	var down atomic.Pointer[string] // the host that is down
	nobody := ""
	down.Store(&nobody)
	asked := map[string]int{}
	s := offline(t, Options{Replicas: []string{"http://a.example", "http://b.example"}}, func(r *http.Request) (*http.Response, error) {
		asked[r.URL.Host]++
		if r.URL.Host == *down.Load() {
			return refuse(r)
		}
		return response(r, 200, oneSample), nil
	})
	expect := func(replica string, attempts int) {
		t.Helper()
		report, err := ask(t, s)
		require.NoError(t, err)
		require.Equal(t, replica, report.Replica)
		require.Equal(t, attempts, report.Attempts)
		require.Equal(t, replica, s.Status().Replica)
	}
	expect("http://a.example", 1)
	a, b := "a.example", "b.example"
	down.Store(&a)
	expect("http://b.example", 2)
	expect("http://b.example", 1)
	down.Store(&nobody)
	expect("http://b.example", 1) // sticky: a came back, and b did not fail
	down.Store(&b)
	expect("http://a.example", 2)
	require.Equal(t, map[string]int{"a.example": 3, "b.example": 4}, asked)
}

func TestAQuestionThatIsWrongDoesNotMoveThePreference(t *testing.T) {
	for _, status := range []int{400, 401, 422, 429} {
		s := offline(t, Options{Replicas: []string{"http://a", "http://b"}, Timeout: time.Second}, func(r *http.Request) (*http.Response, error) {
			resp := response(r, status, "")
			resp.Header.Set("Retry-After", "100")
			return resp, nil
		})
		_, err := ask(t, s)
		require.Error(t, err)
		require.Equal(t, "http://a", s.Status().Replica)
	}
}

func TestAReplicaThatStallsLosesThePreference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, Options{Replicas: []string{"http://a", "http://b"}}, func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "a" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return response(r, 200, oneSample), nil
		})
		_, err := ask(t, s)
		require.Equal(t, KindTimeout, KindOf(err))
		require.False(t, IsTooSlow(err), "more questions would not help")
		_, err = ask(t, s)
		require.NoError(t, err)
	})
}

func TestAllQuestionsInFlightFailOverTogether(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	s := source(t, Options{Replicas: []string{dead.URL, serve(t, replyJSON(200, oneSample))}, Concurrency: 8})
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := ask(t, s)
			errs <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-errs)
	}
}

func TestNoMoreQuestionsAreInFlightThanAllowed(t *testing.T) {
	var now, most atomic.Int64
	gate := make(chan struct{})
	s := source(t, Options{Concurrency: 3, Replicas: []string{serve(t, func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		gate <- struct{}{}
		_, _ = io.WriteString(w, oneSample)
	})}})
	errs := make(chan error, 20)
	for range cap(errs) {
		go func() {
			_, err := ask(t, s)
			errs <- err
		}()
	}
	require.Eventually(t, func() bool { return now.Load() == 3 }, 5*time.Second, time.Millisecond)
	for range cap(errs) {
		<-gate
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	require.Equal(t, int64(3), most.Load())
}
