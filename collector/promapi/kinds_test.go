package promapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"
)

func TestEveryRefusalHasItsKind(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		kind   Kind
		text   string
	}{
		{"a parse error", 400, `{"status":"error","errorType":"bad_data","error":"unexpected end of input"}`, KindBadQuery, "unexpected end of input"},
		{"a query too long", 414, "", KindBadQuery, "no reason"},
		{"no credentials", 401, "no org id", KindUnauthorized, "no org id"},
		{"wrong credentials", 403, "", KindUnauthorized, "http_config"},
		{"too many samples", 422, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`, KindTooManySamples, "split"},
		{"too many series", 422, `{"status":"error","errorType":"execution","error":"query would load too many series into memory in x"}`, KindTooManySamples, ""},
		{"a limit of Mimir", 422, `{"status":"error","errorType":"execution","error":"the query exceeded … (err-mimir-max-chunks-per-query)"}`, KindTooManySamples, ""},
		{"a limit of VictoriaMetrics", 422, `{"status":"error","errorType":"422","error":"cannot select more than -search.maxSamplesPerQuery=1000"}`, KindTooManySamples, ""},
		{"another execution error", 422, `{"status":"error","errorType":"execution","error":"found duplicate series for the match group"}`, KindExecution, "duplicate series"},
		{"an execution that timed out", 422, `{"status":"error","errorType":"422","error":"timeout exceeded during query execution"}`, KindTimeout, ""},
		{"a timeout of the source", 503, `{"status":"error","errorType":"timeout","error":"query timed out in query execution"}`, KindTimeout, "timed out"},
		{"shutting down", 503, `{"status":"error","errorType":"unavailable","error":"TSDB not ready"}`, KindUnavailable, "not ready"},
		{"a bad gateway", 502, "<html><h1>Bad gateway", KindUnavailable, "HTML page"},
		{"a gateway timeout", 504, "", KindUnavailable, ""},
		{"an internal error", 500, "oops\x00\r\n\x1b[31m", KindUnavailable, "oops [31m"},
		{"rate limited", 429, "slow down", KindRateLimited, "slow down"},
		{"not found", 404, "404 page not found", KindNotPrometheus, "path prefix"},
		{"a redirect", 302, "", KindNotPrometheus, "redirects"},
		{"not implemented", 501, "", KindNotPrometheus, ""},
		{"an HTML page that says it is fine", 200, "<!doctype html><title>Sign in</title>", KindMalformed, "Content-Type: text/plain"},
		{"no content", 204, "", KindMalformed, "empty"},
		{"an error that says it is fine", 200, `{"status":"error","errorType":"execution","error":"boom"}`, KindExecution, "boom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := source(t, Options{Replicas: []string{serve(t, reply(tt.status, "text/plain", tt.body))}})
			_, err := ask(t, s)
			var fault *Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, tt.kind, fault.Kind)
			require.Equal(t, tt.status, fault.Status)
			require.Equal(t, opQuery, fault.Op)
			if tt.text != "split" {
				require.Contains(t, err.Error(), tt.text)
			}
			require.Contains(t, err.Error(), `"eu-west" (http://127.0.0.1:`)
		})
	}
}

func TestPredicatesSayWhatMayHelp(t *testing.T) {
	for kind, want := range map[Kind][2]bool{
		KindTooManySamples:   {true, false},
		KindTooManySeries:    {true, false},
		KindResponseTooLarge: {true, false},
		KindTimeout:          {},
		KindUnreachable:      {},
		KindUnavailable:      {},
		KindRateLimited:      {},
		KindBreakerOpen:      {},
		KindCanceled:         {false, true},
		KindBadQuery:         {},
	} {
		err := error(&Error{Kind: kind})
		require.Equal(t, want, [2]bool{IsTooManySamples(err), IsCanceled(err)}, kind)
	}
	require.Empty(t, KindOf(context.Canceled))
}

