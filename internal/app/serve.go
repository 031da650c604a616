package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/exporter"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/scorecard"
)

// The targets of serve that this version has: what of the service a process is.
const (
	targetAll = "all"
	targetAPI = "api"
)

// ServeOptions are those of the serve command.
type ServeOptions struct {
	ConfigFile string
	Target     string // "" is all
	Web        Web
	Logger     *slog.Logger
	Hangups    <-chan os.Signal // each asks for the configuration to be read anew; nil: nobody does
}

// stopTimeout is how long requests in flight may take to end.
const stopTimeout = 3 * time.Second

// Serve runs the service until ctx ends.
func Serve(ctx context.Context, o ServeOptions) error {
	s, err := newService(o, serviceExtras{})
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx)
}

// service is the process: a store, the API over it, and, unless it only shows
// what others commit, an engine that collects and grades.
type service struct {
	log      *slog.Logger
	registry *prometheus.Registry
	store    *openStore
	reader   *reader
	engine   *engine       // nil: it only shows
	reload   *reloading    // nil where there is no engine
	waivers  *waiverWatch  // as well
	ahead    chan struct{} // holds an element when something was graded and not committed
	web      *webServer
	api      *api.Server
}

// serviceExtras are what the demo adds to a service.
type serviceExtras struct {
	replay time.Duration
	links  []api.Link
}

// newService builds all parts. Nothing runs yet but the listener.
func newService(o ServeOptions, extras serviceExtras) (*service, error) {
	read := config.Load
	if o.Target == targetAPI {
		read = config.LoadForReaders
	}
	cfg, err := readConfig(o.ConfigFile, read, o.Logger)
	if err != nil {
		return nil, err
	}
	if err := checkTarget(o, cfg); err != nil {
		return nil, err
	}
	s := &service{log: o.Logger, registry: newRegistry(), ahead: make(chan struct{}, 1)}
	if err := s.build(o, cfg, extras); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// checkTarget refuses what cannot be run, or not without a store that others
// share.
func checkTarget(o ServeOptions, cfg *config.Config) error {
	switch o.Target {
	case "", targetAll:
		return nil
	case targetAPI:
		if cfg.Redis == nil {
			return fmt.Errorf("--target=%s runs a part of the service, and parts meet in Redis: %s has no redis section", o.Target, o.ConfigFile)
		}
		return nil
	}
	return fmt.Errorf("--target=%s is not available in this version, in which one process gathers and grades: run it with --target=%s, and others with --target=%s",
		o.Target, targetAll, targetAPI)
}

func (s *service) build(o ServeOptions, cfg *config.Config, extras serviceExtras) (err error) {
	if s.store, err = newStore(cfg, s.registry, s.log); err != nil {
		return err
	}
	s.reader = &reader{store: s.store, now: time.Now}
	if o.Target != targetAPI {
		if err := s.buildEngine(o, cfg, extras.replay); err != nil {
			return err
		}
	}
	if err := s.buildAPI(cfg, extras.links); err != nil {
		return err
	}
	s.web, err = listen(o.Web, api.HTTPServer(s.api.Handler()), s.log)
	if err != nil {
		return err
	}
	s.web.server.RegisterOnShutdown(s.api.EndStreams)
	return nil
}

// buildEngine builds what collects and grades, and what reloads it.
func (s *service) buildEngine(o ServeOptions, cfg *config.Config, replay time.Duration) error {
	r, err := newReloading(cfg, s.registry, s.log, o.Hangups)
	if err != nil {
		return err
	}
	setup, err := prepare(cfg, s.registry, s.log, tolerate(s.log))
	if err != nil {
		return err
	}
	s.engine, err = newEngine(setup, engineOptions{
		store: s.store, owner: owner(), replay: replay, uncommitted: s.uncommitted, registerer: s.registry, log: s.log,
	})
	if err != nil {
		setup.close()
		return err
	}
	r.force(setup, s.engine)
	s.reload, s.waivers = r, newWaiverWatch(s.registry, s.log)
	return nil
}

func (s *service) buildAPI(cfg *config.Config, links []api.Link) (err error) {
	cards := exporter.New(s.reader.snapshot, exporter.Options{SeriesLimit: cfg.Exporter.SeriesLimit, Logger: s.log})
	o := api.Options{
		Reader: s.reader, History: s.store, Changes: s.store, ScorecardMetrics: cards.Handler(),
		Gatherer: s.registry, Registerer: s.registry, Logger: s.log, ExternalURL: cfg.Global.ExternalURL,
		Version: version.Version, Links: links,
	}
	if s.reload != nil {
		o.Reload = s.reload.now
	}
	if s.api, err = api.New(o); err != nil {
		return fmt.Errorf("building the API: %w", err)
	}
	return nil
}

// uncommitted shows what was graded and not committed. It is called by the
// goroutine that grades, which does not wait for the API.
func (s *service) uncommitted(snap *scorecard.Snapshot) {
	s.reader.uncommitted(snap)
	select {
	case s.ahead <- struct{}{}:
	default:
	}
}

// url is where this machine reaches the API.
func (s *service) url() string { return s.web.url() }

// run serves, follows and collects until ctx ends or one of them fails.
func (s *service) run(ctx context.Context) error {
	var group run.Group
	group.Add(s.web.serve, func(error) { s.web.stop() })
	addActor(ctx, &group, s.store.run)
	addActor(ctx, &group, s.prepareCommitted)
	addActor(ctx, &group, s.prepareAhead)
	if s.engine != nil {
		addActor(ctx, &group, s.engine.run)
		addActor(ctx, &group, s.reload.run)
	}
	addActor(ctx, &group, func(ctx context.Context) error { <-ctx.Done(); return nil })
	return group.Run()
}

// newRegistry returns a registry with the metrics of every Go program.
func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("apgar"),
	)
	return reg
}

// addActor adds an actor that runs until its context ends.
func addActor(ctx context.Context, group *run.Group, actor func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	group.Add(func() error { return actor(ctx) }, func(error) { cancel() })
}

// prepareCommitted has the API build what it serves of each generation as soon
// as it is there, so that no request has to.
func (s *service) prepareCommitted(ctx context.Context) error {
	for generation := uint64(0); ; {
		next, err := s.store.Wait(ctx, generation)
		if err != nil {
			return nil // only the end of ctx ends the wait
		}
		generation = next
		s.api.Prepare()
		if snap := s.store.Snapshot(); s.engine != nil && snap != nil {
			s.waivers.look(s.engine.setup().waivers, snap)
		}
	}
}

// prepareAhead does the same for what was graded and not committed.
func (s *service) prepareAhead(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.ahead:
			s.api.Prepare()
		}
	}
}

// close gives back what build acquired. It may be called while only some of
// it is there.
func (s *service) close() {
	if s.web != nil {
		s.web.close()
	}
	if s.engine != nil {
		s.engine.close()
	}
	if s.store != nil {
		if err := s.store.close(); err != nil {
			s.log.Warn("the store was not closed", "err", err)
		}
	}
}
