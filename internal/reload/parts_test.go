package reload

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestDebounceWaitsForQuietAndNotForEver(t *testing.T) {
	for name, c := range map[string]struct {
		touches []time.Duration // after the start; the first is 0
		rested  time.Duration
	}{
		"one event":                           {[]time.Duration{0}, time.Second},
		"events close together":               {[]time.Duration{0, 500, 1400}, 2400 * time.Millisecond},
		"events without an end":               {steps(0, 700, 40), 10 * time.Second},
		"the last event is before the end":    {steps(0, 700, 14), 10 * time.Second}, // 9.1s
		"the last event leaves time to rest":  {steps(0, 700, 10), 7300 * time.Millisecond},
		"an event of which the time is known": {[]time.Duration{0, 999}, 1999 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &debounce{quiet: time.Second, patience: 10 * time.Second}
				require.Nil(t, d.rested(), "nothing has happened yet")
				started := time.Now()
				for _, at := range c.touches {
					select {
					case <-d.rested():
						d.stop()
						require.Equal(t, c.rested, time.Since(started))
						return
					case <-time.After(time.Until(started.Add(at * time.Millisecond))):
						d.touch()
						d.begin()
					}
				}
				<-d.rested()
				require.Equal(t, c.rested, time.Since(started))
				d.stop()
				d.begin()
				started = time.Now()
				time.Sleep(900 * time.Millisecond)
				d.begin()
				<-d.rested()
				require.Equal(t, time.Second, time.Since(started), "begin does not make a wait longer")
			})
		})
	}
}

// steps returns n numbers from first on.
func steps(first, by time.Duration, n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = first + time.Duration(i)*by
	}
	return out
}

// TestWhatIsNoFileIsNotOpened would hang if a pipe were read.
func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	pipe, file, large := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "large")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	write(t, file, "")
	write(t, large, "")
	require.NoError(t, os.Truncate(large, maxHashed+1))
	first := digestsOf([]string{pipe, file, large, dir, filepath.Join(dir, "absent")})
	require.Len(t, slices.Collect(maps.Keys(first)), 5)
	distinct := map[digest]bool{}
	for _, d := range first {
		distinct[d] = true
	}
	require.Len(t, distinct, 5, "an empty file, a pipe, a directory and nothing are told apart")
	require.NoError(t, os.Truncate(large, maxHashed+2))
	require.NotEqual(t, first[large], digestOf(large), "the size tells of changes far behind")
}

// TestMoreDirectoriesThanCanBeWatched holds that the bound holds, is told, and
// that the files named one by one are watched all the same.
func TestMoreDirectoriesThanCanBeWatched(t *testing.T) {
	root := t.TempDir()
	config := filepath.Join(root, "etc", "apgar.yml")
	makeDir(t, root, "etc")
	for i := range 100 {
		makeDir(t, root, "many", fmt.Sprint(i/10), fmt.Sprint(i))
	}
	w := newWatching(t, WatcherOptions{Debounce: 50 * time.Millisecond, Poll: time.Hour, limit: 64})
	w.Follow([]string{config}, []string{filepath.Join(root, "many", "**", "*.yml")})
	w.run(t)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "there are more than 64 of them") }, 30*time.Second, 10*time.Millisecond)
	require.InDelta(t, 64, testutil.ToFloat64(w.metrics.watched), 0)
	require.InDelta(t, 1, testutil.ToFloat64(w.metrics.unwatched), 0)
	write(t, config, "1")
	w.notices(t, "the configuration was written")
}

func TestWhatMatters(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	makeDir(t, root, "real")
	makeDir(t, root, "all", "sub")
	makeDir(t, root, "all", ".hidden")
	require.NoError(t, os.Symlink("real", filepath.Join(root, "link")))
	s := newSight([]string{filepath.Join(root, "link", "file")}, []string{filepath.Join(root, "all"), filepath.Join(root, "none", "[a-z]*", "x")}, 100)
	for path, matters := range map[string]bool{
		"link": true, "real": true, "real/file": true, "real/other": false, "link/file": false, "other": false,
		"all/any": true, "all/sub/any": true, "all/.hidden/any": false, "none": true, "none/any": false,
	} {
		require.Equal(t, matters, s.matters(filepath.Join(root, path)), path)
	}
	require.True(t, s.matters("//"+root[1:]), "paths are compared clean")
	require.True(t, s.views[root].needed)
	require.False(t, s.views["/"].needed, "a far ancestor may be out of reach")
}
