// Package scraping scrapes targets into a storage with Prometheus' own scrape manager: real HTTP, staleness markers,
// the series up and scrape_*.
//
// Targets are given, not discovered. The package knows nothing of what the targets are.
package scraping

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
)

// setName is the name of the one target set of a pool; targets carry their own label job.
const setName = "targets"

// Target is something to scrape over plain HTTP.
type Target struct {
	// Address is host:port, Path begins with a slash.
	Address, Path string
	// Labels are attached to every series; job and instance should be among them.
	Labels map[string]string
}

// Metadata describes a metric family as a target exposed it.
type Metadata struct{ Name, Type, Help, Unit string }

// Pool scrapes a changing set of targets at one interval.
type Pool struct {
	manager *scrape.Manager
	updates chan map[string][]*targetgroup.Group
}

// NewPool returns a pool that scrapes nothing before Run. The interval must be at least a second, or 10 ms in tests.
func NewPool(interval time.Duration, storage storage.AppendableV2, logger *slog.Logger) (*Pool, error) {
	if interval < 10*time.Millisecond {
		return nil, fmt.Errorf("creating a scrape pool: the interval %s is too short", interval)
	}
	reload := min(time.Second, interval)
	options := &scrape.Options{DiscoveryReloadOnStartup: true, DiscoveryReloadInterval: model.Duration(reload)}
	manager, err := scrape.NewManager(options, logger, nil, nil, storage, prometheus.NewRegistry())
	if err != nil {
		return nil, fmt.Errorf("creating a scrape manager: %w", err)
	}
	timeout := model.Duration(min(interval, 10*time.Second))
	text := fmt.Sprintf("scrape_configs:\n- job_name: %s\n  scrape_interval: %s\n  scrape_timeout: %s\n", setName, model.Duration(interval), timeout)
	settings, err := config.Load(text, logger)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of a scrape pool: %w", err)
	}
	if err := manager.ApplyConfig(settings); err != nil {
		return nil, fmt.Errorf("applying the settings of a scrape pool: %w", err)
	}
	return &Pool{manager: manager, updates: make(chan map[string][]*targetgroup.Group)}, nil
}

// Run scrapes until ctx ends. It must be called once.
func (p *Pool) Run(ctx context.Context) error {
	stopped := context.AfterFunc(ctx, p.manager.Stop)
	defer stopped()
	if err := p.manager.Run(p.updates); err != nil {
		return fmt.Errorf("scraping: %w", err)
	}
	return nil
}

// SetTargets replaces the targets; it takes effect within about a second. Targets that are gone turn stale after two
// more intervals. It waits for Run, or for the end of ctx.
func (p *Pool) SetTargets(ctx context.Context, targets []Target) error {
	group := &targetgroup.Group{Source: setName}
	for _, t := range targets {
		set := model.LabelSet{
			model.AddressLabel:     model.LabelValue(t.Address),
			model.MetricsPathLabel: model.LabelValue(t.Path),
		}
		for name, value := range t.Labels {
			set[model.LabelName(name)] = model.LabelValue(value)
		}
		group.Targets = append(group.Targets, set)
	}
	select {
	case p.updates <- map[string][]*targetgroup.Group{setName: {group}}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Metadata returns what the targets have said about their metrics, sorted by name, each name once.
func (p *Pool) Metadata() []Metadata {
	found := map[string]Metadata{}
	for _, targets := range p.manager.TargetsActive() {
		for _, t := range targets {
			for _, m := range t.ListMetadata() {
				found[m.MetricFamily] = Metadata{Name: m.MetricFamily, Type: string(m.Type), Help: m.Help, Unit: m.Unit}
			}
		}
	}
	sorted := make([]Metadata, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[name])
	}
	return sorted
}
