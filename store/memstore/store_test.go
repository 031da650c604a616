package memstore

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that stands still until it is told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 51, 0, time.UTC)} }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store {
		c := newClock()
		return struct {
			*Store
			*clock
		}{New(Options{Now: c.Now, EventLimit: storetest.EventLimit}), c}
	})
}
