package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/scorecard"
)

// serving runs the handler on a real server, with the limits that the process
// sets on it, until the test ends.
func (b *bench) serving(t *testing.T, change ...func(*http.Server)) (server *http.Server, url string) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	server = api.HTTPServer(b.handler)
	server.RegisterOnShutdown(b.server.EndStreams)
	for _, f := range change {
		f(server)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
		goleak.VerifyNone(t, ignore)
	})
	return server, "http://" + l.Addr().String()
}

// connect opens a stream through a client of its own.
func connect(ctx context.Context, t testing.TB, url string, headers ...string) *http.Response {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/events", nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// next reads lines up to the end of the next event of a change, and returns
// its number.
func next(lines *bufio.Reader) (uint64, error) {
	var id, name string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return 0, err
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		switch {
		case key == "id":
			id = value
		case key == "event":
			name = value
		case line == "\n" && name == "reset":
			return 0, errors.New("the stream began anew")
		case line == "\n" && name != "" && name != "position":
			return strconv.ParseUint(strings.TrimPrefix(id, "ab-"), 10, 64)
		case line == "\n":
			name = ""
		}
	}
}

func TestFiftyReadersGetEveryChangeInOrderAndNeverAheadOfTheLists(t *testing.T) {
	const readers, commits, perCommit = 50, 60, 25
	b := newStreamBench(t)
	_, url := b.serving(t)
	var group errgroup.Group
	for i := range readers {
		lines := bufio.NewReader(connect(t.Context(), t, url).Body)
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
		group.Go(func() error {
			for want := uint64(1); want <= commits*perCommit; want++ {
				got, err := next(lines)
				if err != nil {
					return err
				}
				if snap, _ := b.reader.Current(); got != want || snap.LastChange < got {
					return errors.New("reader " + strconv.Itoa(i) + " got " + strconv.FormatUint(got, 10) + " for " + strconv.FormatUint(want, 10))
				}
			}
			return nil
		})
	}
	for i := range commits {
		b.changes.Append(changes(i*perCommit, (i+1)*perCommit-1)...)
		b.changes.Publish()
	}
	require.NoError(t, group.Wait())
	require.Contains(t, text(t, b.get("/metrics")), "apgar_api_events_sent_total "+strconv.Itoa(readers*commits*perCommit))
}

func TestAReaderThatComesAndGoesMissesNothing(t *testing.T) {
	b := newStreamBench(t)
	_, url := b.serving(t)
	const total = 2000
	last := "ab-0"
	go func() {
		for i := range total / 10 {
			b.changes.Commit(changes(i*10, i*10+9)...)
		}
	}()
	for want := uint64(1); want <= total; {
		ctx, cancel := context.WithCancel(t.Context())
		lines := bufio.NewReader(connect(ctx, t, url, "Last-Event-ID", last).Body)
		for range 150 {
			got, err := next(lines)
			require.NoError(t, err)
			require.Equal(t, want, got)
			last = "ab-" + strconv.FormatUint(got, 10)
			if want++; want > total {
				break
			}
		}
		cancel()
	}
}

// large is a change whose event is about 64 KiB.
func large() scorecard.Change {
	c := change(0)
	c.Message = strings.Repeat("x", 64<<10)
	return c
}

