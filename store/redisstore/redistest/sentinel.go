package redistest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// replicas is how many copies of a master a Sentinel has, and one less than
// how many sentinels watch it.
const replicas = 2

// Sentinel is a master with two replicas, and three sentinels that make
// another server the master when two of them find that it has not answered for
// two seconds.
type Sentinel struct {
	MasterName string // what clients ask the sentinels for

	tb        testing.TB
	servers   []*Server
	sentinels []*Server
}

// StartSentinel runs a master with replicas and sentinels. When it returns, the
// replicas have what the master has and every sentinel knows all others, so
// that a failover can begin at once.
func StartSentinel(tb testing.TB, options ...Option) *Sentinel {
	tb.Helper()
	chosen := choose(options)
	s := &Sentinel{MasterName: "tested", tb: tb}
	master := startServer(tb, "server 0", chosen)
	s.servers = append(s.servers, master)
	for i := range replicas {
		follow := "replicaof " + master.hostAndPort()
		s.servers = append(s.servers, startServer(tb, fmt.Sprintf("server %d", i+1), chosen, follow))
	}
	if err := poll(formLimit, func() error { return master.hasReplicas(replicas) }); err != nil {
		tb.Fatalf("starting a master and its replicas: %v", err)
	}
	for i := range replicas + 1 {
		s.sentinels = append(s.sentinels, s.startSentinel(i, master, chosen))
	}
	if err := poll(formLimit, s.complete); err != nil {
		tb.Fatalf("starting sentinels: %v", err)
	}
	return s
}

// startSentinel runs one sentinel that watches the master.
func (s *Sentinel) startSentinel(i int, master *Server, chosen settings) *Server {
	s.tb.Helper()
	set := func(name, value string) string { return "sentinel " + name + " " + s.MasterName + " " + value }
	lines := []string{
		set("monitor", master.hostAndPort()+" 2"),
		set("down-after-milliseconds", "2000"),
		set("failover-timeout", "4000"),
	}
	if chosen.password != "" {
		lines = append(lines, set("auth-pass", quote(chosen.password)))
	}
	if chosen.sentinelPassword != "" {
		lines = append(lines, "requirepass "+quote(chosen.sentinelPassword))
	}
	started := &Server{tb: s.tb, role: fmt.Sprintf("sentinel %d", i), password: chosen.sentinelPassword, sentinel: true}
	started.start(reserve, lines)
	return started
}

// complete returns nil when every sentinel could lead a failover.
func (s *Sentinel) complete() error {
	for _, sentinel := range s.sentinels {
		if err := s.knowsAll(sentinel); err != nil {
			return fmt.Errorf("%s: %w", sentinel.role, err)
		}
	}
	return nil
}

// knowsAll returns nil when a sentinel is connected to everybody.
func (s *Sentinel) knowsAll(sentinel *Server) error {
	for _, wanted := range []struct {
		question, field, value string
		count                  int
	}{
		{"MASTER", "flags", "master", 1},
		{"REPLICAS", "flags", "slave", replicas},
		{"REPLICAS", "master-link-status", "ok", replicas},
		{"SENTINELS", "flags", "sentinel", replicas},
	} {
		answer, err := sentinel.ask(probeLimit, "SENTINEL", wanted.question, s.MasterName)
		if err != nil {
			return err
		}
		if count(answer, wanted.field, wanted.value) != wanted.count {
			return fmt.Errorf("SENTINEL %s has not %d times %s %s: %q",
				wanted.question, wanted.count, wanted.field, wanted.value, answer)
		}
	}
	_, err := sentinel.ask(probeLimit, "SENTINEL", "CKQUORUM", s.MasterName)
	return err
}

// count returns how often a field has a value, in lines that are a name and a
// value by turns.
func count(answer, field, value string) int {
	found := 0
	for pair := range slices.Chunk(strings.Split(answer, "\n"), 2) {
		if slices.Equal(pair, []string{field, value}) {
			found++
		}
	}
	return found
}

// Addrs returns where the sentinels listen.
func (s *Sentinel) Addrs() []string { return addrs(s.sentinels) }

// Servers returns those that store data: first the one that was the master in
// the beginning.
func (s *Sentinel) Servers() []*Server { return slices.Clone(s.servers) }

// Sentinels returns the sentinels, in the order of Addrs.
func (s *Sentinel) Sentinels() []*Server { return slices.Clone(s.sentinels) }

// Master returns the server that is the master, as all sentinels that run and
// the server itself see it. While a failover is due or under way it waits for
// its end, half a minute at most.
func (s *Sentinel) Master() *Server {
	s.tb.Helper()
	var master *Server
	err := poll(moveLimit, func() (err error) {
		master, err = s.master()
		return err
	})
	if err != nil {
		s.tb.Fatalf("asking the sentinels for the master: %v", err)
	}
	return master
}

// master asks once.
func (s *Sentinel) master() (*Server, error) {
	var named string
	for _, sentinel := range s.sentinels {
		if !sentinel.answering() {
			continue
		}
		answer, err := sentinel.ask(probeLimit, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.MasterName)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", sentinel.role, err)
		case named != "" && named != answer:
			return nil, fmt.Errorf("the sentinels disagree: %q, %q", named, answer)
		}
		named = answer
	}
	if named == "" {
		return nil, errors.New("no sentinel runs")
	}
	var found *Server
	for _, server := range s.servers {
		if strings.ReplaceAll(named, "\n", ":") == server.Addr() {
			found = server
		}
	}
	if found == nil {
		return nil, fmt.Errorf("the sentinels name a server that is not ours: %q", named)
	}
	if err := found.isMaster(); err != nil {
		return nil, err
	}
	return found, nil
}

// isMaster returns nil when the server runs and is no replica.
func (s *Server) isMaster() error {
	if !s.answering() {
		return fmt.Errorf("%s is named and does not run", s.role)
	}
	info, err := s.ask(probeLimit, "INFO", "replication")
	if err != nil {
		return err
	}
	if role := field(info, "role"); role != "master" {
		return fmt.Errorf("%s is named and has the role %q", s.role, role)
	}
	return nil
}

// hasReplicas returns nil when so many replicas have what the server has.
func (s *Server) hasReplicas(wanted int) error {
	info, err := s.ask(probeLimit, "INFO", "replication")
	if err != nil {
		return err
	}
	if online := strings.Count(info, ",state=online,"); online != wanted {
		return fmt.Errorf("%s has %d replicas in sync, not %d", s.role, online, wanted)
	}
	return nil
}

// hostAndPort returns the address as commands and configuration have it.
func (s *Server) hostAndPort() string { return loopback + " " + strconv.Itoa(s.port.number) }

// addrs returns where servers listen.
func addrs(servers []*Server) []string {
	var all []string
	for _, s := range servers {
		all = append(all, s.Addr())
	}
	return all
}
