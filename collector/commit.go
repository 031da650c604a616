package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// mostStoreTime is how long a tick waits for what it reads from the store, and
// at first for the commit, unless ticks are shorter.
const mostStoreTime = 5 * time.Second

func (c *Collector) storeTimeout() time.Duration { return min(mostStoreTime, c.o.Plan.Interval/2) }

// errAnew says that another grader has committed since this one did.
var errAnew = errors.New("another grader has committed in between")

// sure returns the lease to commit with. When a commit may have been taken
// without its being known here, or the lease was lost for a while, the store is
// asked first: it tells whose the newest commit is. If it is another's, the
// memory is not ready any more.
func (c *Collector) sure(ctx context.Context) (scorecard.Lease, error) {
	g := c.keeper.held.Load()
	if g == nil {
		c.ready = false
		return scorecard.Lease{}, fmt.Errorf("committing a tick: %w", scorecard.ErrFenced)
	}
	if !g.regained && c.attempt == nil && !c.behind {
		return g.Lease, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.storeTimeout())
	defer cancel()
	err := c.o.Store.Sync(ctx)
	lost := errors.Is(err, scorecard.ErrForgotten)
	if err != nil && !lost {
		return scorecard.Lease{}, fmt.Errorf("asking the store for the newest commit: %w", err)
	}
	newest := c.o.Store.Snapshot()
	lost = lost || newest == nil
	switch {
	case lost: // whose the newest commit was is not known any more, and does not matter
	case c.attempt != nil && markOf(newest) == c.attempt.mark:
		c.took(c.attempt.mark, c.attempt.cards)
	case markOf(newest) != c.committed:
		c.ready = false
		return scorecard.Lease{}, errAnew
	}
	if lost || g.regained {
		c.unsave() // what forgot the lease may have forgotten more
	}
	c.attempt, c.behind = nil, false
	c.keeper.confirm(g)
	return g.Lease, nil
}

// addDeltas fills in how far scores have moved. A store that cannot say so
// leaves them out; the error is that it took too long.
func (c *Collector) addDeltas(ctx context.Context, cards []*scorecard.Scorecard, tick time.Time) error {
	limited, cancel := context.WithTimeout(ctx, c.storeTimeout())
	defer cancel()
	err := setDeltas(limited, cards, tick, c.o.Store)
	if ctx.Err() == nil { // an end is no failure of the store
		c.scoresLog.note(c.o.Logger, "reading earlier scores", err)
	}
	if limited.Err() == nil {
		return nil
	}
	return err
}

// commit hands a tick to the store, and once more when the lease had to be got
// back.
func (c *Collector) commit(ctx context.Context, lease scorecard.Lease, s *scorecard.Snapshot) error {
	err := c.handIn(ctx, lease, s)
	if errors.Is(err, scorecard.ErrFenced) {
		return c.commitAgain(ctx, lease, s, err)
	}
	return err
}

// handIn hands a tick to the store, and once more with the whole ledger when
// the store has forgotten what came before.
func (c *Collector) handIn(ctx context.Context, lease scorecard.Lease, s *scorecard.Snapshot) error {
	err := c.send(ctx, lease, s)
	if errors.Is(err, scorecard.ErrForgotten) {
		c.count(err)
		c.o.Logger.Error("the store has lost what was committed before: all that is known here is handed over again; history that is lost stays so", "err", err)
		c.unsave()
		return c.send(ctx, lease, s)
	}
	return err
}

// commitAgain finds out whose the lease is after the store has refused it, and
// commits if it is this collector's after all.
func (c *Collector) commitAgain(ctx context.Context, lease scorecard.Lease, s *scorecard.Snapshot, refusal error) error {
	c.keeper.beat(ctx)
	again, err := c.sure(ctx)
	switch {
	case err != nil:
		return err
	case again == lease:
		return refusal
	}
	c.count(refusal)
	return c.handIn(ctx, again, s)
}

func (c *Collector) send(ctx context.Context, lease scorecard.Lease, s *scorecard.Snapshot) error {
	pages := c.pages()
	limited, cancel := context.WithTimeout(ctx, c.pace.limit(c.storeTimeout())+timeFor(pages))
	defer cancel()
	began := time.Now()
	err := c.o.Store.Commit(limited, scorecard.Commit{
		Epoch: lease.Epoch, Owner: lease.Owner, Snapshot: s,
		Changes: scorecard.Diff(c.last, s.Scorecards, s.Tick), States: c.grader.States(),
		Backlog: c.backlog, Ledger: pages,
	})
	c.pace.note(time.Since(began), err, c.storeTimeout(), c.o.Plan.Interval)
	at := mark{lease.Epoch, s.Tick.UnixNano()}
	switch {
	case err == nil:
		c.markSaved(pages)
		c.took(at, s.Scorecards)
	case !refused(err):
		c.attempt = &attempt{at, s.Scorecards}
	}
	return err
}