func TestAStuckReaderIsDroppedAndTheOthersGoOn(t *testing.T) {
	b := newStreamBench(t, func(o *api.Options) { o.Events.WriteTimeout = 2 * time.Second }) // a reader that gets no processor is not stuck
	_, url := b.serving(t)
	stuck, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer func() { _ = stuck.Close() }()
	require.NoError(t, stuck.(*net.TCPConn).SetReadBuffer(4096))
	_, err = io.WriteString(stuck, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n") // and reads nothing, ever
	require.NoError(t, err)
	lines := bufio.NewReader(connect(t.Context(), t, url).Body)
	eventually(t, b, "apgar_api_event_streams 2")
	const total = 400 // 25 MiB, more than any socket holds
	go func() {
		for range total {
			b.changes.Commit(large())
		}
	}()
	for want := uint64(1); want <= total; want++ {
		got, err := next(lines)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	eventually(t, b, `apgar_api_event_streams_dropped_total{reason="slow"} 1`)
	eventually(t, b, "apgar_api_event_streams 1")
	b.changes.Commit(change(0))
	got, err := next(lines)
	require.NoError(t, err)
	require.Equal(t, uint64(total+1), got)
}

// TestAReaderThatIsSlowAndSteadyIsNotDropped reads for several times the time
// that a piece may take, all the while having more before it than it takes.
func TestAReaderThatIsSlowAndSteadyIsNotDropped(t *testing.T) {
	const timeout, piece, perSecond = time.Second, 4 << 10, 150 << 10
	b := newStreamBench(t, func(o *api.Options) { o.Events.WriteTimeout = timeout })
	_, url := b.serving(t)
	body := connect(t.Context(), t, url).Body
	many := make([]scorecard.Change, 1000) // 8 MiB, more than a socket holds
	for i := range many {
		many[i] = change(0)
		many[i].Message = strings.Repeat("x", 8<<10)
	}
	b.changes.Commit(many...)
	buf := make([]byte, piece)
	pace := time.NewTicker(time.Second * piece / perSecond)
	defer pace.Stop()
	for start := time.Now(); time.Since(start) < 3*timeout+timeout/2; <-pace.C {
		_, err := io.ReadFull(body, buf)
		require.NoError(t, err)
	}
	require.Contains(t, text(t, b.get("/metrics")), "apgar_api_event_streams 1\n")
}

func eventually(t *testing.T, b *bench, series string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(text(t, b.get("/metrics")), series) }, 10*time.Second, 20*time.Millisecond, series)
}

func TestTheLimitsOfTheServerDoNotEndAStream(t *testing.T) {
	short := func(s *http.Server) {
		s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	}
	events := func(o *api.Options) {
		o.Events.Heartbeat, o.Events.WriteTimeout = 50*time.Millisecond, 100*time.Millisecond
	}
	outlive := func(t *testing.T, b *bench, body io.Reader) {
		lines := bufio.NewReader(body)
		for beats := 0; beats < 8; { // 400 ms
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			if line == ":\n" {
				beats++
			}
		}
		b.changes.Commit(change(0))
		got, err := next(lines)
		require.NoError(t, err)
		require.Equal(t, uint64(1), got)
	}
	t.Run("HTTP/1.1", func(t *testing.T) {
		b := newStreamBench(t, events)
		_, url := b.serving(t, short)
		outlive(t, b, connect(t.Context(), t, url).Body)
	})
	t.Run("HTTP/2, in silence longer than a write may take", func(t *testing.T) {
		b := newStreamBench(t, func(o *api.Options) {
			o.Events.Heartbeat, o.Events.WriteTimeout = 150*time.Millisecond, 50*time.Millisecond
		})
		server := httptest.NewUnstartedServer(b.handler)
		short(server.Config)
		server.EnableHTTP2 = true
		server.StartTLS()
		defer server.Close()
		defer b.server.EndStreams()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/events", nil)
		require.NoError(t, err)
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		require.Equal(t, 2, response.ProtoMajor)
		outlive(t, b, response.Body)
	})
}

func TestAShutdownDoesNotWaitForStreams(t *testing.T) {
	b := newStreamBench(t)
	server, url := b.serving(t)
	var bodies []io.Reader
	for range 20 {
		bodies = append(bodies, connect(t.Context(), t, url).Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	start := time.Now()
	require.NoError(t, server.Shutdown(ctx))
	require.Less(t, time.Since(start), 5*time.Second)
	for _, body := range bodies {
		_, err := io.ReadAll(body)
		require.NoError(t, err, "the stream ends as an answer does")
	}
}
