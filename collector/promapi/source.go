// Package promapi is Prometheus' wire: how one source (a Prometheus-compatible query endpoint with its HA replicas) is
// asked politely, and how its answers are decoded as a stream.
//
// Polite means: a bounded number of queries in flight, one total time limit for a query with all its retries, retries
// that never amplify an outage, a circuit breaker, and a fail-over that is sticky. Safe means: an answer may be endless,
// slow, compressed to nothing, cut off or no JSON at all, and still costs bounded memory and time, and ends in an [*Error]
// whose kind is a metric label and whose text may be shown to anyone.
//
// The package knows nothing of Apgar: not what a service, a check or a tick is. It does not merge, judge or remember
// what it reads.
package promapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/version"
	"golang.org/x/sync/semaphore"
)

// What [Options] mean when they say nothing.
const (
	DefaultConcurrency   = 4
	DefaultTimeout       = 30 * time.Second
	DefaultResponseBytes = 64 << 20
	DefaultSeries        = 500_000
)

// Source is one query endpoint with its replicas. It is safe for concurrent use. It starts no goroutines of its own.
type Source struct {
	name     string
	timeout  time.Duration
	limits   Limits
	client   *http.Client
	replicas *replicaSet
	slots    *semaphore.Weighted
	places   int
	inFlight atomic.Int64
	budget   *retryBudget
	breaker  *breaker
	health   health
	metrics  *metrics
	log      *slog.Logger
	scratch  sync.Pool // of *scratch
}

// Options say how a source is reached and how gently. A zero field means its default.
type Options struct {
	// Name names the source in errors, logs and metric labels. It is required.
	Name string
	// Replicas are base URLs, which may carry a path prefix, a query (sent along with every request) and userinfo (sent as
	// basic authentication, and removed from everything that is shown). At least one is required; one is asked at a time.
	Replicas []string
	// HTTP configures TLS, credentials, headers and proxy. Redirects are never followed, whatever it says, and a proxy is
	// taken from the environment only if it asks for that. It is normalised in place, so it must not be in use elsewhere.
	HTTP config.HTTPClientConfig
	// Concurrency is how many queries may be in flight to the source.
	Concurrency int
	// Timeout is the total time of one query with its retries. Waiting for a place among the concurrent ones is not part of it.
	Timeout time.Duration
	// Limits bound one answer.
	Limits Limits
	// Registerer takes the metrics; several sources may share one. It may be nil.
	Registerer prometheus.Registerer
	// Logger hears of fail-overs, the breaker and, at debug level, failed attempts. It may be nil.
	Logger *slog.Logger
}

// Limits bound one answer of a source. An answer beyond them is an error, never a truncated result.
type Limits struct {
	// ResponseBytes is the size of the body in bytes, counted after decompression.
	ResponseBytes int64
	// Series is the number of elements of the result.
	Series int
}

// NewSource checks the options and makes a source of them; nothing is asked yet. The caller closes it.
func NewSource(o Options) (*Source, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	replicas, err := newReplicaSet(o.Name, o.Replicas)
	if err != nil {
		return nil, err
	}
	client, err := newClient(o)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("registering the metrics of source %q: %w", o.Name, err)
	}
	s := &Source{
		name:     o.Name,
		timeout:  o.Timeout,
		limits:   o.Limits,
		client:   client,
		replicas: replicas,
		slots:    semaphore.NewWeighted(int64(o.Concurrency)),
		places:   o.Concurrency,
		budget:   newRetryBudget(o.Concurrency),
		metrics:  m,
		log:      o.Logger.With("source", o.Name),
	}
	s.breaker = newBreaker(func(open bool) {
		s.metrics.setBreaker(s.name, open)
		if open {
			s.log.Warn("Source stopped being asked: too many failures in a row", "retry_in", breakerPause, "err", s.health.cause())
			return
		}
		s.log.Info("Source is asked again: it answered a probe")
	})
	s.metrics.setBreaker(s.name, false)
	if len(replicas.all) > 1 {
		s.metrics.moves.WithLabelValues(s.name) // a rate sees the first one
	}
	return s, nil
}

func (o *Options) defaults() error {
	switch {
	case o.Name == "":
		return errors.New("making a Prometheus source: it has no name; give it one")
	case len(o.Replicas) == 0:
		return fmt.Errorf("making source %q: it has no replicas; give it at least one URL", o.Name)
	case o.Concurrency < 0, o.Timeout < 0, o.Limits.ResponseBytes < 0, o.Limits.Series < 0:
		return fmt.Errorf("making source %q: concurrency, timeout and limits cannot be negative; leave them out for the defaults", o.Name)
	}
	setDefault(&o.Concurrency, DefaultConcurrency)
	setDefault(&o.Timeout, DefaultTimeout)
	setDefault(&o.Limits.ResponseBytes, DefaultResponseBytes)
	setDefault(&o.Limits.Series, DefaultSeries)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// newClient makes the HTTP client of a source. Compression is never asked for: on the sizes usual here it costs a
// Prometheus more than the bytes it saves.
func newClient(o Options) (*http.Client, error) {
	o.HTTP.FollowRedirects = false
	if err := o.HTTP.Validate(); err != nil {
		return nil, fmt.Errorf("reading http_config of source %q: %w", o.Name, err)
	}
	client, err := config.NewClientFromConfig(o.HTTP, "apgar_"+o.Name, config.WithUserAgent(userAgent()))
	if err != nil {
		return nil, fmt.Errorf("making the HTTP client of source %q out of its http_config: %w", o.Name, err)
	}
	return client, nil
}

func userAgent() string {
	if version.Version == "" {
		return "apgar/devel"
	}
	return version.ComponentUserAgent("apgar")
}

// Name is the name given in [Options].
func (s *Source) Name() string { return s.name }

// Close gives idle connections back and takes the source's series out of the metrics. Queries under way end by their own
// contexts; a source is not asked again after it was closed.
func (s *Source) Close() {
	s.Disconnect()
	s.metrics.forget(s.name)
}

// Disconnect is Close where another Source of the same name goes on: what was
// counted stays.
func (s *Source) Disconnect() { s.client.CloseIdleConnections() }
