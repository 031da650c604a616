package redistest

import (
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder is a testing.TB that keeps to itself what a test has said and done,
// and ends when it is told to.
type recorder struct {
	testing.TB
	said     string
	failed   bool
	cleanups []func()
}

func (r *recorder) Helper()           {}
func (r *recorder) Failed() bool      { return r.failed }
func (r *recorder) Cleanup(f func())  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Log(args ...any)   { r.said += fmt.Sprintln(args...) }
func (r *recorder) Fatal(args ...any) { r.Log(args...); r.FailNow() }

func (r *recorder) Logf(format string, args ...any)   { r.Log(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

func (r *recorder) FailNow() {
	r.failed = true
	runtime.Goexit()
}

// outcome runs a test and its cleanups, and returns what it has said.
func outcome(t *testing.T, test func(tb testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return r
}

func TestWithoutRedisTheTestFailsAndSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := outcome(t, func(tb testing.TB) { Start(tb) })
	require.True(t, r.failed)
	require.Contains(t, r.said, "apt-get install --no-install-recommends redis-server")
}

func TestAServerThatDoesNotComeUpFailsTheTestWithItsLog(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, number, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	for line, want := range map[string]string{"no-such-directive yes": "Bad directive", "port " + number: "Address already in use"} {
		r := outcome(t, func(tb testing.TB) { Start(tb, WithConfig(line)) })
		require.True(t, r.failed)
		require.Contains(t, r.said, "starting a Redis server at 127.0.0.1:")
		require.Contains(t, r.said, want)
	}
}

func TestTheLogIsShownWhenTheTestHasFailed(t *testing.T) {
	test := func(command ...string) func(tb testing.TB) {
		return func(tb testing.TB) { Start(tb).Do(command...) }
	}
	r := outcome(t, test("NONSENSE"))
	require.True(t, r.failed)
	require.Contains(t, r.said, "unknown command")
	require.Contains(t, r.said, "Ready to accept connections")
	require.Empty(t, outcome(t, test("PING")).said)
}

func TestAPortThatWasTakenMeanwhileIsReplaced(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	asked := 0
	s := &Server{tb: t, role: "server"}
	s.start(func() (port, error) {
		asked++
		if asked == 1 {
			return port{number: taken.Addr().(*net.TCPAddr).Port}, nil
		}
		return reserve()
	}, dataLines(settings{}))
	require.Equal(t, 2, asked)
	require.NotEqual(t, taken.Addr().String(), s.Addr())
	require.Equal(t, "PONG", s.Do("PING"))
}

func TestAPortIsReservedWithItsBus(t *testing.T) {
	p, err := reserve()
	require.NoError(t, err)
	_, err = take(p.number)
	require.Error(t, err, "it is reserved")
	p.release()
	p.release()
	bus, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(p.number+busOffset)))
	require.NoError(t, err)
	_, err = take(p.number)
	require.Error(t, err, "its bus is taken")
	require.NoError(t, bus.Close())
	again, err := take(p.number)
	require.NoError(t, err, "what was not to be had has been given back")
	again.release()
}

func TestNothingIsKeptInTheFolderByDefault(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Do("SET", "text", "a")
	s.Stop()
	files, err := filepath.Glob(s.path("*"))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{s.path("redis.conf"), s.path("log")}, files)
}
