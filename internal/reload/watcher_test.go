package reload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestAChangedFileIsNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, other := filepath.Join(dir, "apgar.yml"), filepath.Join(dir, "other")
	write(t, config, "a")
	w := watch(t, []string{config, filepath.Join(dir, "secret")}, nil)

	write(t, config, "b")
	w.notices(t, "a file was written")
	write(t, filepath.Join(dir, "new"), "c")
	require.NoError(t, os.Rename(filepath.Join(dir, "new"), config))
	w.notices(t, "a file was replaced, as editors do")
	require.NoError(t, os.Remove(config))
	w.notices(t, "a file was deleted")
	write(t, config, "c")
	w.notices(t, "a file is there again")
	write(t, filepath.Join(dir, "secret"), "x")
	w.notices(t, "a file that was absent from the start is there")

	write(t, config, "c")
	now := time.Now()
	require.NoError(t, os.Chtimes(config, now, now))
	write(t, filepath.Join(dir, "new"), "c")
	require.NoError(t, os.Rename(filepath.Join(dir, "new"), config))
	w.ignores(t, "the same bytes were written again", config)
	write(t, other, "y")
	w.ignores(t, "a file beside it was written", config)
}

func TestAFileOfAPatternIsNoticed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	probe := filepath.Join(root, "probe")
	flat, tree := makeDir(t, root, "flat"), makeDir(t, root, "tree", "deep")
	late := filepath.Join(root, "late", "still", "later")
	w := watch(t, []string{probe}, []string{
		filepath.Join(flat, "*.yml"), filepath.Join(root, "tree"), filepath.Join(root, "teams", "*", "catalog.yml"), filepath.Join(late, "*.yml"),
	})

	write(t, filepath.Join(flat, "a.yml"), "1")
	w.notices(t, "a glob begins to match")
	write(t, filepath.Join(flat, "b.yml"), "1")
	w.notices(t, "a glob matches one more")
	write(t, filepath.Join(flat, "a.yml"), "2")
	w.notices(t, "a file that was not there at first was written")
	require.NoError(t, os.Rename(filepath.Join(flat, "a.yml"), filepath.Join(flat, "a.txt")))
	w.notices(t, "a file was renamed away")
	write(t, filepath.Join(flat, "a.txt"), "3")
	w.ignores(t, "a file that does not match was written", probe)

	write(t, filepath.Join(tree, "a.yml"), "1")
	w.notices(t, "a file deep in a directory was written")
	makeDir(t, tree, "new", "newer")
	w.ignores(t, "empty directories were made", probe)
	write(t, filepath.Join(tree, "new", "newer", "a.yml"), "1")
	w.notices(t, "a file in a directory that is new was written")

	makeDir(t, root, "teams", "listen")
	w.ignores(t, "a directory was made", probe)
	write(t, filepath.Join(root, "teams", "listen", "catalog.yml"), "1")
	w.notices(t, "a glob over directories begins to match")

	makeDir(t, filepath.Dir(late))
	w.ignores(t, "a part of a path appeared", probe)
	makeDir(t, late)
	write(t, filepath.Join(late, "a.yml"), "1")
	w.notices(t, "a path that was absent leads somewhere")
}

func TestADirectoryThatVanishesComesBack(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := makeDir(t, root, "up", "catalog")
	file := filepath.Join(dir, "a.yml")
	write(t, file, "1")
	w := watch(t, nil, []string{filepath.Join(dir, "*.yml")})
	for i := range 3 {
		require.NoError(t, os.RemoveAll(dir))
		w.notices(t, "a directory was removed")
		write(t, filepath.Join(makeDir(t, dir), "a.yml"), fmt.Sprint("again ", i))
		w.notices(t, "a directory is there again")
		write(t, file, fmt.Sprint("changed ", i))
		w.notices(t, "a file in it was changed")

		require.NoError(t, os.Rename(filepath.Join(root, "up"), filepath.Join(root, "away")))
		w.notices(t, "a directory above it was moved away")
		write(t, filepath.Join(root, "away", "catalog", "a.yml"), fmt.Sprint("elsewhere ", i))
		require.NoError(t, os.Rename(filepath.Join(root, "away"), filepath.Join(root, "up")))
		w.notices(t, "it was moved back")
		write(t, file, fmt.Sprint("at home ", i))
		w.notices(t, "a file in it was changed")

		next := makeDir(t, root, fmt.Sprint("next", i))
		write(t, filepath.Join(makeDir(t, next, "catalog"), "a.yml"), fmt.Sprint("next ", i))
		require.NoError(t, os.Rename(filepath.Join(root, "up"), filepath.Join(root, fmt.Sprint("old", i))))
		require.NoError(t, os.Rename(next, filepath.Join(root, "up")))
		w.notices(t, "a directory above it was replaced")
		write(t, file, fmt.Sprint("new ", i))
		w.notices(t, "a file in the new one was changed")
	}
}

