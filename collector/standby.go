package collector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// How the store is read.
const (
	followTimeout   = 5 * time.Second  // of one reading while standing by: what is left over comes next time
	takeOverTimeout = 30 * time.Second // of one reading while taking over
	takeOverPause   = time.Second      // before the next, when one has failed
)

// standBy asks for the lease until it is granted, and keeps the memory warm
// until then. It reports false when ctx has ended.
func (c *Collector) standBy(ctx context.Context) bool {
	for held := false; ctx.Err() == nil; { // held by another, as the store said last
		switch err := c.keeper.acquire(ctx); {
		case err == nil:
			return true
		case errors.Is(err, scorecard.ErrFenced):
			if !held {
				c.o.Logger.Info("another grader holds the lease: standing by", "err", err)
				held = true
			}
			c.follow(ctx)
		case held:
			c.giveWay(ctx)
		}
		sleepUntil(ctx, time.Now().Add(leasePoll))
	}
	return false
}

// giveWay waits until a store that went away answers again, and then for as
// long as a lease lasts. Who held it has graded meanwhile, and has what belongs
// into history: it is to renew the lease first, even if that has expired.
func (c *Collector) giveWay(ctx context.Context) {
	for !c.answers(ctx) {
		if !sleepUntil(ctx, time.Now().Add(leasePoll)) {
			return
		}
	}
	sleepUntil(ctx, time.Now().Add(leaseTTL))
}

// answers reports whether the store can be asked.
func (c *Collector) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	err := c.o.Store.Sync(ctx)
	return err == nil || errors.Is(err, scorecard.ErrForgotten)
}

// follow reads what was committed since it was called last.
func (c *Collector) follow(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	if err := c.load(limited, false); ctx.Err() == nil {
		c.storeLog.note(c.o.Logger, "following another grader", err)
	}
}

// takeOver brings the memory up to the newest commit, however long the store is
// away, and makes it that of the grader. It reports false when ctx has ended.
func (c *Collector) takeOver(ctx context.Context) bool {
	for {
		limited, cancel := context.WithTimeout(ctx, takeOverTimeout)
		err := c.load(limited, true)
		cancel()
		if ctx.Err() != nil {
			return false
		}
		c.storeLog.note(c.o.Logger, "taking over", err)
		if err == nil {
			break
		}
		if !sleepUntil(ctx, time.Now().Add(takeOverPause)) {
			return false
		}
	}
	c.settleIn()
	c.metrics.takeovers.Inc()
	if c.lastTick.IsZero() {
		c.o.Logger.Info("grading begins")
	} else {
		c.o.Logger.Info("grading begins", "after_tick", c.lastTick, "late_services", c.agenda.LateServices())
	}
	return true
}

// load brings the memory up to the newest commit. What it has read before an
// error counts, and it goes on from there. When the store has lost everything
// the memory stands; whether it has is looked into if the store is to be
// committed to.
func (c *Collector) load(ctx context.Context, committing bool) error {
	switch err := c.o.Store.Sync(ctx); {
	case errors.Is(err, scorecard.ErrForgotten) && committing:
		c.o.Logger.Error("the newest commit in the store is damaged: grading goes on from what can be read, and hands over everything", "err", err)
		return c.salvage(ctx)
	case err != nil:
		return fmt.Errorf("asking the store for the newest commit: %w", err)
	}
	newest := c.o.Store.Snapshot()
	if newest == nil || versionOf(newest) == c.loaded {
		if committing {
			return c.compare(ctx)
		}
		return nil
	}
	states, err := c.readStates(ctx)
	if err != nil {
		return err
	}
	c.newRing = newest.Interval != c.o.Plan.Interval
	if err := c.loadPages(ctx); err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	c.states, c.last, c.lastTick, c.roster = states, newest.Scorecards, newest.Tick, rosterOf(newest)
	c.committed, c.loaded = markOf(newest), versionOf(newest)
	return nil
}

// salvage reads what can be read of a store whose newest commit is damaged.
// Which tick that was is not known, and the next commit brings everything.
func (c *Collector) salvage(ctx context.Context) error {
	states, err := c.readStates(ctx)
	if err != nil {
		return err
	}
	if err := c.loadPages(ctx); err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	c.states, c.newRing = states, true
	c.unsave()
	return nil
}

func (c *Collector) readStates(ctx context.Context) (map[scorecard.Key]*scorecard.State, error) {
	states, err := c.o.Store.States(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the grading state: %w", err)
	}
	if states == nil {
		states = map[scorecard.Key]*scorecard.State{}
	}
	return states, nil
}

func rosterOf(s *scorecard.Snapshot) []string {
	if s.Catalog == nil {
		return nil
	}
	services := s.Catalog.Services()
	names := make([]string, len(services))
	for i, service := range services {
		names[i] = service.ID.String()
	}
	return names
}

