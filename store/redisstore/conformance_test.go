package redisstore

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
	"github.com/apgarhq/apgar/store/storetest"
)

// underTest is a store that waits for the time of Redis to pass.
type underTest struct{ *Store }

func (underTest) Advance(d time.Duration) { time.Sleep(d) }

// opener opens empty stores on one server: each has a prefix of its own.
type opener struct {
	connection Connection
	opened     atomic.Int64
}

func (o *opener) options() Options {
	options := over(o.connection)
	options.KeyPrefix, options.EventLimit = fmt.Sprint("test-", o.opened.Add(1)), storetest.EventLimit
	return options
}

// open starts a store that is followed until the test ends.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	follow(t, s)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// follow runs a store until the test ends.
func follow(t testing.TB, s *Store) {
	t.Helper()
	ended := make(chan struct{})
	ctx := t.Context() // ends before the cleanups run
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	t.Cleanup(func() { <-ended })
}

func TestConformance(t *testing.T) {
	for _, backend := range []struct {
		name    string
		connect func(t *testing.T) Connection
	}{
		{"single", func(t *testing.T) Connection {
			return Connection{Addresses: []string{redistest.Start(t).Addr()}}
		}},
		{"sentinel", func(t *testing.T) Connection {
			s := redistest.StartSentinel(t)
			return Connection{Addresses: s.Addrs(), SentinelMaster: s.MasterName}
		}},
		{"cluster", func(t *testing.T) Connection {
			return Connection{Addresses: redistest.StartCluster(t).Addrs(), Cluster: true}
		}},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			o := &opener{connection: backend.connect(t)}
			storetest.Run(t, func(t *testing.T) storetest.Store { return underTest{open(t, o.options())} })
		})
	}
}
