package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/exporter"
	"github.com/apgarhq/apgar/store/memstore"
)

// Web says where and how to listen.
type Web struct {
	ListenAddress string
	// ConfigFile is an exporter-toolkit web configuration (TLS, basic auth), or "".
	ConfigFile string
}

// tls reports whether the web configuration has a section for it. What else a
// file holds, such as users, goes with plain HTTP.
func (w Web) tls() bool {
	if w.ConfigFile == "" {
		return false
	}
	data, err := os.ReadFile(w.ConfigFile)
	if err != nil {
		return false
	}
	var file struct {
		TLS map[string]any `yaml:"tls_server_config"`
	}
	return yaml.Unmarshal(data, &file) == nil && len(file.TLS) > 0
}

// ServeOptions are those of the serve command.
type ServeOptions struct {
	ConfigFile string
	Target     string
	Web        Web
	Logger     *slog.Logger
	Hangups    <-chan os.Signal // each asks for the configuration to be read anew; nil: nobody does
}

// stopTimeout is how long requests in flight may take to end.
const stopTimeout = 3 * time.Second

// Serve runs the service until ctx ends.
func Serve(ctx context.Context, o ServeOptions) error {
	s, err := newService(o)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx)
}

// service is the process: a collector, a store and the API over it.
type service struct {
	setup     *setup
	log       *slog.Logger
	hangups   <-chan os.Signal
	web       Web
	listener  net.Listener
	api       *api.Server
	server    *http.Server
	store     *memstore.Store
	collector *collector.Collector
}

// serviceExtras are what the demo adds to a service.
type serviceExtras struct {
	replay time.Duration
	links  []api.Link
}

func newService(o ServeOptions) (*service, error) { return newServiceWith(o, serviceExtras{}) }

func newServiceWith(o ServeOptions, extras serviceExtras) (*service, error) {
	reg := newRegistry()
	setup, err := load(o.ConfigFile, reg, o.Logger)
	if err != nil {
		return nil, err
	}
	s := &service{setup: setup, log: o.Logger, hangups: o.Hangups, web: o.Web, store: memstore.New(memstore.Options{})}
	if err := s.build(o, extras, reg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// checkMode refuses what needs a store that outlives the process.
func checkMode(o ServeOptions, s *setup) error {
	switch {
	case s.config.Redis != nil:
		return fmt.Errorf("%s: redis is configured, but this version keeps everything in memory: remove the section redis", o.ConfigFile)
	case o.Target != "" && o.Target != "all":
		return fmt.Errorf("--target=%s runs a part of the service, and parts meet in Redis: %s has no redis section", o.Target, o.ConfigFile)
	}
	o.Logger.Info("no redis is configured: scorecards, history and the ledger are kept in memory and end with the process")
	return nil
}

func (s *service) build(o ServeOptions, extras serviceExtras, reg *prometheus.Registry) error {
	if err := checkMode(o, s.setup); err != nil {
		return err
	}
	plan, err := s.setup.plan(nil)
	if err != nil {
		return err
	}
	s.collector = collector.New(collector.Options{
		Plan: plan, Sources: s.setup.sources, Store: s.store, Environment: s.setup.config.Global.Environment,
		Owner: owner(), Replay: extras.replay, Registerer: reg, Logger: o.Logger,
	})
	cards := exporter.New(s.store.Snapshot, exporter.Options{SeriesLimit: s.setup.config.Exporter.SeriesLimit, Logger: o.Logger})
	s.api, err = api.New(api.Options{
		Reader: &reader{s.store, time.Now}, History: s.store, Changes: s.store, ScorecardMetrics: cards.Handler(),
		Gatherer: reg, Registerer: reg, Logger: o.Logger, ExternalURL: s.setup.config.Global.ExternalURL,
		Version: version.Version, Links: extras.links,
	})
	if err != nil {
		return fmt.Errorf("building the API: %w", err)
	}
	if err := web.Validate(o.Web.ConfigFile); err != nil {
		return fmt.Errorf("reading the web configuration %s: %w: mend what --web.config.file names, or leave it out", o.Web.ConfigFile, err)
	}
	s.server = api.HTTPServer(s.api.Handler())
	s.server.RegisterOnShutdown(s.api.EndStreams)
	s.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.Web.ListenAddress)
	if err != nil {
		return fmt.Errorf("listening on %s: %w: choose another --web.listen-address, or end what listens there", o.Web.ListenAddress, err)
	}
	return nil
}

func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("apgar"),
	)
	return reg
}

// owner names this process in leases.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// url is where this machine reaches the API.
func (s *service) url() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return "http://" + s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if s.web.tls() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// run serves and collects until ctx ends or one of the two fails.
func (s *service) run(ctx context.Context) error {
	var group run.Group
	group.Add(func() error {
		s.log.Info("listening", "url", s.url())
		return s.serve()
	}, func(error) { s.stopServing() })
	addActor(ctx, &group, s.collector.Run)
	addActor(ctx, &group, s.prepare)
	addActor(ctx, &group, s.heed)
	addActor(ctx, &group, func(ctx context.Context) error { <-ctx.Done(); return nil })
	return group.Run()
}

// addActor adds an actor that runs until its context ends.
func addActor(ctx context.Context, group *run.Group, actor func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	group.Add(func() error { return actor(ctx) }, func(error) { cancel() })
}

// heed takes hangups until ctx ends.
func (s *service) heed(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.hangups:
			s.log.Warn("reloading is not available in this version: restart to read the configuration again")
		}
	}
}

// prepare has the API build what it serves of each generation as soon as it
// is committed, so that no request has to.
func (s *service) prepare(ctx context.Context) error {
	for generation := uint64(0); ; {
		next, err := s.store.Wait(ctx, generation)
		if err != nil {
			return nil // only the end of ctx ends the wait
		}
		generation = next
		s.api.Prepare()
	}
}

func (s *service) serve() error {
	flags := &web.FlagConfig{WebConfigFile: &s.web.ConfigFile}
	if err := web.Serve(s.listener, s.server, flags, s.log); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

func (s *service) stopServing() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off", "err", err)
		_ = s.server.Close()
	}
}

func (s *service) close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.setup.close()
}
