package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/internal/demo/history"
	"github.com/apgarhq/apgar/internal/demo/instance"
	"github.com/apgarhq/apgar/internal/demo/promserver"
	"github.com/apgarhq/apgar/internal/demo/scraping"
)

// cluster is one Prometheus: a database, and the pool that scrapes into it.
type cluster struct {
	name      string
	dir       string
	instances []*instance.Instance
	options   Options
	logger    *slog.Logger

	db      *tsdb.DB
	pool    *scraping.Pool
	written time.Time // until when the history is written
}

func newCluster(name, dir string, o Options) *cluster {
	return &cluster{name: name, dir: filepath.Join(dir, "data", name), options: o, logger: quiet(o.Logger).With("cluster", name)}
}

// remember writes the cluster's history up to now and opens its database; what the writing itself took is caught up.
func (c *cluster) remember(ctx context.Context, now time.Time) error {
	if len(c.instances) > 0 {
		span := history.Span{From: now.Add(-c.options.History), To: now, Step: c.options.historyStep()}
		if _, err := history.WriteBlock(ctx, c.dir, c.instances, span); err != nil {
			return fmt.Errorf("remembering the past of %s: %w", c.name, err)
		}
	}
	c.written = now
	db, err := tsdb.Open(c.dir, c.logger, nil, c.databaseOptions(), nil)
	if err != nil {
		return fmt.Errorf("opening the database of %s in %s: %w", c.name, c.dir, err)
	}
	c.db = db
	if c.pool, err = scraping.NewPool(c.options.scrapeInterval, c.db, c.logger); err != nil {
		return fmt.Errorf("preparing to scrape %s: %w", c.name, err)
	}
	return c.catchUp(ctx)
}

// databaseOptions are those of a Prometheus whose data need not survive it: no write-ahead log, and blocks that are
// never compacted into larger ones.
func (c *cluster) databaseOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.WALSegmentSize = -1
	o.NoLockfile = true
	o.StripeSize = 1 << 12
	o.MinBlockDuration = (2 * time.Hour).Milliseconds()
	o.MaxBlockDuration = o.MinBlockDuration
	o.RetentionDuration = (c.options.History + 48*time.Hour).Milliseconds()
	return o
}

// catchUp appends what would have been scraped since the history was written.
func (c *cluster) catchUp(ctx context.Context) error {
	now := c.options.Now()
	span := history.Span{From: c.written, To: now, Step: c.options.historyStep()}
	if err := history.Append(ctx, c.db, c.instances, span); err != nil {
		return fmt.Errorf("catching up with the history of %s: %w", c.name, err)
	}
	c.written = now
	return nil
}

// targets returns the cluster's instances as scrape targets of the listener that exposes them.
func (c *cluster) targets(exposedAt string) []scraping.Target {
	targets := make([]scraping.Target, 0, len(c.instances))
	for _, i := range c.instances {
		targets = append(targets, scraping.Target{Address: exposedAt, Path: i.Path(), Labels: i.TargetLabels()})
	}
	return targets
}

// run scrapes the targets until ctx ends.
func (c *cluster) run(ctx context.Context, targets []scraping.Target) error {
	if err := c.catchUp(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.pool.Run(ctx) })
	group.Go(func() error {
		if err := c.pool.SetTargets(ctx, targets); err != nil && ctx.Err() == nil {
			return fmt.Errorf("setting the targets of %s: %w", c.name, err)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("scraping %s: %w", c.name, err)
	}
	return nil
}

// metadata describes the metrics of the cluster: those of the instances from the first moment, others once scraped.
func (c *cluster) metadata() []promserver.Metadata {
	var found []promserver.Metadata
	known := map[string]bool{}
	if len(c.instances) > 0 {
		for _, m := range instance.Metrics() {
			known[m.Name] = true
			found = append(found, promserver.Metadata{Name: m.Name, Type: m.Type, Help: m.Help})
		}
	}
	for _, m := range c.pool.Metadata() {
		if !known[m.Name] {
			found = append(found, promserver.Metadata{Name: m.Name, Type: m.Type, Help: m.Help, Unit: m.Unit})
		}
	}
	return found
}

func closeAll(clusters []*cluster) error {
	var errs []error
	for _, c := range clusters {
		if c.db == nil {
			continue
		}
		if err := c.db.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the database of %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}
