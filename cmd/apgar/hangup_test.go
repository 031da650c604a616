package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHangupsAreDelivered(t *testing.T) {
	requests, stop := hangups()
	defer stop()
	for range 2 {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
		select {
		case <-requests:
		case <-time.After(10 * time.Second):
			require.FailNow(t, "a hangup got lost")
		}
	}
}

// testHangup sends SIGHUP twice to a service, which goes on all the same.
func testHangup(t *testing.T, binary string) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"apgar.yml": `
sources: [{name: local, replicas: [{url: "http://127.0.0.1:1"}]}]
catalog: {files: [catalog.yml]}
rubrics: {packs: [http]}
`,
		"catalog.yml": "apiVersion: apgar.dev/v1\nservices: [{name: playlist, tags: [http]}]\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	p := start(t, binary, "serve", "--web.listen-address=127.0.0.1:0", "--config.file="+filepath.Join(dir, "apgar.yml"))
	url := p.says(t, 30*time.Second, `msg=listening url=(http://\S+)`)
	require.NoError(t, p.process.Process.Signal(syscall.SIGHUP))
	p.says(t, 10*time.Second, `(the configuration was reloaded)`)
	require.NoError(t, p.process.Process.Signal(syscall.SIGHUP))
	fetch(t, url+"/-/healthy")
	p.end(t)
}
