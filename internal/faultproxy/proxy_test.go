package faultproxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/internal/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 10 * time.Second
	moment   = 50 * time.Millisecond
)

// echo is a server that answers every line with itself and remembers it.
type echo struct {
	addr string
	mu   sync.Mutex
	got  []string
}

func newEcho(t *testing.T) *echo {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	e := &echo{addr: listener.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { e.answer(conn) })
		}
	})
	t.Cleanup(running.Wait)
	t.Cleanup(func() { listener.Close() })
	return e
}

func (e *echo) answer(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			fmt.Fprintf(conn, "%srest", line)
			return
		}
		e.mu.Lock()
		e.got = append(e.got, line)
		e.mu.Unlock()
		fmt.Fprint(conn, line)
	}
}

func (e *echo) received() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.got...)
}

// client is a connection through the proxy.
type client struct {
	*net.TCPConn
	lines *bufio.Reader
}

func dial(t *testing.T, p *faultproxy.Proxy) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return &client{conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// say sends a line and returns what went wrong until its echo has come back.
func (c *client) say(line string) error {
	if _, err := fmt.Fprintln(c, line); err != nil {
		return err
	}
	answer, err := c.lines.ReadString('\n')
	if err == nil && answer != line+"\n" {
		return fmt.Errorf("%q came back as %q", line, answer)
	}
	return err
}

func requireReset(t *testing.T, err error) {
	t.Helper()
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "not a reset: %v", err)
}

func TestWithoutFaultsEverythingIsForwarded(t *testing.T) {
	e := newEcho(t)
	p := faultproxy.New(t, e.addr)
	c := dial(t, p)
	for i := range 100 {
		require.NoError(t, c.say(fmt.Sprint(i)))
	}
	require.Equal(t, 1, p.Connections())
	other := dial(t, p)
	require.NoError(t, other.say("other"))
	require.Equal(t, 2, p.Connections())

	// A client that has said all still gets the rest.
	fmt.Fprint(c, "the ")
	require.NoError(t, c.CloseWrite())
	rest, err := io.ReadAll(c.lines)
	require.NoError(t, err)
	require.Equal(t, "the rest", string(rest))
	other.Close()
	require.Eventually(t, func() bool { return p.Connections() == 0 }, patience, time.Millisecond)
}

func TestManyBytesArriveAsTheyWere(t *testing.T) {
	e := newEcho(t)
	p := faultproxy.New(t, e.addr)
	c := dial(t, p)
	long := make([]byte, 3<<20)
	for i := range long {
		long[i] = 'a' + byte(i%23)
	}
	require.NoError(t, c.say(string(long)))
}

func TestLatencyDelaysAnswers(t *testing.T) {
	const latency = 150 * time.Millisecond
	e := newEcho(t)
	p := faultproxy.New(t, e.addr)
	c := dial(t, p)
	require.NoError(t, c.say("quick"))
	p.SetLatency(latency)
	began := time.Now()
	require.NoError(t, c.say("slow"))
	require.GreaterOrEqual(t, time.Since(began), latency)

	p.SetLatency(time.Hour)
	fmt.Fprintln(c, "too slow")
	require.Eventually(t, func() bool { return len(e.received()) == 3 }, patience, time.Millisecond, "requests are not delayed")
	p.SetLatency(0)
	require.NoError(t, dial(t, p).say("quick again"))
	// The chunk that is to wait for an hour does not keep the test from ending.
}

func TestADownProxyRefusesAndResets(t *testing.T) {
	e := newEcho(t)
	p := faultproxy.New(t, e.addr)
	c := dial(t, p)
	require.NoError(t, c.say("before"))
	p.SetDown(true)
	p.SetDown(true)
	requireReset(t, c.say("after"))
	_, err := net.Dial("tcp", p.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.Eventually(t, func() bool { return p.Connections() == 0 }, patience, time.Millisecond)
	p.SetDown(false)
	p.SetDown(false)
	require.NoError(t, dial(t, p).say("again"))
	require.Equal(t, []string{"before\n", "again\n"}, e.received())
}

func TestAStalledProxyAnswersNothing(t *testing.T) {
	e := newEcho(t)
	p := faultproxy.New(t, e.addr)
	quiet, asking := dial(t, p), dial(t, p)
	require.NoError(t, quiet.say("quiet"))
	require.NoError(t, asking.say("asking"))
	p.SetStall(true)
	late := dial(t, p)
	for _, c := range []*client{asking, late} {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(moment)))
		require.ErrorIs(t, c.say("lost"), os.ErrDeadlineExceeded)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	}
	p.SetStall(false)
	requireReset(t, asking.say("too late"))
	requireReset(t, late.say("too late"))
	require.NoError(t, quiet.say("quiet again"), "it has lost nothing")
	require.NoError(t, dial(t, p).say("new"))
	require.Equal(t, []string{"quiet\n", "asking\n", "quiet again\n", "new\n"}, e.received())
}

func TestEveryNthChunkIsLostInAReset(t *testing.T) {
	tests := []struct {
		name     string
		every    int
		attempts int
		want     []bool // whether the echo came back
		received int
	}{
		{"the first is a request", 1, 2, []bool{false, false}, 0},
		{"the second is its answer", 2, 2, []bool{false, false}, 2},
		{"the third is the second request", 3, 3, []bool{true, false, true}, 2},
		{"the fourth is the second answer", 4, 4, []bool{true, false, true, false}, 4},
		{"never", 0, 3, []bool{true, true, true}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEcho(t)
			p := faultproxy.New(t, e.addr)
			p.ResetEvery(tt.every)
			c := dial(t, p)
			for i := range tt.attempts {
				err := c.say(fmt.Sprint(i))
				require.Equal(t, tt.want[i], err == nil, "attempt %d: %v", i, err)
				if err != nil {
					requireReset(t, err)
					c = dial(t, p)
				}
			}
			require.Len(t, e.received(), tt.received)
		})
	}
}

func TestATargetThatIsAbsentResets(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	listener.Close()
	p := faultproxy.New(t, listener.Addr().String())
	conn, err := net.Dial("tcp", p.Addr())
	if err == nil { // the reset may be there before the connection is
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
	}
	requireReset(t, err)
}

func TestProxiesHaveAddressesOfTheirOwn(t *testing.T) {
	e := newEcho(t)
	first := faultproxy.New(t, e.addr)
	first.SetDown(true)
	seen := map[string]bool{first.Addr(): true}
	for range 20 {
		p := faultproxy.New(t, e.addr)
		require.False(t, seen[p.Addr()], p.Addr())
		seen[p.Addr()] = true
	}
}
