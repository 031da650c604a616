package api

import (
	"context"
	"net"
	"net/http"
)

// streamSendBuffer is what the system may hold of an event stream that its
// reader has not taken yet; Linux doubles it, for what it needs itself. It is
// what a reader far away takes per round trip, and more than a piece.
const streamSendBuffer = 32 << 10

// connectionKey is the key of the connection in the context of a request.
type connectionKey struct{}

// withConnection keeps the connection where the handlers of its requests find
// it.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// holdLittle bounds what the system holds of the answer. It would take
// megabytes otherwise, and let a writer that waits go on only when a third of
// them is gone: a reader that is slow and steady would seem to take nothing
// for as long. Over HTTP/2 other answers have the same connection, and the
// windows of the client bound each.
func holdLittle(r *http.Request) {
	if r.ProtoMajor != 1 {
		return
	}
	if c, ok := socket(r).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = c.SetWriteBuffer(streamSendBuffer) // without it the stream is right, only less patient
	}
}

// socket returns the connection of a request below its TLS, nil if the server
// is not one of HTTPServer.
func socket(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connectionKey{}).(net.Conn)
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}
