package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// leaseTTL is how long the grader may be silent before another takes over.
const leaseTTL = 10 * time.Second

// acquire waits until the store grants the lease.
func (c *Collector) acquire(ctx context.Context) error {
	for {
		lease, err := c.o.Store.Acquire(ctx, c.o.Owner, c.leaseTTL())
		if err == nil {
			c.lease = lease
			return nil
		}
		if !errors.Is(err, scorecard.ErrFenced) {
			return fmt.Errorf("acquiring the grader's lease: %w", err)
		}
		if !sleepUntil(ctx, time.Now().Add(leaseTTL/2)) {
			return ctx.Err()
		}
	}
}

// leaseTTL outlives the time between two ticks.
func (c *Collector) leaseTTL() time.Duration { return max(leaseTTL, 3*c.o.Plan.Interval) }

// renew keeps the lease, or gets it back when it ran out and nobody holds it.
// What another grader may have committed meanwhile is taken over.
func (c *Collector) renew(ctx context.Context) error {
	err := c.o.Store.Renew(ctx, c.lease, c.leaseTTL())
	if errors.Is(err, scorecard.ErrFenced) {
		c.behind = true
		var lease scorecard.Lease
		if lease, err = c.o.Store.Acquire(ctx, c.o.Owner, c.leaseTTL()); err == nil {
			c.lease = lease
		}
	}
	if err != nil {
		return fmt.Errorf("renewing the grader's lease: %w", err)
	}
	if c.behind {
		return c.catchUp(ctx)
	}
	return nil
}

// catchUp takes over the grading state of the last commit, whoever made it.
func (c *Collector) catchUp(ctx context.Context) error {
	states, err := c.o.Store.States(ctx)
	if err != nil {
		return fmt.Errorf("reading the grading state: %w", err)
	}
	if states == nil {
		states = map[scorecard.Key]*scorecard.State{}
	}
	c.grader.states, c.behind = states, false
	return nil
}

// releaseTimeout is how long the store may take to take the lease back: an end
// comes when stopTimeout and this are over.
const releaseTimeout = time.Second

// release gives the lease back at the end, so that another need not wait.
func (c *Collector) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := c.o.Store.Release(ctx, c.lease); err != nil {
		c.o.Logger.Warn("the grader's lease was not released", "err", err)
	}
}
