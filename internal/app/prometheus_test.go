package app_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program finds a program that the tests run for real.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed, and this test runs it for real: run `make test`, which installs what tests need", name)
	}
	return path
}

// prometheus is a real Prometheus that can be killed and revived.
type prometheus struct {
	binary, config, data, address string
	output                        lockedBuffer
	process                       *exec.Cmd
	ended                         chan struct{}
}

// url is the base of its API.
func (p *prometheus) url() string { return "http://" + p.address }

// newPrometheus prepares a Prometheus with a configuration and a data folder;
// it listens on a free port.
func newPrometheus(t *testing.T, config, data string) *prometheus {
	t.Helper()
	p := &prometheus{binary: program(t, "prometheus"), data: data, address: freeAddress(t)}
	p.config = filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(p.config, []byte(config), 0o600))
	t.Cleanup(p.kill)
	return p
}

// start runs it and waits until it answers.
func (p *prometheus) start(t *testing.T) {
	t.Helper()
	p.process = exec.Command(p.binary, "--config.file="+p.config, "--storage.tsdb.path="+p.data,
		"--storage.tsdb.retention.time=100d",
		"--web.listen-address="+p.address, "--log.level=warn")
	p.process.Stdout, p.process.Stderr = &p.output, &p.output
	require.NoError(t, p.process.Start(), "starting prometheus")
	ended := make(chan struct{})
	p.ended = ended
	go func() {
		defer close(ended)
		_ = p.process.Wait()
	}()
	eventually(t, 60*time.Second, func() (bool, string) {
		select {
		case <-ended:
			t.Fatalf("prometheus ended instead of serving on %s:\n%s", p.address, p.output.String())
		default:
		}
		status, _ := fetch(t, p.url()+"/-/ready")
		return status == http.StatusOK, "prometheus is not ready: " + p.output.String()
	})
}

// kill ends it without a chance to say good-bye.
func (p *prometheus) kill() {
	if p.process == nil {
		return
	}
	_ = p.process.Process.Kill()
	<-p.ended
	p.process = nil
}

// writeBlocks turns what beings have exposed into a data folder.
func writeBlocks(t *testing.T, present time.Time, beings []being) string {
	t.Helper()
	promtool := program(t, "promtool")
	dir := t.TempDir()
	input, data := filepath.Join(dir, "metrics.om"), filepath.Join(dir, "data")
	file, err := os.Create(input)
	require.NoError(t, err)
	require.NoError(t, expose(file, present, beings))
	require.NoError(t, file.Close())
	// Large blocks, because promtool reads the whole input once for each.
	command := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=64h", input, data)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "making blocks with promtool: %s", output)
	require.NoError(t, os.Remove(input))
	return data
}

// freeAddress is a local address on which nobody listens at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// eventually waits until something holds, and fails with the last reason why
// it does not.
func eventually(t *testing.T, patience time.Duration, holds func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := holds()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s still not: %s", patience, why)
		case <-tick.C:
		}
	}
}

// fetch asks for a page; without an answer the status is 0.
func fetch(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer func() { _ = response.Body.Close() }()
	var buffer bytes.Buffer
	if _, err := buffer.ReadFrom(response.Body); err != nil {
		return 0, []byte(err.Error())
	}
	return response.StatusCode, buffer.Bytes()
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
