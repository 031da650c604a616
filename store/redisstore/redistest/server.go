// Package redistest runs real Redis servers for tests: one alone, a master
// with replicas and sentinels, a cluster. They listen on 127.0.0.1, keep what
// they keep in folders of the test, and end with it, even when the test run
// is killed. It needs redis-server in PATH and a Unix; a test without
// redis-server fails and says how to install it.
//
// It knows nothing of what is stored. Unless a comment says otherwise, the
// functions and methods are for the goroutine that runs the test, since they
// fail it with Fatal.
package redistest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 10 * time.Second // until a server answers, or is gone after SIGTERM
	formLimit  = 30 * time.Second // until the servers of a sentinel or a cluster know each other
	moveLimit  = 30 * time.Second // until another server has taken over
	replyLimit = 10 * time.Second // until a command is answered
	probeLimit = time.Second      // the same, of a question that is repeated
	probeEvery = 20 * time.Millisecond
	logTail    = 30 // lines of a server's log that a failure shows
)

// Server is one process of redis-server, in mode and folder of its own. It
// keeps its port when it is killed, so that it can come back there.
type Server struct {
	tb       testing.TB
	role     string // for messages, as in "replica 2"
	program  string
	folder   string
	port     port
	password string
	sentinel bool

	mu      sync.Mutex
	process *process // the newest; it may have ended
	paused  bool
}

// Option changes how servers are run.
type Option func(*settings)

// settings are what the options have chosen, for all servers of a call.
type settings struct {
	password         string
	sentinelPassword string
	aof              bool
	lines            []string
}

// WithPassword makes every server, except sentinels, ask for a password, which
// may be any text. A sentinel writes it down without quotes, and so finds it
// again in Restart only if it is a plain word.
func WithPassword(password string) Option {
	return func(s *settings) { s.password = password }
}

// WithSentinelPassword makes the sentinels ask for a password. They ask for
// none by default, whatever the servers they watch do.
func WithSentinelPassword(password string) Option {
	return func(s *settings) { s.sentinelPassword = password }
}

// WithAOF makes every server write each change to disk before it answers, and
// read it back in Restart.
func WithAOF() Option {
	return func(s *settings) { s.aof = true }
}

// WithConfig appends lines to the configuration file of every server, except
// sentinels. A later line wins over an earlier one, and over what this package
// writes.
func WithConfig(lines ...string) Option {
	return func(s *settings) { s.lines = append(s.lines, lines...) }
}

// choose applies options.
func choose(options []Option) settings {
	var chosen settings
	for _, option := range options {
		option(&chosen)
	}
	return chosen
}

// Start runs one server that answers when Start returns, and is killed when
// the test ends. Its log is shown when the test has failed.
func Start(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	return startServer(tb, "server", choose(options))
}

// startServer starts a server that stores data, with lines that come before
// those of the options.
func startServer(tb testing.TB, role string, chosen settings, lines ...string) *Server {
	tb.Helper()
	s := &Server{tb: tb, role: role, password: chosen.password}
	s.start(reserve, append(dataLines(chosen), lines...), chosen.lines)
	return s
}

// dataLines returns the configuration of a server that stores data.
func dataLines(chosen settings) []string {
	lines := []string{
		`save ""`,
		"rdb-del-sync-files yes", // a replica that keeps nothing forgets what it was sent as well
		"repl-diskless-sync yes",
		"repl-diskless-sync-delay 0",
	}
	if chosen.aof {
		lines = append(lines, "appendonly yes", "appendfsync always")
	} else {
		lines = append(lines, "appendonly no")
	}
	if chosen.password != "" {
		lines = append(lines, "requirepass "+quote(chosen.password), "masterauth "+quote(chosen.password))
	}
	return lines
}

