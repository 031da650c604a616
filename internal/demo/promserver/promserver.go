// Package promserver answers the HTTP API of Prometheus for several databases at once, each under its own path prefix,
// with Prometheus' own query engine.
//
// It serves what a client that only reads needs: query, query_range, series, labels, label values, metadata and the
// build information, by GET and POST, and health. In place of Prometheus' own page for an expression, /graph, it shows
// the expression's value now. Its answers have the form that Prometheus gives them, so that each prefix is a valid
// Grafana data source. The package knows nothing of what the databases hold.
package promserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// Limits of a query, those of a Prometheus that was given none.
const (
	maxSamples    = 50_000_000
	maxPoints     = 11_000
	queryTimeout  = 2 * time.Minute
	lookbackDelta = 5 * time.Minute
	maxBodyBytes  = 10 << 20
)

// Metadata describes a metric family.
type Metadata struct{ Name, Type, Help, Unit string }

// Database is what is served under /<Name>.
type Database struct {
	Name      string
	Queryable storage.Queryable
	// Metadata returns the descriptions of the metrics known now. It may be nil.
	Metadata func() []Metadata
}

// Options are what New needs. Databases, Registry and Logger must be set.
type Options struct {
	Databases []Database
	// Registry is exposed at /metrics and receives the server's own metrics.
	Registry *prometheus.Registry
	Logger   *slog.Logger
	// Now is the time of a query that gives none; time.Now by default.
	Now func() time.Time
}

// Server is the HTTP handler. It is safe for concurrent use.
type Server struct {
	mux       *http.ServeMux
	engine    *promql.Engine
	parser    parser.Parser
	databases map[string]Database
	names     []string
	metrics   *metrics
	logger    *slog.Logger
	now       func() time.Time
}

// New returns a server of the given databases. Their names must differ and be fit for a path segment.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		mux:       http.NewServeMux(),
		parser:    parser.NewParser(parser.Options{}),
		databases: make(map[string]Database, len(o.Databases)),
		logger:    o.Logger,
		now:       o.Now,
	}
	for _, d := range o.Databases {
		if _, taken := s.databases[d.Name]; taken {
			return nil, fmt.Errorf("serving the database %q: the name is taken; give each database its own", d.Name)
		}
		s.databases[d.Name] = d
		s.names = append(s.names, d.Name)
	}
	m, err := newMetrics(o.Registry)
	if err != nil {
		return nil, err
	}
	s.metrics = m
	m.announce(s.names)
	s.engine = promql.NewEngine(promql.EngineOpts{
		Logger:               o.Logger,
		MaxSamples:           maxSamples,
		Timeout:              queryTimeout,
		LookbackDelta:        lookbackDelta,
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		Parser:               s.parser,
		NoStepSubqueryIntervalFn: func(int64) int64 {
			return time.Minute.Milliseconds()
		},
	})
	s.routes(o.Registry)
	return s, nil
}

// Close releases the query engine. No query may be running.
func (s *Server) Close() error {
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("closing the query engine: %w", err)
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) routes(registry *prometheus.Registry) {
	for handler, answer := range map[string]func(Database, *http.Request) result{
		"query":       s.query,
		"query_range": s.queryRange,
		"series":      s.series,
		"labels":      s.labelNames,
	} {
		s.mux.HandleFunc("GET /{cluster}/api/v1/"+handler, s.api(handler, answer))
		s.mux.HandleFunc("POST /{cluster}/api/v1/"+handler, s.api(handler, answer))
	}
	s.mux.HandleFunc("GET /{cluster}/api/v1/label/{name}/values", s.api("label_values", s.labelValues))
	s.mux.HandleFunc("GET /{cluster}/api/v1/metadata", s.api("metadata", s.metadata))
	s.mux.HandleFunc("GET /{cluster}/api/v1/status/buildinfo", s.api("buildinfo", buildInfo))
	s.mux.HandleFunc("/{cluster}/api/v1/", s.api("other", unknownEndpoint))
	s.mux.HandleFunc("GET /{cluster}/graph", s.graph)
	s.mux.HandleFunc("GET /{cluster}/-/healthy", s.health("is Healthy"))
	s.mux.HandleFunc("GET /{cluster}/-/ready", s.health("is Ready"))
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.mux.HandleFunc("GET /{$}", s.index)
}

func (s *Server) health(state string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.databases[r.PathValue("cluster")]; !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, "Prometheus Server %s.\n", state)
	}
}

// api wraps one endpoint: it finds the database, bounds and parses the form, counts, and renders the answer.
func (s *Server) api(handler string, answer func(Database, *http.Request) result) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		db, ok := s.databases[r.PathValue("cluster")]
		if !ok {
			s.render(w, failed(notFound, fmt.Errorf("there is no Prometheus named %q here; / lists them", r.PathValue("cluster"))))
			return
		}
		s.metrics.queries.WithLabelValues(handler, db.Name).Inc()
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		if err := r.ParseForm(); err != nil {
			s.render(w, failed(badData, fmt.Errorf("error parsing form values: %w", err)))
			return
		}
		res := answer(db, r)
		if res.close != nil {
			defer res.close()
		}
		if err := r.Context().Err(); errors.Is(err, context.Canceled) {
			return // nobody listens any more
		}
		s.render(w, res)
	}
}
