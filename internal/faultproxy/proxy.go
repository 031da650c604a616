// Package faultproxy stands between a client and a server of a test and
// disturbs their TCP connections: it delays, resets, goes silent, is gone. It
// knows nothing of what they say, and takes what one read returns for a chunk:
// in a dialogue, a request or an answer of up to 32 KiB.
package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"sync"
	"testing"
	"time"
)

const (
	loopback    = "127.0.0.1"
	firstPort   = 31000 // below those that Linux hands out itself, from 32768
	ports       = 1700  // how many there are to choose from
	dialLimit   = 5 * time.Second
	reopenLimit = 5 * time.Second
	reopenEvery = 20 * time.Millisecond
	chunkBytes  = 32 << 10
)

// Proxy forwards connections to one target. Its faults may be set at any time
// by any goroutine, and apply to the connections that are open too.
type Proxy struct {
	tb     testing.TB
	target string
	addr   string
	guard  net.PacketConn // the UDP port of the same number: keeps other proxies off while the listener is closed

	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	latency  time.Duration
	every    int // chunks from reset to reset; 0 is never
	chunks   int // since every was set
	stalled  bool
	listener net.Listener
	links    map[*link]struct{}
}

// New returns a proxy that forwards to the target, given as host:port, without
// a fault. The target is dialled for each connection; while it is absent, the
// client's connection is reset. The proxy is closed with the test.
func New(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p := &Proxy{tb: tb, target: target, links: map[*link]struct{}{}}
	if err := p.choose(); err != nil {
		tb.Fatalf("starting a proxy to %s: %v", target, err)
	}
	p.serve()
	tb.Cleanup(p.close)
	return p
}

// choose finds a free port and listens there.
func (p *Proxy) choose() error {
	start := int(maphash.String(maphash.MakeSeed(), p.target) % ports)
	const attempts = 200
	var err error
	for i := range attempts {
		p.addr = fmt.Sprintf("%s:%d", loopback, firstPort+(start+i)%ports)
		if err = p.reserve(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%d ports from %d on are not free: %w", attempts, firstPort+start, err)
}

// reserve listens at the address and takes its UDP port.
func (p *Proxy) reserve() (err error) {
	var config net.ListenConfig
	if p.guard, err = config.ListenPacket(context.Background(), "udp4", p.addr); err != nil {
		return err
	}
	if p.listener, err = listen(p.addr); err != nil {
		return errors.Join(err, p.guard.Close())
	}
	return nil
}

func listen(addr string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp4", addr)
}

// Addr returns where clients connect to, as in "127.0.0.1:31234".
func (p *Proxy) Addr() string { return p.addr }

// Connections returns how many connections of clients are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// SetLatency delays each chunk towards the client by d from now on, on top of
// what it takes anyway. A connection's chunks are delayed one after the other.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// delay returns the latency.
func (p *Proxy) delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latency
}

// ResetEvery resets a connection (RST) instead of delivering the n-th chunk
// from now, the 2n-th, and so on. The chunks of all connections and of both
// directions are counted: in a dialogue at the same pace, 1 loses the next
// request and 2 its answer. 0 ends it.
func (p *Proxy) ResetEvery(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every, p.chunks = n, 0
}

// fate is what becomes of a chunk.
type fate int

const (
	forward fate = iota
	lose         // and go on
	reset        // the connection, and lose it so
)

// judge tells what becomes of the next chunk of a link.
func (p *Proxy) judge(l *link) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled {
		l.lossy = true
		return lose
	}
	if p.every > 0 {
		p.chunks++
		if p.chunks%p.every == 0 {
			return reset
		}
	}
	return forward
}

// SetStall makes the proxy accept connections and swallow what is sent, in
// both directions, as a host does that has lost its way to the server. When the
// stall ends, a connection that has lost something is reset, as is one that
// began during the stall; the others go on.
func (p *Proxy) SetStall(stall bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = stall
	for l := range p.links {
		if l.lossy && !stall {
			l.reset()
		}
	}
}

// SetDown refuses new connections and resets those that are open, as when the
// server's host has restarted without it; false accepts connections again, at
// the same address.
func (p *Proxy) SetDown(down bool) {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case down:
		p.shut()
	case p.listener == nil:
		if err := p.reopen(); err != nil {
			p.tb.Errorf("accepting connections again at %s: %v", p.addr, err)
			return
		}
		p.serve()
	}
}

// shut closes the listener and resets every connection.
func (p *Proxy) shut() {
	if p.listener != nil {
		_ = p.listener.Close() // it only accepts
		p.listener = nil
	}
	for l := range p.links {
		l.reset()
	}
}

// reopen listens again. A stranger's connection may have been given the port
// meanwhile: it is waited for.
func (p *Proxy) reopen() (err error) {
	ticker := time.NewTicker(reopenEvery)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < reopenLimit; <-ticker.C {
		if p.listener, err = listen(p.addr); err == nil {
			return nil
		}
	}
	p.listener = nil
	return err
}

// serve accepts connections until the listener is closed.
func (p *Proxy) serve() {
	listener := p.listener
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.admit(client, listener)
		}
	})
}

// admit forwards a connection, or swallows it during a stall. One that slipped
// in as the listener closed is reset.
func (p *Proxy) admit(client net.Conn, through net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{proxy: p, client: client, cancel: cancel}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != through {
		l.reset()
		return
	}
	l.lossy = p.stalled
	run := func() { l.run(ctx) }
	if p.stalled {
		run = l.swallow
	}
	p.links[l] = struct{}{}
	p.running.Go(func() {
		run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}

// close ends the proxy and returns when all its goroutines have.
func (p *Proxy) close() {
	p.mu.Lock()
	p.shut()
	p.mu.Unlock()
	p.running.Wait()
	_ = p.guard.Close() // nothing was written to it
}
