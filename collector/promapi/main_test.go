package promapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	emptyVector = `{"status":"success","data":{"resultType":"vector","result":[]}}`
	oneSample   = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"service":"playlist"},"value":[1700000000,"7"]}]}}`
)

// collect is a sink that remembers everything.
type collect struct {
	resets int
	series []got
	fail   error
}

type got struct {
	Labels     map[string]string
	Points     []Point
	Histograms []HistogramPoint
}

func (c *collect) Reset() {
	c.resets++
	c.series = nil
}

func (c *collect) Series(s *Series) error {
	if c.fail != nil {
		return c.fail
	}
	g := got{Labels: map[string]string{}}
	s.EachLabel(func(name, value []byte) { g.Labels[string(name)] = string(value) })
	g.Points = append(g.Points, s.Points()...)
	for _, h := range s.Histograms() {
		h.Buckets = append([]Bucket(nil), h.Buckets...)
		g.Histograms = append(g.Histograms, h)
	}
	c.series = append(c.series, g)
	return nil
}

// count is a sink that remembers nothing.
type count struct{ n int }

func (c *count) Reset()               { c.n = 0 }
func (c *count) Series(*Series) error { c.n++; return nil }

// serve starts an HTTP server for the test.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// reply answers every request alike.
func reply(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func replyJSON(status int, body string) http.HandlerFunc {
	return reply(status, "application/json", body)
}

// source makes a source that is closed with the test.
func source(t testing.TB, o Options) *Source {
	t.Helper()
	if o.Name == "" {
		o.Name = "eu-west"
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	s, err := NewSource(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// roundTrip is a transport without a network, which works under synctest too.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// offline makes a source whose replicas are a function.
func offline(t testing.TB, o Options, f roundTrip) *Source {
	t.Helper()
	if len(o.Replicas) == 0 {
		o.Replicas = []string{"http://a.example:9090"}
	}
	s := source(t, o)
	s.client.Transport = f
	return s
}

// response makes a response for offline.
func response(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

// refuse is a connection that cannot be made.
func refuse(*http.Request) (*http.Response, error) {
	return nil, errors.New("dial tcp: connection refused")
}

// ask asks a question that does not matter.
func ask(t testing.TB, s *Source) (Report, error) {
	t.Helper()
	return s.Query(t.Context(), Query{Expr: "up", Time: time.Unix(1_700_000_000, 0)}, &count{})
}