// configMap is a folder as Kubernetes mounts a ConfigMap: every file is a link
// to ..data/<file>, and ..data is a link to a folder that is never changed.
type configMap struct {
	dir  string
	turn int
}

// set replaces all files at once, as the kubelet does: by renaming one link.
func (c *configMap) set(t *testing.T, files map[string]string) {
	t.Helper()
	c.turn++
	data := fmt.Sprintf("..2026_10_20_10_00_%02d.1", c.turn)
	makeDir(t, c.dir, data)
	for name, content := range files {
		write(t, filepath.Join(c.dir, data, name), content)
	}
	old, err := os.Readlink(filepath.Join(c.dir, "..data"))
	require.NoError(t, os.Symlink(data, filepath.Join(c.dir, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(c.dir, "..data_tmp"), filepath.Join(c.dir, "..data")))
	for name := range files {
		if _, err := os.Lstat(filepath.Join(c.dir, name)); err != nil {
			require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(c.dir, name)))
		}
	}
	if err == nil {
		require.NoError(t, os.RemoveAll(filepath.Join(c.dir, old)))
	}
}

func TestAConfigMapIsSwapped(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mount := &configMap{dir: makeDir(t, root, "etc", "apgar")}
	catalog := &configMap{dir: makeDir(t, root, "catalog")}
	mount.set(t, map[string]string{"apgar.yml": "1", "rubric.yml": "1"})
	catalog.set(t, map[string]string{"a.yml": "1"})
	w := watch(t, []string{filepath.Join(mount.dir, "apgar.yml")}, []string{filepath.Join(mount.dir, "rub*.yml"), catalog.dir})
	for i := range 4 {
		mount.set(t, map[string]string{"apgar.yml": fmt.Sprint("swap ", i), "rubric.yml": "1"})
		w.notices(t, "the configuration was swapped")
		mount.set(t, map[string]string{"apgar.yml": fmt.Sprint("swap ", i), "rubric.yml": fmt.Sprint("swap ", i)})
		w.notices(t, "what a glob names was swapped")
		catalog.set(t, map[string]string{"a.yml": fmt.Sprint("swap ", i)})
		w.notices(t, "what a directory holds was swapped")
		catalog.set(t, map[string]string{"a.yml": fmt.Sprint("swap ", i), "b.yml": fmt.Sprint("new ", i)})
		w.notices(t, "a file was added by a swap")
	}
	catalog.set(t, map[string]string{"a.yml": "swap 3", "b.yml": "new 3"})
	w.notNoticed(t, "the same content was swapped in")
	mount.set(t, map[string]string{"apgar.yml": "the end", "rubric.yml": "swap 3"})
	w.notices(t, "the configuration was swapped")
}

func TestALinkOnTheWayIsPointedElsewhere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	one, two := makeDir(t, root, "releases", "1"), makeDir(t, root, "releases", "2")
	write(t, filepath.Join(makeDir(t, one, "catalog"), "a.yml"), "1")
	write(t, filepath.Join(makeDir(t, two, "catalog"), "a.yml"), "2")
	makeDir(t, root, "links", "here")
	point := func(target string) {
		require.NoError(t, os.Symlink(target, filepath.Join(root, "links", "tmp")))
		require.NoError(t, os.Rename(filepath.Join(root, "links", "tmp"), filepath.Join(root, "links", "current")))
	}
	point("here/../../releases/1")
	w := watch(t, nil, []string{filepath.Join(root, "links", "current", "catalog", "*.yml")})
	write(t, filepath.Join(one, "catalog", "a.yml"), "3")
	w.notices(t, "a file behind a link was changed")
	point(two)
	w.notices(t, "a link above the files was pointed elsewhere")
	write(t, filepath.Join(two, "catalog", "b.yml"), "4")
	w.notices(t, "a file appeared behind the new target")
	write(t, filepath.Join(one, "catalog", "a.yml"), "5")
	w.notNoticed(t, "something happened behind the old target")
	point("current") // a circle
	w.notices(t, "a link leads in a circle")
	point("../releases/1")
	w.notices(t, "a link leads somewhere again")
}

