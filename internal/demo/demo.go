// Package demo is a whole world for Apgar to look at, in one process and with nothing installed: a synthetic fleet of
// services whose instances expose real metrics, one Prometheus per cluster that really scrapes and answers them, a day
// of history, and incidents that come and go.
//
// It knows nothing of Apgar but the format of the files that a user writes for it, and Apgar's URL, which it scrapes.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/apgarhq/apgar/internal/demo/fleet"
	"github.com/apgarhq/apgar/internal/demo/promserver"
)

// Options say what world to make. The zero value is the default world of 60 services.
type Options struct {
	// Services is how many services there are, 1 to 5,000; 60 by default.
	Services int
	// Seed decides everything that is left to chance.
	Seed int64
	// PrometheusAddress is where the Prometheus servers listen; 127.0.0.1:8485 by default, port 0 for any.
	PrometheusAddress string
	// ApgarURL, if set, is scraped by the Prometheus named platform, at /metrics and /metrics/scorecards.
	ApgarURL string
	// Logger receives what goes wrong; nothing is logged by default.
	Logger *slog.Logger
	// Now is the clock of the fleet and of queries that give no time; time.Now by default. Scrapes are stamped by the
	// real clock in any case, so a demo that Runs should have no other.
	Now func() time.Time
	// History is how much of the past there is when New returns; 24h by default, at least a minute.
	History time.Duration

	scrapeInterval time.Duration // by the size of the fleet, unless a test is in a hurry
}

func (o *Options) defaults() error {
	if o.Services == 0 {
		o.Services = 60
	}
	if o.PrometheusAddress == "" {
		o.PrometheusAddress = "127.0.0.1:8485"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.History == 0 {
		o.History = 24 * time.Hour
	}
	if o.History < time.Minute {
		return fmt.Errorf("making the demo: the history of %s is too short; give at least 1m", o.History)
	}
	if o.scrapeInterval == 0 {
		o.scrapeInterval = 15 * time.Second
		if o.Services > smallFleet {
			o.scrapeInterval = 30 * time.Second
		}
	}
	return nil
}

// Up to smallFleet services are scraped at the finer interval; beyond largeFleet the history is coarser.
const (
	smallFleet = 200
	largeFleet = 1000
)

// historyStep is the distance of samples in the history.
func (o *Options) historyStep() time.Duration {
	if o.Services > largeFleet {
		return time.Minute
	}
	return 30 * time.Second
}

// Demo is a running world. Queries are answered from New to Close; scraping and incidents need Run. Its methods are
// safe for concurrent use.
type Demo struct {
	options   Options
	fleet     *fleet.Fleet
	world     *world
	server    *promserver.Server
	incidents chan Incident
	dir       string
	url       string
	exposedAt string // host:port of the instances' listener

	mu       sync.Mutex
	apgarURL string
	cancel   context.CancelFunc // of Run, while it runs
	ended    chan struct{}      // closed when Run has returned
	closed   bool
	onClose  []func() error // run last to first
	closeErr error
}

// New makes a world: it opens the listeners, writes the history and the files, and returns once queries can be
// answered. Close frees what it holds. If it fails, nothing is left behind.
func New(ctx context.Context, o Options) (*Demo, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	f, err := fleet.Generate(o.Seed, o.Services)
	if err != nil {
		return nil, fmt.Errorf("making the demo: %w", err)
	}
	d := &Demo{options: o, fleet: f, apgarURL: o.ApgarURL, incidents: make(chan Incident, 256)}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// open acquires everything that Close frees. The listeners come first: a taken port is known at once.
func (d *Demo) open(ctx context.Context) (err error) {
	if d.dir, err = os.MkdirTemp("", "apgar-demo-"); err != nil {
		return fmt.Errorf("making the demo's temporary folder: %w (is TMPDIR writable?)", err)
	}
	d.atClose(func() error { return os.RemoveAll(d.dir) })
	queries, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.options.PrometheusAddress)
	if err != nil {
		return fmt.Errorf("listening for queries on %s: %w (choose another --demo.prometheus-address)", d.options.PrometheusAddress, err)
	}
	d.url = "http://" + queries.Addr().String()
	scrapes, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(fmt.Errorf("listening for scrapes of the demo's instances: %w", err), queries.Close())
	}
	d.exposedAt = scrapes.Addr().String()
	if err := d.fill(ctx); err != nil {
		return errors.Join(err, queries.Close(), scrapes.Close())
	}
	d.serve(scrapes, d.world.handler())
	d.serve(queries, d.server)
	return writeFiles(d.dir, d.url, d.fleet)
}

