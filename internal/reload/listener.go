package reload

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
)

// listener has the operating system tell of changes in directories. It may
// fail as it likes, which is logged once and counted: polling goes on.
type listener struct {
	open    func() (*fsnotify.Watcher, error)
	poll    time.Duration // for the log
	log     *slog.Logger
	metrics *watchMetrics
	watcher *fsnotify.Watcher      // nil: it could not be opened, or broke
	faults  chan error             // what watcher complained of last
	drained chan struct{}          // closed when watcher complains no more
	sight   *sight                 // what is listened for
	added   map[string]os.FileInfo // what each directory was when it was added
	deaf    bool                   // the log has said that something cannot be watched
}

func (l *listener) events() <-chan fsnotify.Event {
	if l.watcher == nil {
		return nil
	}
	return l.watcher.Events
}

// drain keeps an error of the watcher until it is asked for, and drops those
// that come meanwhile. The watcher may hold its lock while it complains, so
// somebody has to listen even while directories are added.
func drain(errs <-chan error, faults chan<- error, drained chan<- struct{}) {
	defer close(drained)
	for err := range errs {
		select {
		case faults <- err:
		default:
		}
	}
}

// aim listens for what is in sight, and for nothing else any more. It reports
// whether a directory came or went: something may have happened in it before
// it was listened to.
func (l *listener) aim(s *sight) (moved bool) {
	l.sight = s
	err := l.reopen()
	listening := l.forget(s)
	watched, unwatched := 0, 0
	for dir, v := range s.views {
		if listening[dir] {
			watched++
			continue
		}
		failed := l.add(dir)
		switch {
		case failed == nil:
			watched++
			moved = true
		case errors.Is(failed, fs.ErrNotExist):
			moved = true
		case v.needed:
			unwatched++
			if err == nil {
				err = fmt.Errorf("watching the directory %s: %w", dir, failed)
			}
		}
	}
	if s.cut {
		unwatched++
		err = fmt.Errorf("watching directories: there are more than %d of them", s.limit)
	}
	l.metrics.watched.Set(float64(watched))
	l.metrics.unwatched.Set(float64(unwatched))
	l.tell(err, unwatched)
	return moved
}

// forget stops listening for what is out of sight, and returns the directories
// that are listened to. One that is at its path no more, because a directory
// above it was moved, is out of sight: the watcher knows it by its old path.
func (l *listener) forget(s *sight) map[string]bool {
	listening := map[string]bool{}
	if l.watcher == nil {
		return listening
	}
	for _, dir := range l.watcher.WatchList() {
		now, err := os.Stat(dir)
		if s.views[dir] != nil && err == nil && os.SameFile(l.added[dir], now) {
			listening[dir] = true
			continue
		}
		_ = l.watcher.Remove(dir) // it may be gone by itself
		delete(l.added, dir)
	}
	return listening
}

// reopen opens the watcher when there is none.
func (l *listener) reopen() error {
	if l.watcher != nil {
		return nil
	}
	watcher, err := l.open()
	if err != nil {
		return fmt.Errorf("asking the operating system to tell of changes: %w", err)
	}
	l.watcher, l.faults, l.drained = watcher, make(chan error, 1), make(chan struct{})
	l.added = map[string]os.FileInfo{}
	go drain(watcher.Errors, l.faults, l.drained)
	return nil
}

func (l *listener) add(dir string) error {
	if l.watcher == nil {
		return errors.New("nothing can be watched")
	}
	// Looked at before it is added: were it replaced in between, it would be
	// added once more by the next aim, and not be missed for good.
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	l.added[dir] = info
	return l.watcher.Add(dir)
}

// tell logs when something cannot be watched, and when everything can be again.
func (l *listener) tell(err error, unwatched int) {
	switch deaf := err != nil; {
	case deaf && !l.deaf:
		l.log.Warn("files cannot be watched: changes are noticed by reading them now and then; raise the limits of inotify, or reload by hand",
			"err", err, "directories", unwatched, "every", l.poll)
	case !deaf && l.deaf:
		l.log.Info("files are watched again: changes are noticed at once")
	}
	l.deaf = err != nil
}

// close stops listening; the next aim begins anew.
func (l *listener) close() {
	if l.watcher != nil {
		_ = l.watcher.Close() // it holds nothing that could be lost
		<-l.drained
		l.watcher, l.faults = nil, nil
	}
}