// A store that is slow, and yet not as good as away, takes so many bytes in a
// second; the whole ledger is waited for, but no longer than that.
const (
	slowStore     = 8 << 20
	mostPagesTime = 30 * time.Second
)

// timeFor is how much longer a commit may take because of its pages. Those of
// a tick are few; a store that has lost the ledger is sent all of it.
func timeFor(pages []slo.Page) time.Duration {
	bytes := 0
	for _, p := range pages {
		bytes += len(p.Data)
	}
	return min(mostPagesTime, time.Duration(bytes)*time.Second/slowStore)
}

// pages returns what of the ledger, and of what was asked, the store does not
// have.
func (c *Collector) pages() []slo.Page {
	if c.o.Volatile {
		return nil
	}
	pages := c.ledger.Pages()
	if own := c.agenda.Page(c.sources); own.Version != c.saved {
		pages = append(pages, own)
	}
	return pages
}

// markSaved notes that the store has pages.
func (c *Collector) markSaved(pages []slo.Page) {
	if n := len(pages); n > 0 && pages[n-1].PageKey == agenda.PageKey() {
		c.saved = pages[n-1].Version
		pages = pages[:n-1]
	}
	c.ledger.Saved(pages)
}

// unsave has all pages go with the next commit.
func (c *Collector) unsave() {
	c.ledger.Unsave()
	c.saved = ""
}

// refused reports that the store certainly has not taken a commit.
func refused(err error) bool {
	return errors.Is(err, scorecard.ErrFenced) || errors.Is(err, scorecard.ErrOldTick) ||
		errors.Is(err, scorecard.ErrFutureTick) || errors.Is(err, scorecard.ErrForgotten)
}

// settle draws the consequences of a commit, or of its failure. When another
// grader has committed this tick, the changes up to it are told already.
func (c *Collector) settle(ctx context.Context, s *scorecard.Snapshot, err error) {
	if ctx.Err() == nil {
		c.storeLog.note(c.o.Logger, "committing a tick", err)
	}
	switch {
	case err == nil:
		c.count(err)
		c.metrics.ticks.Inc()
		c.metrics.lastTick.Set(float64(s.Tick.Unix()))
	case errors.Is(err, scorecard.ErrFenced), errors.Is(err, errAnew):
		_ = c.leftToAnother(s.Tick, err)
	case errors.Is(err, scorecard.ErrOldTick):
		c.behind = true
		_ = c.leftToAnother(s.Tick, err)
	case errors.Is(err, scorecard.ErrFutureTick):
		c.count(err)
		c.o.Logger.Error("the tick was dropped, for a clock is wrong", "tick", s.Tick, "err", err)
	default:
		c.missedOut(scorecard.HistoryOf(s))
		if ctx.Err() == nil {
			c.count(err)
			if c.o.Uncommitted != nil {
				c.o.Uncommitted(s)
			}
		}
	}
	c.metrics.backlog.Set(float64(len(c.backlog)))
}

// leftToAnother tells that a tick was not this collector's to commit.
func (c *Collector) leftToAnother(tick time.Time, err error) error {
	c.count(err)
	c.o.Logger.Warn("the tick was left to another grader", "tick", tick, "err", err)
	return err
}

func (c *Collector) count(err error) { c.metrics.commits.WithLabelValues(commitResult(err)).Inc() }

// outcome is what metrics call a commit with an error.
type outcome struct {
	result string
	err    error
}

// outcomes are those with a name of their own, beside "ok" and "error".
func outcomes() []outcome {
	return []outcome{
		{"fenced", scorecard.ErrFenced},
		{"fenced", errAnew},
		{"old_tick", scorecard.ErrOldTick},
		{"future_tick", scorecard.ErrFutureTick},
		{"forgotten", scorecard.ErrForgotten},
		{"timeout", context.DeadlineExceeded},
	}
}

func commitResult(err error) string {
	if err == nil {
		return "ok"
	}
	for _, o := range outcomes() {
		if errors.Is(err, o.err) {
			return o.result
		}
	}
	return "error"
}

// commitResults are what commitResult may return.
func commitResults() []string {
	results := []string{"ok", "error"}
	for _, o := range outcomes() {
		results = append(results, o.result)
	}
	return results
}
