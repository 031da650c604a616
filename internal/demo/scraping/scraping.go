// Package scraping scrapes targets into a storage as Prometheus does: real HTTP, the text formats, labels of the target
// on every series, staleness markers, the series up and scrape_*.
//
// Targets are given, not discovered, and their series are taken as they are: there is no relabelling. The package knows
// nothing of what the targets are.
package scraping

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/storage"
)

// concurrency is how many targets of a pool are scraped at the same time; others wait for their turn.
const concurrency = 32

// maxBodyBytes bounds what one scrape may read, uncompressed.
const maxBodyBytes = 64 << 20

// Target is something to scrape over plain HTTP.
type Target struct {
	// Address is host:port, Path begins with a slash.
	Address, Path string
	// Labels are attached to every series; job and instance should be among them. Where a target exposes one of them
	// itself, its own label is kept under the name with exported_ before it.
	Labels map[string]string
}

// Metadata describes a metric family as a target exposed it.
type Metadata struct{ Name, Type, Help, Unit string }

// Pool scrapes a changing set of targets at one interval, each target at its own moment within the interval.
type Pool struct {
	interval time.Duration
	storage  storage.AppendableV2
	logger   *slog.Logger
	client   *http.Client
	updates  chan []Target
	buffers  chan *bytes.Buffer // one for each scrape that may run: taking one is the leave to scrape

	maxBodyBytes int64

	mu    sync.Mutex
	loops map[string]*loop // by identity of the target
}

// NewPool returns a pool that scrapes nothing before Run. The interval must be at least a second, or 10 ms in tests. A
// target has the interval to answer, but no more than ten seconds.
func NewPool(interval time.Duration, storage storage.AppendableV2, logger *slog.Logger) (*Pool, error) {
	if interval < 10*time.Millisecond {
		return nil, fmt.Errorf("creating a scrape pool: the interval %s is too short; give it at least 10ms", interval)
	}
	p := &Pool{
		interval: interval,
		storage:  storage,
		logger:   logger,
		client: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: concurrency, IdleConnTimeout: 5 * time.Minute},
			Timeout:   min(interval, 10*time.Second),
		},
		updates: make(chan []Target),
		buffers: make(chan *bytes.Buffer, concurrency),
		loops:   map[string]*loop{},

		maxBodyBytes: maxBodyBytes,
	}
	for range concurrency {
		p.buffers <- &bytes.Buffer{}
	}
	return p, nil
}

// Run scrapes until ctx ends and the scrapes under way have ended. It must be called once. What is still scraped when
// ctx ends is not marked stale, as nothing is known of it any more.
func (p *Pool) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer p.client.CloseIdleConnections()
	defer running.Wait()
	for {
		select {
		case targets := <-p.updates:
			for _, started := range p.replace(targets) {
				running.Go(func() { started.run(ctx) })
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// SetTargets replaces the targets. A new target is scraped within an interval; one that is gone turns stale when it
// would have been scraped next, unless it is back by then. It waits for Run, or for the end of ctx.
func (p *Pool) SetTargets(ctx context.Context, targets []Target) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.updates <- slices.Clone(targets):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// replace tells the loops of targets that are gone to leave, and returns new loops for those that have none.
func (p *Pool) replace(targets []Target) []*loop {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.loops {
		l.leaving = true
	}
	var started []*loop
	for _, t := range targets {
		l := newLoop(p, t)
		if known, ok := p.loops[l.identity]; ok {
			known.leaving = false
			continue
		}
		p.loops[l.identity] = l
		started = append(started, l)
	}
	return started
}

// retire forgets a loop if it was told to leave, and reports whether it was.
func (p *Pool) retire(l *loop) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.leaving {
		delete(p.loops, l.identity)
	}
	return l.leaving
}

// Metadata returns what the targets have said about their metrics, sorted by name, each name once.
func (p *Pool) Metadata() []Metadata {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[string]Metadata{}
	for _, l := range p.loops {
		if !l.leaving {
			l.families.copyTo(found)
		}
	}
	sorted := make([]Metadata, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[name])
	}
	return sorted
}