// fill writes the history, opens the databases and makes the server that answers for them.
func (d *Demo) fill(ctx context.Context) error {
	var err error
	if d.world, err = newWorld(d.options, d.fleet, d.dir); err != nil {
		return err
	}
	d.atClose(d.world.close)
	if err := d.world.remember(ctx); err != nil {
		return err
	}
	if d.server, err = promserver.New(promserver.Options{
		Databases: d.world.databases(), Registry: d.world.registry, Logger: d.options.Logger, Now: d.options.Now,
	}); err != nil {
		return fmt.Errorf("serving the demo's Prometheus: %w", err)
	}
	d.atClose(d.server.Close)
	return nil
}

// serve answers on a listener until Close.
func (d *Demo) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			d.options.Logger.Error("The demo's listener failed.", "address", l.Addr().String(), "err", err)
		}
	}()
	d.atClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		<-done
		return err
	})
}

func (d *Demo) atClose(f func() error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onClose = append(d.onClose, f)
}

// ConfigFile returns the path of an apgar.yml that reads this world.
func (d *Demo) ConfigFile() string { return filepath.Join(d.dir, "apgar.yml") }

// PrometheusURL returns the address of the Prometheus servers, without a trailing slash: each is at /<cluster> below.
func (d *Demo) PrometheusURL() string { return d.url }

// Incidents returns the channel on which incidents begin and end. It is closed when Run returns, or by Close. One that
// nobody reads is dropped once 256 wait.
func (d *Demo) Incidents() <-chan Incident { return d.incidents }

// SetApgarURL sets what the Prometheus named platform scrapes. It has an effect only before Run.
func (d *Demo) SetApgarURL(url string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apgarURL = url
}

// ErrClosed is returned by Run on a closed demo, and ErrRunning by a second Run.
var (
	ErrClosed  = errors.New("the demo is closed")
	ErrRunning = errors.New("the demo has been run already")
)

// Run scrapes the fleet and lets incidents happen until ctx ends or Close is called, and returns nil then. It can be
// called once.
func (d *Demo) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	if d.closed || d.ended != nil {
		defer d.mu.Unlock()
		if d.closed {
			return fmt.Errorf("running the demo: %w", ErrClosed)
		}
		return fmt.Errorf("running the demo: %w", ErrRunning)
	}
	d.cancel, d.ended = cancel, make(chan struct{})
	url := d.apgarURL
	d.mu.Unlock()
	defer close(d.ended)
	defer close(d.incidents)
	s := newScript(d.options.Seed, d.fleet, d.world, d.emit, d.options.Now)
	return d.world.run(ctx, platformTargets(url, d.url), d.exposedAt, s)
}

func (d *Demo) emit(i Incident) {
	select {
	case d.incidents <- i:
	default:
		d.options.Logger.Warn("An incident of the demo was dropped, as nobody reads them.", "incident", i.Text)
	}
}

// Close ends Run and the listeners, and removes the temporary folder. A second call returns what the first did.
func (d *Demo) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return d.closeErr
	}
	d.closed = true
	if d.ended != nil {
		d.cancel()
		<-d.ended
	} else {
		close(d.incidents)
	}
	var errs []error
	for i := len(d.onClose) - 1; i >= 0; i-- {
		errs = append(errs, d.onClose[i]())
	}
	if err := errors.Join(errs...); err != nil {
		d.closeErr = fmt.Errorf("closing the demo: %w", err)
	}
	return d.closeErr
}
