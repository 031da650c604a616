package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/internal/reload"
)

// reloading reads the configuration anew when it is asked to or when a file
// has changed, and puts it into force if all of it is sound.
type reloading struct {
	engine   *engine
	registry prometheus.Registerer
	log      *slog.Logger
	hangups  <-chan os.Signal
	path     string // of the configuration, absolute
	inForce  *setup
	guard    reload.ShrinkGuard
	watcher  *reload.Watcher
	reloader *reload.Reloader
}

// newReloading prepares to reload a configuration, and watches what it names
// from now on: call it before that is read, and force after.
func newReloading(cfg *config.Config, reg prometheus.Registerer, log *slog.Logger, hangups <-chan os.Signal) (*reloading, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("watching the configuration %s: %w", cfg.Path, err)
	}
	r := &reloading{registry: reg, log: log, hangups: hangups, path: path}
	r.reloader, err = reload.New(reload.Options{Load: r.load, Logger: log, Registerer: reg})
	if err != nil {
		return nil, err
	}
	r.watcher, err = reload.NewWatcher(reload.WatcherOptions{
		Expand:  func(patterns []string) []string { paths, _ := file.Expand(patterns, ""); return paths },
		Changed: func() { r.reloader.Trigger("a file has changed") },
		Logger:  log, Registerer: reg,
	})
	if err != nil {
		return nil, err
	}
	r.follow(cfg)
	return r, nil
}

// force says what is in force, and what forces another one.
func (r *reloading) force(s *setup, e *engine) { r.inForce, r.engine = s, e }

// follow watches what a configuration names.
func (r *reloading) follow(cfg *config.Config) {
	var patterns []string
	for _, list := range [][]string{cfg.Catalog.Files, cfg.Rubrics.Files, cfg.Rubrics.Waivers} {
		for _, pattern := range list {
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(r.path), pattern)
			}
			patterns = append(patterns, pattern)
		}
	}
	r.watcher.Follow([]string{r.path}, patterns)
}

// now reloads and returns what came of it.
func (r *reloading) now(ctx context.Context) error { return r.reloader.Reload(ctx, "POST /-/reload") }

// run reloads whenever there is a reason to, until ctx ends.
func (r *reloading) run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { _ = r.watcher.Run(ctx) })
	parts.Go(func() { r.heed(ctx) })
	err := r.reloader.Run(ctx)
	parts.Wait()
	return err
}

// heed reloads at each hangup.
func (r *reloading) heed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-r.hangups:
			if !open {
				return
			}
			r.reloader.Trigger("SIGHUP")
		}
	}
}

// load does all that can fail, and then swaps.
func (r *reloading) load(ctx context.Context) error {
	r.watcher.Refresh()
	cfg, err := readConfig(r.path, config.Load, r.log)
	if err != nil {
		return err
	}
	r.follow(cfg)
	next, err := prepare(cfg, r.registry, r.log, r.accept)
	if err != nil {
		return err
	}
	plan, err := next.plan(nil)
	if err != nil {
		next.close()
		return err
	}
	if err := r.guard.Admit(idsOf(r.inForce.catalog), idsOf(next.catalog), next.catalog.Version()); err != nil {
		next.close()
		return err
	}
	r.remind(cfg)
	if err := r.engine.swap(ctx, next, plan); err != nil {
		return err
	}
	r.inForce = next
	return nil
}

// accept refuses what a start would go on without: a rubric or a waiver with a
// mistake, and a catalog file with a mistake that takes services away. Other
// entries with a mistake are left out, as at a start.
func (r *reloading) accept(next *setup, f findings) error {
	if err := failed(slices.Concat(f.rubrics, f.waivers)); err != nil {
		return err
	}
	if lost := servicesLost(r.inForce.catalog, next.catalog, f.catalog); len(lost) > 0 {
		const shown = 5
		more := ""
		if len(lost) > shown {
			more = fmt.Sprintf(" and %d more", len(lost)-shown)
		}
		return errors.Join(failed(f.catalog), fmt.Errorf("files with these mistakes had services that would be gone: %s%s",
			strings.Join(lost[:min(len(lost), shown)], ", "), more))
	}
	return tolerate(r.log)(next, f)
}

// servicesLost lists the services of a catalog that the next one does not have
// and that came from files in which there is a mistake now.
func servicesLost(now, next *catalog.Snapshot, problems []catalog.Problem) []string {
	bad := map[string]bool{}
	for _, p := range problems {
		if !p.Warning {
			bad[p.Position.File] = true
		}
	}
	var lost []string
	for _, s := range now.Services() {
		if _, stays := next.Service(s.ID); !stays && bad[s.Position.File] {
			lost = append(lost, s.ID.String())
		}
	}
	return lost
}

func idsOf(s *catalog.Snapshot) []string {
	ids := make([]string, s.Len())
	for i, service := range s.Services() {
		ids[i] = service.ID.String()
	}
	return ids
}

// remind says what of a configuration a reload does not change.
func (r *reloading) remind(cfg *config.Config) {
	was := r.inForce.config
	for _, part := range []struct {
		name    string
		changed bool
	}{
		{"redis", !reflect.DeepEqual(was.Redis, cfg.Redis)},
		{"exporter", was.Exporter != cfg.Exporter},
		{"global.external_url", was.Global.ExternalURL != cfg.Global.ExternalURL},
	} {
		if part.changed {
			r.log.Warn("a part of the configuration has changed and needs a restart to be put into force", "part", part.name)
		}
	}
}