func TestOnlyASourceThatGaveUpItselfIsTooSlow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		kind   Kind
		slow   bool
	}{
		{"Prometheus' own limit", 503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, KindTimeout, true},
		{"the limit of one that says it in words only", 503, `{"status":"error","error":"query timed out in expression evaluation"}`, KindTimeout, true},
		{"the same as an error of execution", 422, `{"status":"error","errorType":"execution","error":"query timed out in query execution"}`, KindTimeout, true},
		{"the same in an answer of 200", 200, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, KindTimeout, true},
		{"the queue of a busy source", 503, `{"status":"error","errorType":"timeout","error":"query timed out in query queue"}`, KindTimeout, false},
		{"a proxy's limit", 504, `gateway timeout`, KindUnavailable, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ask(t, source(t, Options{Replicas: []string{serve(t, replyJSON(tt.status, tt.body))}}))
			require.Equal(t, tt.kind, KindOf(err), err)
			require.Equal(t, tt.slow, IsTooSlow(err))
		})
	}
	require.False(t, IsTooSlow(&Error{Kind: KindTimeout}), "a stall is no answer")
}

func TestAClosedPortIsUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	report, err := ask(t, source(t, Options{Replicas: []string{server.URL}}))
	require.Equal(t, KindUnreachable, KindOf(err))
	require.Contains(t, err.Error(), "refused")
	require.Contains(t, err.Error(), "is the URL right")
	require.Equal(t, maxAttempts, report.Attempts)
}

func TestAConnectionThatBreaksInTheMiddleIsUnreachable(t *testing.T) {
	s := source(t, Options{Replicas: []string{serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(oneSample[:80]))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})}})
	_, err := ask(t, s)
	require.Equal(t, KindUnreachable, KindOf(err))
	require.Contains(t, err.Error(), "closed the connection while reading")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	followed := false
	other := serve(t, func(http.ResponseWriter, *http.Request) { followed = true })
	s := source(t, Options{
		Replicas: []string{serve(t, http.RedirectHandler(other, http.StatusTemporaryRedirect).ServeHTTP)},
		HTTP:     config.HTTPClientConfig{FollowRedirects: true},
	})
	_, err := ask(t, s)
	require.Equal(t, KindNotPrometheus, KindOf(err))
	require.False(t, followed)
}

func TestNoProxyIsTakenFromTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	s := source(t, Options{Replicas: []string{serve(t, replyJSON(200, emptyVector))}})
	_, err := ask(t, s)
	require.NoError(t, err)
}

func TestTheCallerMayGiveUpWhileAskingAndWhileWaiting(t *testing.T) {
	asked := make(chan struct{}, 1)
	s := source(t, Options{Concurrency: 1, Replicas: []string{serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client is gone
		asked <- struct{}{}
		<-r.Context().Done()
	})}})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := s.Query(ctx, Query{Expr: "up"}, &count{})
		first <- err
	}()
	<-asked
	require.Equal(t, 1, s.Status().InFlight)
	short, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	report, err := s.Query(short, Query{Expr: "up"}, &count{})
	require.Equal(t, KindCanceled, KindOf(err))
	require.Contains(t, err.Error(), "1 places")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, report.Attempts)
	cancel()
	err = <-first
	require.Equal(t, KindCanceled, KindOf(err))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, StateOK, s.Status().State, "neither is the source's fault")
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for text, o := range map[string]Options{
		"no name":          {Replicas: []string{"http://a"}},
		"no replicas":      {Name: "a"},
		"negative":         {Name: "a", Replicas: []string{"http://a"}, Concurrency: -1},
		"replica 2":        {Name: "a", Replicas: []string{"http://a", "ftp://a"}},
		"replica 1":        {Name: "a", Replicas: []string{"localhost:9090"}},
		"http_config":      {Name: "a", Replicas: []string{"http://a"}, HTTP: config.HTTPClientConfig{BearerToken: "x", BearerTokenFile: "y"}},
		"the HTTP client":  {Name: "a", Replicas: []string{"http://a"}, HTTP: config.HTTPClientConfig{TLSConfig: config.TLSConfig{CAFile: "missing.pem"}}},
		"percent-encoded":  {Name: "a", Replicas: []string{"http://u:hunter2/x@a"}},
		"http://host:9090": {Name: "a", Replicas: []string{"http://u:hunter2%zz@a"}},
	} {
		_, err := NewSource(o)
		require.ErrorContains(t, err, text)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
