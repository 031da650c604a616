package reload

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// expand is an Expand of its own for the tests: globs of the standard library,
// and the YAML files below a directory. Which rules there are is not this
// package's to know.
func expand(patterns []string) []string {
	var files []string
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		for _, m := range matches {
			if info, err := os.Stat(m); err != nil || !info.IsDir() {
				files = append(files, m)
				continue
			}
			_ = filepath.WalkDir(m+"/", func(path string, entry os.DirEntry, err error) error {
				switch {
				case err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), "."):
					return filepath.SkipDir
				case err == nil && strings.HasSuffix(path, ".yml"):
					files = append(files, path)
				}
				return nil
			})
		}
	}
	slices.Sort(files)
	return files
}

// watching is a Watcher that runs until the test ends.
type watching struct {
	*Watcher
	changes atomic.Int32
	log     lockedBuffer
	told    int32 // how many changes the test knows of
}

// watch runs a Watcher that hears of changes quickly, and polls so seldom that
// no test waits for it.
func watch(t *testing.T, files, patterns []string) *watching {
	t.Helper()
	w := newWatching(t, WatcherOptions{Debounce: 50 * time.Millisecond, Poll: time.Hour})
	w.Follow(files, patterns)
	w.run(t)
	w.listens(t)
	return w
}

func newWatching(t *testing.T, o WatcherOptions) *watching {
	t.Helper()
	w := &watching{}
	o.Expand, o.Changed = expand, func() { w.changes.Add(1) }
	o.Logger = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Registerer = prometheus.NewRegistry()
	var err error
	w.Watcher, err = NewWatcher(o)
	require.NoError(t, err)
	return w
}

func (w *watching) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// listens waits until all directories are watched.
func (w *watching) listens(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		return testutil.ToFloat64(w.metrics.watched) > 0 && testutil.ToFloat64(w.metrics.unwatched) == 0
	}, 10*time.Second, 5*time.Millisecond, "%s", &w.log)
}

// notices holds that what was done is one change, or several that were told of
// together.
func (w *watching) notices(t *testing.T, what string) {
	t.Helper()
	require.Eventually(t, func() bool { return w.changes.Load() > w.told }, 10*time.Second, 5*time.Millisecond, "it does not notice that %s", what)
	w.told = w.changes.Load()
}

// notNoticed holds that what was done is no change, while several debounces
// pass.
func (w *watching) notNoticed(t *testing.T, what string) {
	t.Helper()
	require.Never(t, func() bool { return w.changes.Load() > w.told }, 300*time.Millisecond, 10*time.Millisecond, "it takes for a change that %s", what)
}

// ignores is notNoticed, and that a watched file is still looked after.
func (w *watching) ignores(t *testing.T, what, probe string) {
	t.Helper()
	w.notNoticed(t, what)
	write(t, probe, time.Now().String())
	w.notices(t, "a file was changed after "+what)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func makeDir(t testing.TB, elements ...string) string {
	t.Helper()
	dir := filepath.Join(elements...)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

// closedWatcher is what fsnotify gives when it breaks at once.
func closedWatcher(t *testing.T) func() (*fsnotify.Watcher, error) {
	t.Helper()
	return func() (*fsnotify.Watcher, error) {
		watcher, err := fsnotify.NewWatcher()
		if err == nil {
			err = watcher.Close()
		}
		return watcher, err
	}
}

// lockedBuffer takes a log while a test reads it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

// String returns what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