// quote writes a value as a configuration file has it: between double quotes,
// with every byte that could end them, or the line, as \xNN.
func quote(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(value) {
		if c < ' ' || c == '"' || c == '\\' || c > '~' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// start takes a free port and runs the server there, again on another one when
// somebody was faster.
func (s *Server) start(take func() (port, error), groups ...[]string) {
	s.tb.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		s.tb.Fatalf("starting a Redis %s: there is no redis-server in PATH: install it as root with "+
			"`apt-get install --no-install-recommends redis-server`, or let `make test-deps` do so", s.role)
	}
	s.program, s.folder = program, s.tb.TempDir()
	s.tb.Cleanup(s.end)
	const attempts = 5
	for attempt := 1; ; attempt++ {
		if s.port, err = take(); err != nil {
			s.tb.Fatalf("starting a Redis %s: %v", s.role, err)
		}
		if err = s.writeConfig(groups); err != nil {
			s.tb.Fatalf("starting a Redis %s: %v", s.role, err)
		}
		if err = s.launch(); err == nil {
			return
		}
		if attempt == attempts || !strings.Contains(s.log(), "Address already in use") {
			s.tb.Fatal(err)
		}
		s.Kill()
		s.port.release()
	}
}

// writeConfig writes the configuration file. It is written once, since Redis
// changes it where a sentinel makes a replica a master.
func (s *Server) writeConfig(groups [][]string) error {
	lines := []string{
		"bind 127.0.0.1",
		"protected-mode no",
		"port " + strconv.Itoa(s.port.number),
		"dir " + quote(s.folder),
		"daemonize no",
		"loglevel notice",
	}
	for _, group := range groups {
		lines = append(lines, group...)
	}
	if err := os.WriteFile(s.path("redis.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing its configuration: %w", err)
	}
	return nil
}

// path returns where a file of the server's folder is.
func (s *Server) path(name string) string { return filepath.Join(s.folder, name) }

// launch runs the process and waits until it answers.
func (s *Server) launch() error {
	args := []string{s.path("redis.conf")}
	if s.sentinel {
		args = append(args, "--sentinel")
	}
	p, err := spawn(s.program, args, s.path("log"))
	if err != nil {
		return fmt.Errorf("starting a Redis %s: %w", s.role, err)
	}
	s.mu.Lock()
	s.process, s.paused = p, false
	s.mu.Unlock()
	if err := poll(startLimit, func() error { return s.ready(p) }); err != nil {
		return fmt.Errorf("starting a Redis %s at %s: %w; the end of its log:\n%s", s.role, s.Addr(), err, s.log())
	}
	return nil
}

// ready returns nil when it is this process that answers at the address.
func (s *Server) ready(p *process) error {
	if p.ended() {
		return final{fmt.Errorf("it has ended: %v", p.cmd.ProcessState)}
	}
	info, err := s.ask(probeLimit, "INFO", "server")
	if err != nil {
		return err
	}
	if got, want := field(info, "process_id"), strconv.Itoa(p.cmd.Process.Pid); got != want {
		return fmt.Errorf("process %s answers there instead of %s", got, want)
	}
	// While a server reads its files it answers INFO, and nothing else.
	_, err = s.ask(probeLimit, "PING")
	return err
}

// Addr returns where the server listens, as in "127.0.0.1:11234".
func (s *Server) Addr() string {
	return net.JoinHostPort(loopback, strconv.Itoa(s.port.number))
}

// Do sends one command over a connection of its own and returns the answer:
// elements of an array one per line, a null as nothing. An answer that is an
// error, or none within ten seconds, fails the test.
func (s *Server) Do(args ...string) string {
	s.tb.Helper()
	answer, err := s.DoErr(args...)
	if err != nil {
		s.tb.Fatal(err)
	}
	return answer
}

// DoErr is Do for a command that may fail: the error contains what Redis
// says, as in "WRONGTYPE Operation against a key…". Any goroutine may call it.
func (s *Server) DoErr(args ...string) (string, error) {
	answer, err := s.ask(replyLimit, args...)
	if err != nil {
		return "", fmt.Errorf("sending %q to the Redis %s at %s: %w", args, s.role, s.Addr(), err)
	}
	return answer, nil
}

// ask sends one command and returns the answer.
func (s *Server) ask(limit time.Duration, args ...string) (string, error) {
	return command(s.Addr(), s.password, limit, args)
}

// Kill ends the process as a crash would, and returns when it is gone. What a
// killed or stopped server is asked to do, except Restart, does nothing. Any
// goroutine may call Kill, Stop, Pause and Resume.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	s.process.signal(syscall.SIGKILL) // which ends a paused process too
	<-s.process.done
	s.paused = false
}

// Stop ends the process as a service manager would, and returns when it is
// gone. A paused server is resumed.
func (s *Server) Stop() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	s.process.signal(syscall.SIGTERM)
	s.process.signal(syscall.SIGCONT)
	s.paused = false
	if !s.process.endsWithin(startLimit) {
		s.tb.Errorf("stopping the Redis %s at %s: it still runs %v after SIGTERM: it is killed instead", s.role, s.Addr(), startLimit)
		s.process.signal(syscall.SIGKILL)
		<-s.process.done
	}
}

// Pause makes the process stand still: it accepts connections and commands,
// since the kernel does so for it, and answers none until Resume.
func (s *Server) Pause() { s.halt(syscall.SIGSTOP, true) }

// Resume lets a paused process go on.
func (s *Server) Resume() { s.halt(syscall.SIGCONT, false) }

// halt sends a signal and notes what it has done.
func (s *Server) halt(signal syscall.Signal, paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.process.ended() {
		return
	}
	s.process.signal(signal)
	s.paused = paused
}

// Restart runs the server again on its port and in its folder, and returns
// when it answers. It knows what it has kept there: all with WithAOF, nothing
// by default, and in any case its place in a cluster. A server that still runs
// is killed first.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	if err := s.launch(); err != nil {
		s.tb.Fatalf("restarting: %v", err)
	}
}

// answering tells whether a question to the server makes sense.
func (s *Server) answering() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process != nil && !s.process.ended() && !s.paused
}

// log returns the last lines of what the server wrote.
func (s *Server) log() string {
	content, err := os.ReadFile(s.path("log"))
	if err != nil {
		return fmt.Sprintf("(it cannot be read: %v)", err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-logTail):], "\n")
}

// end kills the server at the end of the test and gives its port back.
func (s *Server) end() {
	s.Kill()
	if s.tb.Failed() && s.process != nil {
		s.tb.Logf("the end of the log of the Redis %s at %s:\n%s", s.role, s.Addr(), s.log())
	}
	s.port.release()
}
