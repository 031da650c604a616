package reload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"
)

// The defaults of a Watcher.
const (
	defaultDebounce = time.Second
	defaultPatience = 10 * time.Second
	defaultPoll     = time.Minute
	defaultLimit    = 4096 // directories that are watched
)

// maxAims bounds how often directories are looked for in a row while they come
// and go.
const maxAims = 4

// WatcherOptions say how a Watcher watches. Expand and Changed are required.
type WatcherOptions struct {
	// Expand returns the paths of the files that absolute patterns stand for
	// now. What does not match is left out.
	Expand func(patterns []string) []string
	// Changed is called when the files have other content than before. It must
	// not block: a Reloader's Trigger is meant.
	Changed    func()
	Debounce   time.Duration         // how long nothing must happen before files are read; 0: a second
	Patience   time.Duration         // how long at most it is waited for that; 0: ten seconds
	Poll       time.Duration         // how often files are read although nothing was heard of; 0: a minute
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: nobody sees the metrics

	open  func() (*fsnotify.Watcher, error) // nil: fsnotify's; for tests
	limit int                               // 0: defaultLimit; for tests
}

// Watcher notices when files have other content than before: changed, new or
// gone, by themselves or because a link or a directory above them was replaced.
// Writing the same bytes again is no change. The operating system tells it
// where something happens; besides, it reads everything now and then, which
// is all it does where the operating system cannot tell (a network file
// system, the limits of inotify).
//
// What the files are known to hold is told by Refresh and Follow, so that no
// change is missed between reading and watching. Whoever loads a configuration
// calls, in this order: Refresh; reads the configuration file; Follow, with
// all that it names; reads that.
type Watcher struct {
	o        WatcherOptions
	metrics  *watchMetrics
	followed chan struct{} // holds one element when names have changed

	mu       sync.Mutex
	files    []string
	patterns []string
	known    digests
}

// NewWatcher returns a Watcher that follows nothing yet.
func NewWatcher(o WatcherOptions) (*Watcher, error) {
	if o.Expand == nil || o.Changed == nil {
		return nil, errors.New("building the watcher: WatcherOptions.Expand or Changed is nil, but both are needed to notice a change")
	}
	o.Debounce = cmp.Or(max(o.Debounce, 0), defaultDebounce)
	o.Patience = cmp.Or(max(o.Patience, 0), defaultPatience)
	o.Poll = cmp.Or(max(o.Poll, 0), defaultPoll)
	o.limit = cmp.Or(o.limit, defaultLimit)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.open == nil {
		o.open = fsnotify.NewWatcher
	}
	m, err := newWatchMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("building the watcher: %w", err)
	}
	return &Watcher{o: o, metrics: m, followed: make(chan struct{}, 1), known: digests{}}, nil
}

// Refresh takes what the files hold now as known. Call it before they are read.
func (w *Watcher) Refresh() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = w.look()
}

// Follow replaces the names of what is watched: files, which may be absent and
// are taken by their letters, and patterns for Expand. All are absolute. Files
// that were not followed before are known as they are now; about the others,
// what was known stays known. Call it before the files are read, with the names
// of the newest configuration that could be read at all: with those of the one
// in force, a file that an unfit configuration names could not be mended.
func (w *Watcher) Follow(files, patterns []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files, w.patterns = slices.Clone(files), slices.Clone(patterns)
	now := w.look()
	for path := range now {
		if before, ok := w.known[path]; ok {
			now[path] = before
		}
	}
	w.known = now
	select {
	case w.followed <- struct{}{}:
	default:
	}
}

// Run watches until ctx ends, and returns nil then. It is called once.
func (w *Watcher) Run(ctx context.Context) error {
	l := &listener{open: w.o.open, poll: w.o.Poll, log: w.o.Logger, metrics: w.metrics, sight: newSight(nil, nil, 0)}
	defer l.close()
	d := &debounce{quiet: w.o.Debounce, patience: w.o.Patience}
	defer d.stop()
	poll := time.NewTicker(w.o.Poll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.followed:
			w.check(l, d)
		case <-poll.C:
			w.check(l, d)
		case event, open := <-l.events():
			if !open {
				l.close()
			} else if l.sight.matters(event.Name) {
				d.touch()
			}
		case err := <-l.faults:
			w.stumble(l, d, err)
		case <-d.rested():
			d.stop()
			w.settle(l)
		}
	}
}

// check looks at the files though nothing was heard of them. What is different
// may be half written, so it is given time to rest.
func (w *Watcher) check(l *listener, d *debounce) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !maps.Equal(w.aim(l), w.known) {
		d.begin()
	}
}

// settle looks at the files after they have rested, and tells of a change.
func (w *Watcher) settle(l *listener) {
	if w.learn(l) {
		w.o.Changed()
	}
}

// learn reports whether the files hold anything that was not known.
func (w *Watcher) learn(l *listener) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.aim(l)
	if maps.Equal(now, w.known) {
		return false
	}
	w.known = now
	return true
}

// stumble goes on after an error of the operating system: events may have been
// lost. What is broken is opened anew at the next look.
func (w *Watcher) stumble(l *listener, d *debounce, err error) {
	w.o.Logger.Debug("the operating system could not tell of changes", "err", err)
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		l.close()
	}
	d.begin()
}

// aim listens where the files are now, and then looks at them, so that what
// happens later is heard. The caller holds the lock.
func (w *Watcher) aim(l *listener) digests {
	for range maxAims {
		files := slices.Concat(w.files, w.o.Expand(w.patterns))
		if !l.aim(newSight(files, w.patterns, w.o.limit)) {
			break
		}
	}
	return w.look()
}

// look reads all files. The caller holds the lock.
func (w *Watcher) look() digests {
	return digestsOf(slices.Concat(w.files, w.o.Expand(w.patterns)))
}