// loadPages reads the pages that have changed. The collector's own comes last:
// it must not say of more than was read that it is there.
func (c *Collector) loadPages(ctx context.Context) error {
	if c.o.Volatile {
		c.newRing = true
		return nil
	}
	own := slo.Page{PageKey: agenda.PageKey(), Version: c.saved}
	err := c.o.Store.Pages(ctx, c.have(), func(p slo.Page) error {
		if p.PageKey == own.PageKey {
			own = p
		} else {
			c.loadPage(p)
		}
		return ctx.Err()
	})
	if c.lostSome = errors.Is(err, scorecard.ErrForgotten); c.lostSome {
		c.metrics.pageErrors.Inc()
	} else if err != nil {
		return err
	}
	if own.Version == c.saved {
		return nil
	}
	c.saved = own.Version
	switch {
	case own.Version == "":
		c.agenda = agenda.New()
	case own.Data == nil:
		c.pageFailed(own, errors.New("the store has lost what is in it"))
	default:
		if err := c.agenda.Load(own.Data, c.sources); err != nil {
			c.pageFailed(own, err)
		}
	}
	return nil
}

// have returns the versions of the pages that are known as the store has them.
func (c *Collector) have() map[slo.PageKey]string {
	have := c.ledger.Versions()
	maps.Copy(have, c.unread)
	if c.saved != "" {
		have[agenda.PageKey()] = c.saved
	}
	return have
}

// compare looks whether the store still has the pages that were read from it,
// and has them all handed over if it has not.
func (c *Collector) compare(ctx context.Context) error {
	if c.o.Volatile {
		return nil
	}
	gone := false
	err := c.o.Store.Pages(ctx, c.have(), func(p slo.Page) error {
		gone = gone || p.Version == ""
		return ctx.Err()
	})
	if gone || errors.Is(err, scorecard.ErrForgotten) {
		c.unsave()
		return nil
	}
	return err
}

func (c *Collector) loadPage(p slo.Page) {
	if p.Version != "" && p.Data == nil {
		p.Data = []byte{} // lost: it is there, and cannot be read
	}
	if _, err := c.ledger.Load(p); err != nil {
		c.pageFailed(p, err)
		return
	}
	delete(c.unread, p.PageKey)
}

// pageFailed notes a page that cannot be read: what was in it is missing.
func (c *Collector) pageFailed(p slo.Page, err error) {
	c.unread[p.PageKey] = p.Version
	c.metrics.pageErrors.Inc()
	c.o.Logger.Error("a page of the ledger cannot be read, and sources are asked again about what was in it",
		"shard", p.Shard, "page", p.Name, "err", err)
}

// settleIn makes the memory that of the plan and of the grader.
func (c *Collector) settleIn() {
	p := c.o.Plan
	for _, service := range c.roster {
		if !p.Has(service) {
			c.agenda.Leave(service)
		}
	}
	c.findLate()
	if !c.lastTick.IsZero() {
		c.agenda.Tidy(p, c.lastTick.Unix())
		// Of the newest slots, answers to come later were not heard, or not stored.
		for i := range time.Duration(3) {
			c.agenda.NoteHole(c.lastTick.Truncate(slo.SlotLength).Add(-i*slo.SlotLength), agenda.LackAll(len(c.sources)))
		}
	}
	c.ledger.Keep(func(sli string) bool { return p.Asks(sli) || c.agenda.Knows(sli) })
	c.ledger.KeepServices(func(service string) bool {
		return c.agenda.HasLate(service) || p.Has(service)
	})
	c.grader.Use(c.ledger, c.states)
	c.states = nil
	c.roster, c.ready = p.Roster(), true
}

// findLate finds the services that are in no ledger yet although others are:
// they are new, or newly graded by something, or their page is lost.
func (c *Collector) findLate() {
	if c.lostSome { // there is no telling what
		c.unsave()
		c.agenda.Forget()
		c.lostSome = false
	}
	lost := map[int]bool{}
	for key := range c.unread {
		lost[key.Shard] = true
	}
	c.unread = map[slo.PageKey]string{}
	for i := range c.o.Plan.SLIs {
		s := &c.o.Plan.SLIs[i]
		if !c.agenda.Knows(s.Hash) {
			continue
		}
		for service, applies := range s.Applies {
			if name := c.o.Plan.Services[service].ID.String(); applies && (lost[slo.ShardOf(name)] || !c.ledger.Has(s.Hash, name)) {
				c.agenda.AddLate(name)
			}
		}
	}
	c.newRing = c.newRing || c.agenda.Empty()
}

// forget begins with nothing.
func (c *Collector) forget() {
	c.memory = newMemory(c.o.Plan.Interval)
	c.metrics.backlog.Set(0)
	c.metrics.backfillLeft.Set(0)
	for _, m := range []*prometheus.GaugeVec{c.metrics.scorecards, c.metrics.queries, c.metrics.unmatched} {
		m.Reset() // another grader tells of these now
	}
}
