package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/api/page"
	"github.com/apgarhq/apgar/scorecard"
)

// Server answers requests. It starts no goroutine and holds no listener.
type Server struct {
	reader  Reader
	history History
	changes Changes
	streams *streams
	logger  *slog.Logger
	metrics *metrics
	views   views
	pages   *page.Renderer
	now     func() time.Time
	reload  func(context.Context) error
	process http.Handler // nil: no /metrics
	cards   http.Handler // nil: no /metrics/scorecards
	origin  *http.CrossOriginProtection
	engine  *gin.Engine
	buffers sync.Pool // of *[]byte, for the answers of JSON endpoints
}

// Reader is where snapshots come from. Current must not block: it is called
// once per request.
type Reader interface {
	// Current returns the newest snapshot, nil before the first, and whether
	// it is too old to be called current.
	Current() (snap *scorecard.Snapshot, stale bool)
}

// History reads the past of a scorecard.
type History interface {
	// History returns the points in (from, to], the last one of each step, and
	// scorecard.ErrNotFound for a scorecard it has never seen.
	History(ctx context.Context, key scorecard.Key, from, to time.Time, step time.Duration) ([]scorecard.HistoryPoint, error)
}

// Changes is the log of what changed, in memory: reading it never waits for a
// store. It holds every change up to the LastChange of the current snapshot,
// but for the oldest, and begins anew no sooner than a snapshot of another
// incarnation is current.
type Changes interface {
	// Changes returns the changes after the one with the given id, oldest first,
	// at most limit of them. Reset says that some after it are gone, or that it
	// is not in the log.
	Changes(ctx context.Context, after uint64, limit int) (changes []scorecard.Change, reset bool, err error)
	// Wait blocks until the current generation is another than the given one, and
	// returns it; or until ctx ends, which is an error.
	Wait(ctx context.Context, generation uint64) (uint64, error)
}

// Link is shown on the front page. URL must be http or https.
type Link = page.Link

// Options say what a Server serves. Reader is required. Where History, Changes,
// ScorecardMetrics, Gatherer or Reload is nil, its routes do not exist.
type Options struct {
	Reader           Reader
	History          History
	Changes          Changes
	Events           EventOptions
	ScorecardMetrics http.Handler          // answers /metrics/scorecards
	Gatherer         prometheus.Gatherer   // answers /metrics
	Registerer       prometheus.Registerer // takes the server's own metrics; nil: nobody does
	Logger           *slog.Logger          // nil: silent
	ExternalURL      string                // where people reach the server; its path is put before every link
	Version          string                // of the program, shown and part of every ETag
	Links            []Link
	Now              func() time.Time            // nil: time.Now
	Reload           func(context.Context) error // answers POST /-/reload
}

// New returns a Server. It fails on options that cannot be served.
func New(o Options) (*Server, error) {
	if o.Reader == nil {
		return nil, errors.New("building the API: Options.Reader is nil, but every answer comes from it")
	}
	base, err := basePath(o.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("building the API: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	m, err := newMetrics(o.Registerer, o.Reader, o.Now)
	if err != nil {
		return nil, fmt.Errorf("building the API: %w", err)
	}
	pages, err := page.New(page.Site{
		Base: base, Version: o.Version, Links: o.Links,
		History: o.History != nil, Metrics: o.Gatherer != nil, Scorecards: o.ScorecardMetrics != nil,
	})
	if err != nil {
		return nil, fmt.Errorf("building the API: %w", err)
	}
	s := &Server{
		reader: o.Reader, history: o.History, logger: o.Logger, metrics: m, pages: pages,
		changes: o.Changes, streams: newStreams(o.Events, m.streams),
		views:  views{version: o.Version},
		now:    o.Now,
		reload: o.Reload, cards: o.ScorecardMetrics, origin: http.NewCrossOriginProtection(),
	}
	if o.Gatherer != nil {
		s.process = processMetrics(o.Gatherer, o.Logger)
	}
	s.engine, err = s.newEngine()
	return s, err
}

// Prepare arranges the current snapshot for answering, which the first request
// of a generation waits for otherwise. Call it after each swap.
func (s *Server) Prepare() {
	if snap, _ := s.reader.Current(); snap != nil {
		s.views.of(snap)
	}
}

// EndStreams ends every event stream and takes no more, so that a shutdown need
// not wait for their readers: whoever owns the http.Server registers it with
// RegisterOnShutdown. It may be called more than once.
func (s *Server) EndStreams() { s.streams.end() }

// Handler returns the handler of every route.
func (s *Server) Handler() http.Handler { return s.engine }

// HTTPServer returns a server around h with the limits that keep a slow or
// hostile client from holding the process: whoever opens the listener uses it.
// Event streams find their connection through its ConnContext.
func HTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ConnContext:       withConnection,
	}
}

// newEngine builds the router. Gin's mode is a variable of the process; it is
// set here, always to the same value, because the debug mode prints every
// route to standard output. Gin's own logger and recovery write there too,
// and are not used.
func (s *Server) newEngine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	if err := e.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("building the API: telling Gin to trust no proxy: %w", err)
	}
	e.ForwardedByClientIP = false
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = true
	e.UseRawPath = true // %2F is no separator: every resource has one path
	e.Use(s.observe, s.recover, secure)
	e.NoRoute(s.noRoute)
	e.NoMethod(s.noMethod)
	for _, r := range s.routes() {
		e.Handle(r.method, r.path, r.handler)
		if r.method == http.MethodGet {
			e.Handle(http.MethodHead, r.path, r.handler)
		}
	}
	return e, nil
}

// basePath returns the path of the external URL without a trailing slash.
func basePath(external string) (string, error) {
	if external == "" {
		return "", nil
	}
	u, err := url.Parse(external)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return "", errors.New("the external URL must be http or https with a host and without a user; write it like https://apgar.example.org/")
	}
	return strings.TrimRight(u.EscapedPath(), "/"), nil
}
