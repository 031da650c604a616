package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is a client's connection and the one to the target that belongs to it.
type link struct {
	proxy  *Proxy
	client net.Conn
	lossy  bool // something was swallowed, so that the rest would make no sense; guarded by the proxy's lock

	cancel context.CancelFunc // ends what run waits for
	mu     sync.Mutex
	server net.Conn // nil until it is dialled
	ended  bool
}

// run forwards in both directions until both have ended, or the link has.
func (l *link) run(ctx context.Context) {
	if err := l.dial(ctx); err != nil {
		l.reset()
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() { l.pump(ctx, l.server, l.client, true) })
	l.pump(ctx, l.client, l.server, false)
	answers.Wait()
	l.end()
}

// swallow reads what the client sends until it has enough, or the link has
// ended.
func (l *link) swallow() {
	_, _ = io.Copy(io.Discard, l.client)
	l.end()
}

// dial connects to the target.
func (l *link) dial(ctx context.Context) error {
	dialer := net.Dialer{Timeout: dialLimit}
	server, err := dialer.DialContext(ctx, "tcp", l.proxy.target)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errors.Join(net.ErrClosed, server.Close())
	}
	l.server = server
	return nil
}

// pump forwards one direction. An end that comes from one side is passed on to
// the other; a failure ends the link.
func (l *link) pump(ctx context.Context, from, to net.Conn, answers bool) {
	chunk := make([]byte, chunkBytes)
	for {
		n, err := from.Read(chunk)
		if n > 0 && !l.deliver(ctx, to, chunk[:n], answers) {
			l.reset()
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			if half, ok := to.(*net.TCPConn); ok {
				_ = half.CloseWrite() // fails where the connection has failed, which Read tells as well
			}
			return
		case err != nil:
			l.reset()
			return
		}
	}
}

// deliver does with a chunk what the faults say, and tells whether the link
// goes on.
func (l *link) deliver(ctx context.Context, to io.Writer, chunk []byte, answer bool) bool {
	if answer && !wait(ctx, l.proxy.delay()) {
		return false
	}
	switch l.proxy.judge(l) {
	case lose:
		return true
	case reset:
		return false
	}
	_, err := to.Write(chunk)
	return err == nil
}

// wait tells whether the link has lived so much longer.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset ends the link so that the client finds its connection reset.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if client, ok := l.client.(*net.TCPConn); ok && !l.ended {
		_ = client.SetLinger(0) // fails where the client has reset the connection itself
	}
	l.close()
}

// end ends the link, after what is on its way.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close()
}

// close closes both connections. The caller has the lock.
func (l *link) close() {
	if l.ended {
		return
	}
	l.ended = true
	l.cancel()
	_ = l.client.Close()
	if l.server != nil {
		_ = l.server.Close()
	}
}
