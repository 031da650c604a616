package redistest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	slots   = 16384
	masters = 3 // of a cluster, with one replica each
)

// Cluster is three masters that share all slots, each with a replica that
// takes over when its master has not answered for some two seconds. As by
// default, no slot is served while one of them has no master.
type Cluster struct {
	tb      testing.TB
	servers []*Server
}

// StartCluster runs a cluster. When it returns, every server finds the cluster
// complete and every replica has what its master has.
func StartCluster(tb testing.TB, options ...Option) *Cluster {
	tb.Helper()
	chosen := choose(options)
	c := &Cluster{tb: tb}
	for i := range 2 * masters {
		c.servers = append(c.servers, startServer(tb, fmt.Sprintf("node %d", i), chosen,
			"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000"))
	}
	c.introduce()
	c.follow()
	if err := poll(formLimit, c.complete); err != nil {
		tb.Fatalf("starting a cluster: %v", err)
	}
	return c
}

// introduce gives the masters their slots and makes every two nodes meet. Each
// has an epoch of its own from the start, or they would have to settle on one.
func (c *Cluster) introduce() {
	c.tb.Helper()
	for i, node := range c.servers {
		node.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < masters {
			node.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/masters), strconv.Itoa((i+1)*slots/masters-1))
		}
	}
	for i, node := range c.servers {
		for _, other := range c.servers[:i] {
			node.Do("CLUSTER", "MEET", loopback, strconv.Itoa(other.port.number))
		}
	}
}

// follow makes every node that is no master the replica of one, as soon as it
// knows that one.
func (c *Cluster) follow() {
	c.tb.Helper()
	for i, node := range c.servers[masters:] {
		id := c.servers[i].Do("CLUSTER", "MYID")
		err := poll(formLimit, func() error {
			_, err := node.ask(probeLimit, "CLUSTER", "REPLICATE", id)
			return err
		})
		if err != nil {
			c.tb.Fatalf("starting a cluster: making node %d a replica of node %d: %v", masters+i, i, err)
		}
	}
}

// complete returns nil when nothing is left to settle between the nodes.
func (c *Cluster) complete() error {
	for i, node := range c.servers {
		if err := node.seesAll(); err != nil {
			return fmt.Errorf("%s: %w", node.role, err)
		}
		if i < masters {
			if err := node.hasReplicas(1); err != nil {
				return err
			}
		}
	}
	return nil
}

// seesAll returns nil when a node serves, and knows each other one as what it
// is.
func (s *Server) seesAll() error {
	if err := s.serves(); err != nil {
		return err
	}
	view, err := s.view()
	if err != nil {
		return err
	}
	found := map[string]int{}
	for _, m := range view {
		if m.connected {
			found[m.kind()]++
		}
	}
	if len(view) != 2*masters || found["master"] != masters || found["slave"] != masters {
		return fmt.Errorf("it sees %v among %d nodes, not %d of each", found, len(view), masters)
	}
	return nil
}

// serves returns nil when a node finds every slot served.
func (s *Server) serves() error {
	info, err := s.ask(probeLimit, "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if state, ok := field(info, "cluster_state"), field(info, "cluster_slots_ok"); state != "ok" || ok != strconv.Itoa(slots) {
		return fmt.Errorf("its cluster_state is %s, with %s of %d slots", state, ok, slots)
	}
	return nil
}

// Addrs returns where the nodes listen.
func (c *Cluster) Addrs() []string { return addrs(c.servers) }

// Servers returns all nodes: first those that were masters in the beginning.
func (c *Cluster) Servers() []*Server { return slices.Clone(c.servers) }

// MasterOf returns the node that serves the slot of a key. While there is none,
// since a failover is due or under way, it waits for its end, half a minute at
// most.
func (c *Cluster) MasterOf(key string) *Server {
	c.tb.Helper()
	var master *Server
	err := poll(moveLimit, func() (err error) {
		master, err = c.masterOf(key)
		return err
	})
	if err != nil {
		c.tb.Fatalf("asking the cluster for the master of %q: %v", key, err)
	}
	return master
}

// masterOf asks every node that runs once. One that has slept through a
// failover may still take itself for a master: its epoch is the lower one.
func (c *Cluster) masterOf(key string) (*Server, error) {
	var master *Server
	epoch := int64(-1)
	for _, node := range c.servers {
		if !node.answering() {
			continue
		}
		slot, err := node.ask(probeLimit, "CLUSTER", "KEYSLOT", key)
		if err != nil {
			return nil, err
		}
		view, err := node.view()
		if err != nil {
			return nil, err
		}
		for _, m := range view {
			if m.has("myself") && m.kind() == "master" && m.covers(slot) && m.epoch > epoch {
				master, epoch = node, m.epoch
			}
		}
	}
	if master == nil {
		return nil, errors.New("no node that runs has its slot")
	}
	if err := master.serves(); err != nil {
		return nil, err
	}
	return master, nil
}

// member is a node as another, or it itself, sees it: a line of CLUSTER NODES.
type member struct {
	flags     []string
	epoch     int64
	connected bool
	slots     []string // as in "0", "5461-10922", and others where one moves
}

// view returns the nodes as this one sees them.
func (s *Server) view() ([]member, error) {
	answer, err := s.ask(probeLimit, "CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	var view []member
	for line := range strings.Lines(answer) {
		// id, address, flags, master, ping sent, pong received, epoch, link, slots…
		columns := strings.Fields(line)
		if len(columns) < 8 {
			return nil, fmt.Errorf("reading CLUSTER NODES: %q has fewer than 8 columns", line)
		}
		epoch, err := strconv.ParseInt(columns[6], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the epoch of %q in CLUSTER NODES: %w", line, err)
		}
		view = append(view, member{
			flags: strings.Split(columns[2], ","), epoch: epoch, connected: columns[7] == "connected", slots: columns[8:],
		})
	}
	return view, nil
}

func (m member) has(flag string) bool { return slices.Contains(m.flags, flag) }

// kind returns "master" or "slave", or what keeps a node from being either.
func (m member) kind() string {
	return strings.Join(slices.DeleteFunc(slices.Clone(m.flags), func(flag string) bool { return flag == "myself" }), ",")
}

// covers tells whether a slot is among those of the node.
func (m member) covers(slot string) bool {
	wanted, err := strconv.Atoi(slot)
	if err != nil {
		return false
	}
	for _, span := range m.slots {
		first, last, isSpan := strings.Cut(span, "-")
		if !isSpan {
			last = first
		}
		from, fromErr := strconv.Atoi(first)
		to, toErr := strconv.Atoi(last)
		if fromErr == nil && toErr == nil && from <= wanted && wanted <= to {
			return true
		}
	}
	return false
}
