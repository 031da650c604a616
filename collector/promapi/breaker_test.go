package promapi

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// failUntilTold is a source whose answer is a status that the test changes.
func failUntilTold(t *testing.T, status *int, asked *int) *Source {
	return offline(t, Options{}, func(r *http.Request) (*http.Response, error) {
		*asked++
		body := ""
		if *status == 200 {
			body = oneSample
		}
		return response(r, *status, body), nil
	})
}

func TestTheBreakerOpensAndProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, asked := 401, 0
		s := failUntilTold(t, &status, &asked)
		require.Equal(t, StateOK, s.Status().State)
		for range breakerFailures {
			_, err := ask(t, s)
			require.Equal(t, KindUnauthorized, KindOf(err))
		}
		require.Equal(t, StateOpen, s.Status().State)

		report, err := ask(t, s)
		require.Equal(t, KindBreakerOpen, KindOf(err))
		require.ErrorContains(t, err, "unauthorized", "it says why")
		require.Zero(t, report.Attempts)
		require.Equal(t, breakerFailures, asked)

		<-time.After(breakerPause + time.Second)
		_, err = ask(t, s)
		require.Equal(t, KindUnauthorized, KindOf(err), "one probe")
		_, err = ask(t, s)
		require.Equal(t, KindBreakerOpen, KindOf(err))

		<-time.After(breakerPause + time.Second)
		status = 200
		require.Equal(t, StateOpen, s.Status().State, "until a probe succeeds")
		_, err = ask(t, s)
		require.NoError(t, err)
		require.Equal(t, StateOK, s.Status().State)
		require.Equal(t, time.Now(), s.Status().LastSuccess)
		require.NotEmpty(t, s.Status().LastError)
	})
}

func TestAuthorsMistakesDoNotOpenTheBreaker(t *testing.T) {
	scalar := `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`
	slow := `{"status":"error","errorType":"timeout","error":"query timed out"}`
	for name, answer := range map[string]struct {
		status int
		body   string
	}{"bad_query": {400, ""}, "execution": {422, ""}, "a scalar": {200, scalar}, "too slow a query": {503, slow}} {
		t.Run(name, func(t *testing.T) {
			s := offline(t, Options{}, func(r *http.Request) (*http.Response, error) {
				return response(r, answer.status, answer.body), nil
			})
			for range 2 * breakerFailures {
				_, err := ask(t, s)
				require.NotEqual(t, KindBreakerOpen, KindOf(err))
				require.Error(t, err)
			}
			require.Equal(t, StateOK, s.Status().State)
		})
	}
}

func TestQuestionsWaitForTheProbeInsteadOfFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, asked := 404, 0
		s := failUntilTold(t, &status, &asked)
		for range breakerFailures {
			_, _ = ask(t, s)
		}
		<-time.After(breakerPause + time.Second)
		gate := make(chan struct{})
		s.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-gate
			return response(r, 200, oneSample), nil
		})
		errs := make(chan error)
		for range 10 {
			go func() {
				_, err := ask(t, s)
				errs <- err
			}()
		}
		synctest.Wait()
		close(gate)
		for range 10 {
			require.NoError(t, <-errs)
		}
	})
}

func TestAProbeThatIsGivenUpLetsTheNextOneThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, asked := 404, 0
		s := failUntilTold(t, &status, &asked)
		for range breakerFailures {
			_, _ = ask(t, s)
		}
		<-time.After(breakerPause + time.Second)
		answering := s.client.Transport
		s.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() {
			_, err := s.Query(ctx, Query{Expr: "up"}, &count{})
			given <- err
		}()
		synctest.Wait()
		second := make(chan error)
		go func() {
			_, err := ask(t, s)
			second <- err
		}()
		impatient, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := s.Query(impatient, Query{Expr: "up"}, &count{})
		require.Equal(t, KindBreakerOpen, KindOf(err), "the probe took too long for this one")

		status = 200
		s.client.Transport = answering
		cancel()
		require.Equal(t, KindCanceled, KindOf(<-given))
		require.NoError(t, <-second)
	})
}
