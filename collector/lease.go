package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// How the lease is kept.
const (
	leaseTTL     = 10 * time.Second // how long the grader may be silent before another takes over
	leasePoll    = leaseTTL / 5     // how often one that stands by asks for it
	heartbeat    = 3 * time.Second
	leaseTimeout = 2 * time.Second // of one call to the store
	// releaseTimeout is how long the store may take to take the lease back: an
	// end comes when stopTimeout and this are over.
	releaseTimeout = time.Second
)

// grant is a lease that is held.
type grant struct {
	scorecard.Lease
	// regained says that the lease was lost in between: another may have
	// committed, and nothing is committed before that is looked into.
	regained bool
}

// keeper asks for the grading lease and keeps it. A store that is away changes
// nothing: the lease counts as held until the store says otherwise. It is safe
// for concurrent use.
type keeper struct {
	store   Leases
	owner   string
	metrics *metrics
	log     *slog.Logger
	held    atomic.Pointer[grant] // nil: not held

	mu   sync.Mutex // one call at a time
	away awayLog
}

// acquire asks for the lease. It is scorecard.ErrFenced while another holds it.
func (k *keeper) acquire(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.ask(ctx, false)
	k.away.note(k.log, "asking for the grader's lease", err)
	return err
}

func (k *keeper) ask(ctx context.Context, regained bool) error {
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	lease, err := k.store.Acquire(ctx, k.owner, leaseTTL)
	if err != nil {
		return fmt.Errorf("acquiring the grader's lease: %w", err)
	}
	k.set(&grant{lease, regained})
	return nil
}

func (k *keeper) set(g *grant) {
	k.held.Store(g)
	if g == nil {
		k.metrics.leader.Set(0)
		return
	}
	k.metrics.leader.Set(1)
	k.metrics.leaseEpoch.Set(float64(g.Epoch))
}

// beat renews the lease. One that the store refuses was lost, or the store has
// lost it: it is asked for again at once. The lease is not held any more when
// another has it by then.
func (k *keeper) beat(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := k.held.Load()
	if g == nil {
		return
	}
	err := k.renew(ctx, g.Lease)
	if errors.Is(err, scorecard.ErrFenced) {
		if err = k.ask(ctx, true); errors.Is(err, scorecard.ErrFenced) {
			k.set(nil)
			k.log.Warn("the lease was lost to another grader: standing by", "err", err)
			return
		}
	}
	if ctx.Err() == nil {
		k.away.note(k.log, "renewing the grader's lease", err)
	}
}

func (k *keeper) renew(ctx context.Context, lease scorecard.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	if err := k.store.Renew(ctx, lease, leaseTTL); err != nil {
		return fmt.Errorf("renewing the grader's lease: %w", err)
	}
	return nil
}

// keep beats until ctx ends or the lease is lost, and then ends the term.
func (k *keeper) keep(ctx context.Context, end func()) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		k.beat(ctx)
		if k.held.Load() == nil {
			end()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// confirm notes that nobody has committed while a lease was lost.
func (k *keeper) confirm(g *grant) { k.held.CompareAndSwap(g, &grant{Lease: g.Lease}) }

// release gives the lease back, so that another need not wait.
func (k *keeper) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	g := k.held.Load()
	if g == nil {
		return
	}
	k.set(nil)
	if err := k.store.Release(ctx, g.Lease); err != nil {
		k.log.Warn("the grader's lease was not released: another has to wait until it expires", "err", err)
	}
}

// awayLog tells once that the store fails, and once that it answers again. A
// refusal is an answer.
type awayLog struct{ away bool }

func (l *awayLog) note(log *slog.Logger, doing string, err error) {
	away := err != nil && !refused(err) && !errors.Is(err, errAnew)
	switch {
	case away && !l.away:
		log.Error("the store fails; it is tried again until it answers", "while", doing, "err", err)
	case !away && l.away:
		log.Info("the store answers again", "while", doing)
	}
	l.away = away
}
