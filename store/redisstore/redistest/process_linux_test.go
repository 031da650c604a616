package redistest_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// TestNoServerOutlivesATestRunThatWasKilled runs itself in a process of its
// own, which starts a server and kills itself.
func TestNoServerOutlivesATestRunThatWasKilled(t *testing.T) {
	const inner = "REDISTEST_KILLS_ITSELF"
	if os.Getenv(inner) != "" {
		s := redistest.Start(t)
		fmt.Fprintln(os.Stderr, field(s.Do("INFO", "server"), "process_id"))
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		select {}
	}
	t.Parallel()
	run := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	run.Env = append(os.Environ(), inner+"=yes", "TMPDIR="+t.TempDir())
	var said strings.Builder
	run.Stderr = &said
	require.ErrorContains(t, run.Run(), "signal: killed")
	var pid int
	_, err := fmt.Sscan(said.String(), &pid)
	require.NoError(t, err, said.String())
	t.Cleanup(func() {
		if t.Failed() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 10*time.Millisecond)
}

// gone tells whether a process has ended; a zombie has, whoever is to bury it.
func gone(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err != nil || strings.Contains(string(status), "State:\tZ")
}

// field returns the value of a line of INFO.
func field(info, name string) string {
	_, rest, _ := strings.Cut(info, name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
