package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheProgram builds the program once and runs it as a process of its own.
func TestTheProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "apgar")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "building the program: %s", output)
	t.Run("the demo", func(t *testing.T) { testDemo(t, binary) })
	t.Run("a hangup", func(t *testing.T) { testHangup(t, binary) })
	t.Run("parts that share a Redis", func(t *testing.T) { testOnRedis(t, binary) })
	t.Run("sources that misbehave", func(t *testing.T) { testHostileSources(t, binary) })
}

// program is the program while it runs.
type program struct {
	process        *exec.Cmd
	stdout, stderr lockedBuffer
	temporary      string        // what it sees as the folder for temporary files
	ended          chan struct{} // closed when it has ended
}

// start runs the program until the test ends.
func start(t *testing.T, binary string, args ...string) *program {
	t.Helper()
	p := &program{process: exec.Command(binary, args...), temporary: t.TempDir(), ended: make(chan struct{})}
	p.process.Stdout, p.process.Stderr = &p.stdout, &p.stderr
	p.process.Env = append(os.Environ(), "TMPDIR="+p.temporary)
	require.NoError(t, p.process.Start())
	go func() {
		defer close(p.ended)
		_ = p.process.Wait()
	}()
	t.Cleanup(func() {
		_ = p.process.Process.Kill()
		<-p.ended
	})
	return p
}

// says waits until the program has printed something, and returns what the
// expression's first group matched.
func (p *program) says(t *testing.T, patience time.Duration, expression string) string {
	t.Helper()
	pattern := regexp.MustCompile(expression)
	found := ""
	eventually(t, patience, func() (bool, string) {
		text := p.stdout.String() + p.stderr.String()
		if match := pattern.FindStringSubmatch(text); match != nil {
			found = match[1]
			return true, ""
		}
		select {
		case <-p.ended:
			require.FailNow(t, "the program ended", "%s", text)
		default:
		}
		return false, "it says nothing like " + expression + ":\n" + text
	})
	return found
}

// end asks the program to end, which it must do soon and with success, and
// without leaving anything behind.
func (p *program) end(t *testing.T) {
	t.Helper()
	started := time.Now()
	require.NoError(t, p.process.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "it goes on after SIGTERM", "%s", p.stderr.String())
	}
	require.Less(t, time.Since(started), 5*time.Second, "it ends soon after SIGTERM")
	require.Zero(t, p.process.ProcessState.ExitCode(), p.stderr.String())
	left, err := os.ReadDir(p.temporary)
	require.NoError(t, err)
	require.Empty(t, left, "it removes its temporary files")
	require.NotContains(t, p.stderr.String(), "panic")
}

// peak is the most memory that the program has used, in bytes.
func (p *program) peak(t *testing.T) int64 {
	t.Helper()
	return peakOf(t, p.process.Process.Pid)
}

// eventually waits until something holds, and fails with the last reason why
// it does not.
func eventually(t *testing.T, patience time.Duration, holds func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := holds()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			require.FailNow(t, "waited in vain", "after %s still not: %s", patience, why)
		case <-tick.C:
		}
	}
}

// fetch asks for a page that must be there.
func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", url, body.String())
	return body.String()
}

// items reads all pages of a list.
func items[T any](t *testing.T, url string) []T {
	t.Helper()
	var all []T
	for cursor := ""; ; {
		var page struct {
			Items      []T
			NextCursor *string `json:"next_cursor"`
		}
		require.NoError(t, json.Unmarshal([]byte(fetch(t, url+"?limit=500"+cursor)), &page))
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

// series reads the series of a page of metrics whose names, or names and
// labels, begin with a prefix: what follows the prefix, and the value.
func series(page, prefix string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(page) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			if at := strings.LastIndexByte(rest, ' '); at >= 0 {
				found[rest[:at]] = strings.TrimSpace(rest[at:])
			}
		}
	}
	return found
}

// lockedBuffer takes the output of a process while a test reads it.
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
