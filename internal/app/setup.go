package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/waiver"
)

// setup is what a configuration comes to: everything that can be wrong with
// it has been found by the time it is there.
type setup struct {
	config  *config.Config
	catalog *catalog.Snapshot
	rubrics []*rubric.Rubric
	waivers *waiver.Set
	sources []gather.Source
	clients []*promapi.Source
}

// close ends the clients. It may be called more than once.
func (s *setup) close() {
	for _, c := range s.clients {
		c.Close()
	}
	s.clients = nil
}

// replacedBy ends the clients for another setup: what was counted of sources
// that go on stays, and so does which of their replicas is preferred.
func (s *setup) replacedBy(next *setup) {
	for i, c := range s.clients {
		name := s.sources[i].Name
		if j := slices.IndexFunc(next.sources, func(o gather.Source) bool { return o.Name == name }); j >= 0 {
			next.clients[j].GoOnFrom(c)
			c.Disconnect()
		} else {
			c.Close()
		}
	}
	s.clients = nil
}

// load reads the configuration and what it names. Mistakes in apgar.yml end
// it; a bad entity, rubric or waiver is left out, reported, and the rest loads.
func load(path string, log *slog.Logger) (*setup, error) {
	cfg, err := readConfig(path, config.Load, log)
	if err != nil {
		return nil, err
	}
	return prepare(cfg, nil, log, tolerate(log))
}

// readConfig reads the configuration itself.
func readConfig(path string, read func(string) (*config.Config, []catalog.Problem), log *slog.Logger) (*config.Config, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the configuration %s: there is no such file: name yours with --config.file, or see what Apgar does with `apgar demo`", path)
	}
	cfg, problems := read(path)
	if err := failed(problems); err != nil {
		return nil, err
	}
	warn(log, "", problems) // none of them is more than a warning
	return cfg, nil
}

// findings are what was found while rubrics, waivers and the catalog were read.
type findings struct {
	rubrics, waivers, catalog, review []catalog.Problem
}

// tolerate logs what was found and goes on: what has a mistake is left out.
func tolerate(log *slog.Logger) func(*setup, findings) error {
	return func(_ *setup, f findings) error {
		warn(log, "a rubric was left out", f.rubrics)
		warn(log, "a waiver was left out", f.waivers)
		warn(log, "an entry of the catalog, or a part of one, was left out", f.catalog)
		warn(log, "an annotation or an identity of a service, or a part of a waiver, cannot be used", f.review)
		return nil
	}
}

// prepare reads what a configuration names, and makes clients for its sources.
// accept is asked whether what was found may be put into force.
func prepare(cfg *config.Config, reg prometheus.Registerer, log *slog.Logger, accept func(*setup, findings) error) (*setup, error) {
	env, err := catalog.NewEnv()
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	s := &setup{config: cfg}
	var found findings
	s.rubrics, found.rubrics = cfg.LoadRubrics(env)
	if len(s.rubrics) == 0 {
		return nil, errors.Join(failed(found.rubrics), fmt.Errorf("%s: there is no rubric to grade by: name a pack or a file under rubrics", cfg.Path))
	}
	s.waivers, found.waivers = cfg.LoadWaivers(env)
	s.catalog, found.catalog = cfg.LoadCatalog()
	if s.catalog.Len() == 0 {
		return nil, errors.Join(failed(found.catalog), fmt.Errorf("%s: the catalog has no service: name its files under catalog", cfg.Path))
	}
	now := time.Now()
	found.review = append(cfg.ReviewAll(s.rubrics, s.catalog.Services(), now), config.ReviewWaivers(s.waivers, s.rubrics, s.catalog.Services(), now)...)
	if err := accept(s, found); err != nil {
		return nil, err
	}
	if err := s.connect(reg, log); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// failed returns the problems as one error if any of them is more than a
// warning.
func failed(problems []catalog.Problem) error {
	if all := catalog.Problems(problems); all.HasErrors() {
		return all
	}
	return nil
}

func warn(log *slog.Logger, message string, problems []catalog.Problem) {
	for _, p := range problems {
		if p.Warning {
			log.Warn("a part of the configuration deserves a look", "at", p.Position.String(), "why", p.Message)
			continue
		}
		log.Error(message, "at", p.Position.String(), "why", p.Message)
	}
}

// connect makes a client for every source of the environment that is graded.
func (s *setup) connect(reg prometheus.Registerer, log *slog.Logger) error {
	for _, src := range s.config.Sources {
		if src.Environment != s.config.Global.Environment {
			log.Warn("a source is of another environment and is not asked", "source", src.Name,
				"environment", src.Environment, "graded", s.config.Global.Environment)
			continue
		}
		urls := make([]string, len(src.Replicas))
		for i, r := range src.Replicas {
			urls[i] = r.URL
		}
		client, err := promapi.NewSource(promapi.Options{
			Name: src.Name, Replicas: urls, HTTP: src.HTTP, Concurrency: src.Concurrency,
			Timeout:    s.config.Global.QueryTimeout,
			Limits:     promapi.Limits{ResponseBytes: src.Limits.ResponseBytes, Series: src.Limits.Series},
			Registerer: reg, Logger: log,
		})
		if err != nil {
			return fmt.Errorf("%s: preparing source %s: %w", s.config.Path, src.Name, err)
		}
		s.clients = append(s.clients, client)
		s.sources = append(s.sources, gather.Source{
			Name: src.Name, Environment: src.Environment, Partition: src.PartitionLabel, Labels: src.Labels,
			Delay: src.QueryDelay, GraphURL: urls[0], Client: client,
		})
	}
	if len(s.sources) == 0 {
		return fmt.Errorf("%s: no source is of the environment %q: name one under sources", s.config.Path, s.config.Global.Environment)
	}
	return nil
}

func (s *setup) plan(only []catalog.ID) (*question.Plan, error) {
	return question.NewPlan(question.PlanOptions{
		Catalog: s.catalog, Rubrics: s.rubrics, Interval: s.config.Global.EvaluationInterval, Only: slices.Clone(only),
		Waivers: s.waivers,
	})
}
