package app_test

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheComposeRedis runs a real Redis as compose.password.yaml does, with
// the users that make-secrets wrote: Apgar's may do what it needs and no more,
// and nobody else may do anything.
func TestTheComposeRedis(t *testing.T) {
	t.Parallel()
	redis := runComposeRedis(t)
	ask := func(login []string, words ...string) string {
		return askRedis(t, redis.address, append(login, words...)...)
	}
	apgar := []string{"--user", "apgar", "-a", redis.password, "--no-auth-warning"}

	require.Contains(t, ask(apgar, "INFO", "memory"), "maxmemory_policy:noeviction")
	require.Contains(t, ask(apgar, "INFO", "persistence"), "aof_enabled:1")
	require.Equal(t, "1", ask(apgar, "HSET", "{apgar}:manifest", "field", "value"))
	require.Equal(t, "1", ask(apgar, "HSET", "{apgar.07}:objects", "field", "value"))
	require.Equal(t, "1", ask(apgar, "EVAL", "return redis.call('DEL', KEYS[1])", "1", "{apgar}:manifest"))

	for _, refused := range [][]string{
		{"HSET", "{another}:manifest", "field", "value"},
		{"GET", "{apgar}:lease"},
		{"KEYS", "*"},
		{"FLUSHALL"},
		{"CONFIG", "GET", "*"},
		{"ACL", "LIST"},
		{"EVAL", "return redis.call('FLUSHALL')", "0"},
	} {
		require.Regexp(t, "NOPERM|ACL failure|can't run this command", ask(apgar, refused...), refused)
	}
	require.Contains(t, ask(nil, "PING"), "NOAUTH")
	require.Contains(t, ask([]string{"--user", "apgar", "-a", "wrong", "--no-auth-warning"}, "PING"), "WRONGPASS")
}

// makeSecrets runs the script and returns the password it made.
func makeSecrets(t *testing.T, folder string) string {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, "secrets", name))
		require.NoError(t, err)
		return string(text)
	}
	script := filepath.Join(folder, "make-secrets")
	output, err := exec.Command(script).CombinedOutput()
	require.NoError(t, err, "%s", output)
	password := read("redis_password")
	require.Regexp(t, `^[0-9a-f]{48}$`, password)
	require.NotContains(t, read("redis_users"), password)
	info, err := os.Stat(filepath.Join(folder, "secrets"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), "others on this machine can read the password")

	output, err = exec.Command(script).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Equal(t, password, read("redis_password"), "a second run has changed the password of a Redis that runs")
	return password
}

// composeRedis is a Redis as compose runs it.
type composeRedis struct{ address, password, secrets string }

// runComposeRedis runs redis-server as compose.password.yaml does, with new
// secrets, until the test ends.
func runComposeRedis(t *testing.T) composeRedis {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(deploy, "compose"))))
	redis := composeRedis{freeAddress(t), makeSecrets(t, folder), filepath.Join(folder, "secrets")}
	command := loadCompose(t, "compose.yaml", "compose.password.yaml").Services["redis"].Command
	require.Equal(t, "redis-server", command[0])
	host, port, err := net.SplitHostPort(redis.address)
	require.NoError(t, err)
	var arguments []string
	for _, word := range command[1:] {
		word = strings.Replace(word, "/usr/local/etc/redis/", filepath.Join(folder, "redis")+"/", 1)
		arguments = append(arguments, strings.Replace(word, "/run/secrets/", redis.secrets+"/", 1))
	}
	server := exec.Command(program(t, "redis-server"), append(arguments, "--bind", host, "--port", port, "--dir", t.TempDir())...)
	var output lockedBuffer
	server.Stdout, server.Stderr = &output, &output
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	eventually(t, 20*time.Second, func() (bool, string) {
		return strings.Contains(askRedis(t, redis.address, "PING"), "NOAUTH"), "Redis does not answer: " + output.String()
	})
	return redis
}

// askRedis returns what a command is answered, be it an error.
func askRedis(t *testing.T, address string, words ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	output, _ := exec.Command(program(t, "redis-cli"), append([]string{"-h", host, "-p", port}, words...)...).CombinedOutput()
	return strings.TrimSpace(string(output))
}

// TestTheRightsInRedisAreThoseOfTheDocumentation holds together what
// make-secrets grants and what docs/redis.md says, which a test of the store
// runs with.
func TestTheRightsInRedisAreThoseOfTheDocumentation(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(deploy, "compose", "make-secrets"))
	require.NoError(t, err)
	granted := regexp.MustCompile(`(?m)^readonly rights='(.*)'$`).FindStringSubmatch(string(script))
	require.NotNil(t, granted)
	page, err := os.ReadFile(filepath.Join(repository, "docs", "redis.md"))
	require.NoError(t, err)
	documented := regexp.MustCompile(`(?m)^user apgar on >PASSWORD (.*)$`).FindStringSubmatch(string(page))
	require.NotNil(t, documented)
	require.Equal(t, documented[1], granted[1])
}
