package reload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// defaultRetry is how long a refused catalog waits until it is offered again.
const defaultRetry = time.Minute

// ErrEnding is the answer to those who ask for a reload of a service that ends.
var ErrEnding = errors.New("reloading the configuration: the service is ending; ask the one that follows it")

// Options say what a Reloader does. Load is required.
type Options struct {
	// Load does all that can fail, and swaps only then: when it returns an
	// error, what was in force is still in force, untouched. It is never called
	// twice at a time. ctx ends with the service, not with the request that
	// asked for the reload.
	Load       func(ctx context.Context) error
	Retry      time.Duration         // until what a ShrinkGuard refused is loaded again; 0: a minute
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: nobody sees the metrics
}

// Reloader is the one place where triggers meet: changed files, signals and
// requests. It runs one reload at a time. Triggers that come while one is
// running are answered together by one more run, which begins when that one
// has ended.
type Reloader struct {
	load    func(context.Context) error
	retry   time.Duration
	log     *slog.Logger
	metrics *reloadMetrics
	wake    chan struct{} // holds one element while a run waits to begin

	mu     sync.Mutex
	next   *attempt // nil: nobody asks for a run
	ending bool
}

// attempt is one run of Load and those who wait for it.
type attempt struct {
	reasons []string
	done    chan struct{} // closed when err is final
	err     error
}

// New returns a Reloader for a configuration that was read once already. It
// does nothing until Run is called.
func New(o Options) (*Reloader, error) {
	if o.Load == nil {
		return nil, errors.New("building the reloader: Options.Load is nil, but it is what a reload does")
	}
	if o.Retry <= 0 {
		o.Retry = defaultRetry
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newReloadMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("building the reloader: %w", err)
	}
	return &Reloader{load: o.Load, retry: o.Retry, log: o.Logger, metrics: m, wake: make(chan struct{}, 1)}, nil
}

// Trigger asks for a reload and does not wait for it. The reason is for the
// log. It may be called at any time, before and after Run, too.
func (r *Reloader) Trigger(reason string) { _ = r.ask(reason) }

// Reload asks for a reload and waits for the result of one that began after
// the call. It returns what Load returned, ErrEnding when the service ends
// first, or the error of ctx, which ends the wait and not the reload.
func (r *Reloader) Reload(ctx context.Context, reason string) error {
	a := r.ask(reason)
	if a == nil {
		return ErrEnding
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the reload, which goes on: %w", context.Cause(ctx))
	}
}

// ask returns the run that has not begun yet and now serves this reason, too;
// nil when the service ends.
func (r *Reloader) ask(reason string) *attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending {
		return nil
	}
	if r.next == nil {
		r.next = &attempt{done: make(chan struct{})}
		r.wake <- struct{}{} // it is empty: whoever takes next takes the element, too
	}
	if !slices.Contains(r.next.reasons, reason) {
		r.next.reasons = append(r.next.reasons, reason)
	}
	return r.next
}

// Run reloads whenever it is asked to, until ctx ends. It returns nil then, and
// is called once.
func (r *Reloader) Run(ctx context.Context) error {
	defer r.end()
	var retry <-chan time.Time // of the last run, if it was refused
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-retry:
			retry = nil
			r.Trigger("a catalog that was refused is offered again")
		case <-r.wake:
			if ctx.Err() != nil {
				return nil // the two came together
			}
			retry = nil
			if refused := r.run(ctx, r.begin()); refused {
				retry = time.After(r.retry)
			}
		}
	}
}

// begin takes the run that waits: who asks from now on gets another one.
func (r *Reloader) begin() *attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.next
	r.next = nil
	return a
}

// run loads, tells everybody how it went, and reports whether it was refused.
func (r *Reloader) run(ctx context.Context, a *attempt) (refused bool) {
	defer close(a.done)
	started := time.Now()
	a.err = r.loadSafely(ctx)
	took := time.Since(started).Round(time.Millisecond)
	reason := strings.Join(a.reasons, "; ")
	refusal, refused := errors.AsType[*RefusedError](a.err)
	switch {
	case a.err == nil:
		r.metrics.succeeded()
		r.metrics.reloads.WithLabelValues(resultOK).Inc()
		r.log.Info("the configuration was reloaded", "reason", reason, "took", took)
	case ctx.Err() != nil: // the service ends in the middle of it: nobody failed
		r.log.Info("a reload was given up, because the service ends", "reason", reason, "took", took)
	case refused:
		r.metrics.successful.Set(0)
		r.metrics.reloads.WithLabelValues(resultRefused).Inc()
		r.log.Warn("the configuration was not reloaded: the old one stays in force", "reason", reason, "took", took,
			"err", a.err, "vanishing", refusal.Vanishing, "services", refusal.Services, "seen", refusal.Seen, "next", r.retry)
	default:
		r.metrics.successful.Set(0)
		r.metrics.reloads.WithLabelValues(resultFailed).Inc()
		r.log.Error("the configuration was not reloaded: the old one stays in force; mend what err names, and it is read again",
			"reason", reason, "took", took, "err", a.err)
	}
	return refused
}

// loadSafely makes a panic the failure of this reload alone.
func (r *Reloader) loadSafely(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("reloading panicked, which is a defect: please report it", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("reloading the configuration: a panic was recovered: %v: this is a defect; undo the last change, and report it", p)
		}
	}()
	return r.load(ctx)
}

// end tells those who wait, and whoever asks later, that there is no more.
func (r *Reloader) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
	if r.next != nil {
		r.next.err = ErrEnding
		close(r.next.done)
		r.next = nil
	}
}