// TestNothingIsMissedOrToldTwiceAroundALoad changes files between the steps of
// a load.
func TestNothingIsMissedOrToldTwiceAroundALoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, old, added := filepath.Join(dir, "apgar.yml"), filepath.Join(dir, "old.yml"), filepath.Join(dir, "added.yml")
	for _, path := range []string{config, old, added} {
		write(t, path, "1")
	}
	w := watch(t, []string{config}, []string{old})

	w.Refresh()
	w.Follow([]string{config}, []string{old, added})
	w.notNoticed(t, "another file is named")
	write(t, added, "2")
	w.notices(t, "a file that was named later was changed")

	w.Refresh()
	write(t, config, "2")
	w.Follow([]string{config}, []string{old, added})
	w.notices(t, "the configuration was changed after it was read, and before what it names was followed")

	write(t, old, "2")
	w.Refresh() // a load by hand, sooner than the change is noticed
	w.Follow([]string{config}, []string{old, added})
	w.notNoticed(t, "what was read by hand has changed before")

	w.Follow([]string{config}, []string{added})
	write(t, old, "3")
	w.notNoticed(t, "a file that is named no more was changed")
}

// TestAChangeBeforeRunIsNotMissed changes a file after it was read and before
// anything is watched.
func TestAChangeBeforeRunIsNotMissed(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "apgar.yml")
	write(t, config, "1")
	w := newWatching(t, WatcherOptions{Debounce: 10 * time.Millisecond, Poll: time.Hour})
	w.Follow([]string{config}, nil)
	write(t, config, "2")
	w.run(t)
	w.notices(t, "a file was changed before the watcher ran")
}

// TestWithoutTheOperatingSystemFilesArePolled goes through what can break: a
// watcher that cannot be opened, and one that is dead at once.
func TestWithoutTheOperatingSystemFilesArePolled(t *testing.T) {
	exhausted := func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }
	for name, open := range map[string]func() (*fsnotify.Watcher, error){"it cannot be opened": exhausted, "it is dead": closedWatcher(t)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := filepath.Join(dir, "apgar.yml")
			write(t, config, "1")
			synctest.Test(t, func(t *testing.T) {
				w := newWatching(t, WatcherOptions{open: open})
				w.Follow([]string{config}, []string{filepath.Join(dir, "*.yaml")})
				w.run(t)
				pass(time.Hour)
				require.Zero(t, w.changes.Load())
				require.Equal(t, 1, strings.Count(w.log.String(), "level=WARN"), "it is said once:\n%s", &w.log)
				require.Contains(t, w.log.String(), "files cannot be watched")
				require.GreaterOrEqual(t, testutil.ToFloat64(w.metrics.unwatched), 1.0)
				require.Zero(t, testutil.ToFloat64(w.metrics.watched))

				write(t, config, "2")
				pass(61*time.Second + time.Millisecond)
				require.EqualValues(t, 1, w.changes.Load())
				write(t, filepath.Join(dir, "a.yaml"), "1")
				pass(61*time.Second + time.Millisecond)
				require.EqualValues(t, 2, w.changes.Load())
				pass(time.Hour)
				require.EqualValues(t, 2, w.changes.Load())
			})
		})
	}
}

// TestWatchingBeginsWhenItCan has the operating system refuse twice.
func TestWatchingBeginsWhenItCan(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "apgar.yml")
	attempts := 0
	w := newWatching(t, WatcherOptions{Debounce: 50 * time.Millisecond, Poll: 20 * time.Millisecond, open: func() (*fsnotify.Watcher, error) {
		if attempts++; attempts <= 2 {
			return nil, errors.New("too many open files")
		}
		return fsnotify.NewWatcher()
	}})
	w.Follow([]string{config}, nil)
	w.run(t)
	w.listens(t)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "files are watched again") }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 1, strings.Count(w.log.String(), "level=WARN"))
	write(t, config, "1")
	w.notices(t, "a file was written")
}

func TestABrokenWatcherIsReplaced(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "apgar.yml")
	opened := make(chan *fsnotify.Watcher, 10)
	w := newWatching(t, WatcherOptions{Debounce: 20 * time.Millisecond, Poll: 50 * time.Millisecond, open: func() (*fsnotify.Watcher, error) {
		watcher, err := fsnotify.NewWatcher()
		opened <- watcher
		return watcher, err
	}})
	w.Follow([]string{config}, nil)
	w.run(t)
	require.NoError(t, (<-opened).Close())
	second := <-opened
	second.Errors <- fsnotify.ErrEventOverflow // it goes on after this one
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), fsnotify.ErrEventOverflow.Error()) }, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, opened)
	second.Errors <- errors.New("reading failed")
	<-opened
	w.listens(t)
	write(t, config, "1")
	w.notices(t, "a file was written")
}

func TestAWatcherNeedsToKnowWhatToDo(t *testing.T) {
	_, err := NewWatcher(WatcherOptions{Expand: expand})
	require.ErrorContains(t, err, "Changed is nil")
	reg := prometheus.NewRegistry()
	o := WatcherOptions{Expand: expand, Changed: func() {}, Registerer: reg}
	_, err = NewWatcher(o)
	require.NoError(t, err)
	_, err = NewWatcher(o)
	require.ErrorContains(t, err, "registering the metrics of watching files")
}
