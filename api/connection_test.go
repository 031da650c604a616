package api_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
)

// buffered is a listener that keeps the size of the send buffer that was last
// asked for on one of its connections.
type buffered struct {
	net.Listener
	size atomic.Int64
}

func (l *buffered) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return bufferedConn{c.(*net.TCPConn), l}, nil
}

type bufferedConn struct {
	*net.TCPConn
	listener *buffered
}

func (c bufferedConn) SetWriteBuffer(bytes int) error {
	c.listener.size.Store(int64(bytes))
	return c.TCPConn.SetWriteBuffer(bytes)
}

func TestOnlyAStreamThatHasItsConnectionAloneGetsASmallSendBuffer(t *testing.T) {
	for name, test := range map[string]struct {
		start func(*httptest.Server)
		want  int64
	}{
		"HTTP/1.1":          {(*httptest.Server).Start, 32 << 10},
		"HTTP/1.1 over TLS": {(*httptest.Server).StartTLS, 32 << 10},
		"HTTP/2":            {func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newStreamBench(t)
			server := httptest.NewUnstartedServer(b.handler)
			server.Config = api.HTTPServer(b.handler)
			l := &buffered{Listener: server.Listener}
			server.Listener = l
			test.start(server)
			defer server.Close()
			defer b.server.EndStreams()
			get := func(path string) {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
				require.NoError(t, err)
				response, err := server.Client().Do(request)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, response.StatusCode)
				t.Cleanup(func() { _ = response.Body.Close() })
			}
			get("/api/v1/scorecards")
			require.Zero(t, l.size.Load(), "an answer that is no stream may be large")
			get("/api/v1/events")
			require.Equal(t, test.want, l.size.Load())
		})
	}
}
