package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/internal/demo/fleet"
	"github.com/apgarhq/apgar/internal/demo/instance"
	"github.com/apgarhq/apgar/internal/demo/promserver"
	"github.com/apgarhq/apgar/internal/demo/scraping"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// platform is the name of the Prometheus that scrapes Apgar and the demo itself.
const platform = "platform"

// world is the fleet at work: its instances, and a Prometheus per cluster.
type world struct {
	options   Options
	registry  *prometheus.Registry
	clusters  []*cluster // those of the fleet, then platform
	exposedAt string     // set by run

	mu       sync.Mutex
	episodes map[string][]traffic.Episode // by service
	runs     map[string][]*instance.Instance
}

func newWorld(o Options, f *fleet.Fleet, dir string) (*world, error) {
	w := &world{
		options:  o,
		registry: prometheus.NewRegistry(),
		runs:     map[string][]*instance.Instance{},
	}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := w.registry.Register(c); err != nil {
			return nil, fmt.Errorf("registering the demo's own metrics: %w", err)
		}
	}
	byName := map[string]*cluster{}
	for _, name := range append(fleet.Clusters(), platform) {
		c := newCluster(name, dir, o)
		byName[name] = c
		w.clusters = append(w.clusters, c)
	}
	now := o.Now()
	w.episodes = past(o.Seed, f, now, o.History)
	for _, s := range f.Services {
		for _, i := range s.Instances {
			one := instance.New(i.Cluster, s.Name, i.Name, i.Load, now)
			one.SetEpisodes(w.episodes[s.Name])
			w.runs[s.Name] = append(w.runs[s.Name], one)
			byName[i.Cluster].instances = append(byName[i.Cluster].instances, one)
		}
	}
	return w, nil
}

// remember writes the past of every cluster and opens its database.
func (w *world) remember(ctx context.Context) error {
	now := w.options.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range w.clusters {
		group.Go(func() error { return c.remember(ctx, now) })
	}
	return group.Wait()
}

func (w *world) close() error { return closeAll(w.clusters) }

// handler exposes the metrics of every instance.
func (w *world) handler() http.Handler {
	var all []*instance.Instance
	for _, c := range w.clusters {
		all = append(all, c.instances...)
	}
	return instance.NewHandler(all, w.options.Now, w.options.Logger)
}

func (w *world) databases() []promserver.Database {
	var found []promserver.Database
	for _, c := range w.clusters {
		found = append(found, promserver.Database{Name: c.name, Queryable: c.db, Metadata: c.metadata})
	}
	return found
}

// run scrapes every cluster and carries the script out until ctx ends.
func (w *world) run(ctx context.Context, own []scraping.Target, exposedAt string, s *script) error {
	w.exposedAt = exposedAt
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range w.clusters {
		targets := c.targets(exposedAt)
		if c.name == platform {
			targets = own
		}
		group.Go(func() error { return c.run(ctx, targets) })
	}
	group.Go(func() error { return s.run(ctx) })
	return group.Wait()
}

// addEpisode implements effects.
func (w *world) addEpisode(service string, e traffic.Episode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.episodes[service] = append(w.episodes[service], e)
	for _, i := range w.runs[service] {
		i.SetEpisodes(w.episodes[service])
	}
}

// setScraped implements effects.
func (w *world) setScraped(ctx context.Context, name string, scraped bool) error {
	for _, c := range w.clusters {
		if c.name != name {
			continue
		}
		if !scraped {
			return c.pool.SetTargets(ctx, nil)
		}
		return c.pool.SetTargets(ctx, c.targets(w.exposedAt))
	}
	return fmt.Errorf("there is no cluster %q", name)
}

// platformTargets are Apgar, if its URL is known, and the demo's own metrics.
func platformTargets(apgarURL, ownURL string) []scraping.Target {
	target := func(base, path, job string) []scraping.Target {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" {
			return nil
		}
		return []scraping.Target{{Address: u.Host, Path: path, Labels: map[string]string{
			"job": job, "instance": u.Host, "metrics_path": path,
		}}}
	}
	targets := target(ownURL, "/metrics", "demo")
	targets = append(targets, target(apgarURL, "/metrics", "apgar")...)
	return append(targets, target(apgarURL, "/metrics/scorecards", "apgar")...)
}

// quiet keeps what Prometheus says about its everyday work out of the demo's log.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(warningsOnly{l.Handler()}) }

type warningsOnly struct{ slog.Handler }

// Enabled reports whether the record is a warning or worse.
func (h warningsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the restriction.
func (h warningsOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warningsOnly{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the restriction.
func (h warningsOnly) WithGroup(name string) slog.Handler {
	return warningsOnly{h.Handler.WithGroup(name)}
}
