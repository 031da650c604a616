package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// TestAStartMendsWhatIsDamagedInRedis damages one thing of a store while nobody
// runs, and starts again: grading goes on, and a fresh reader can follow.
func TestAStartMendsWhatIsDamagedInRedis(t *testing.T) {
	redis := redistest.Start(t)
	object := func(kind string) func(prefix string) (key, name string) {
		return func(prefix string) (string, string) {
			for _, key := range strings.Fields(redis.Do("KEYS", "{"+prefix+".*}:objects")) {
				for _, name := range strings.Fields(redis.Do("HKEYS", key)) {
					if strings.HasPrefix(name, kind+"/") {
						return key, name
					}
				}
			}
			require.FailNow(t, "there is no object", kind)
			return "", ""
		}
	}
	spoil := func(kind string) func(prefix string) {
		return func(prefix string) { key, name := object(kind)(prefix); redis.Do("HSET", key, name, "zz") }
	}
	remove := func(kind string) func(prefix string) {
		return func(prefix string) { key, name := object(kind)(prefix); redis.Do("HDEL", key, name) }
	}
	damages := map[string]func(prefix string){
		"spoilt scorecards": spoil("cards"), "missing scorecards": remove("cards"),
		"a spoilt catalog": spoil("catalog"), "missing rubrics": remove("rubrics"),
		"a spoilt root": spoil("root"), "spoilt states": spoil("states"), "a spoilt page of the ledger": spoil("ledger"),
		"a manifest with another body": func(prefix string) { redis.Do("HSET", "{"+prefix+"}:manifest", "body", "zzz") },
		"a text for a manifest": func(prefix string) {
			redis.Do("DEL", "{"+prefix+"}:manifest")
			redis.Do("SET", "{"+prefix+"}:manifest", "rubbish")
		},
	}
	n := 0
	for name, damage := range damages {
		n++
		prefix := fmt.Sprint("damaged-", n)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := redisConfig(t, redis.Addr(), prefix)
			stop := serveInBackground(t, config, targetAll, time.Time{})
			stop()
			damage(prefix)
			damaged := time.Now()
			stop = serveInBackground(t, config, targetAll, damaged)
			defer stop()
			defer serveInBackground(t, config, targetAPI, damaged)()
		})
	}
}

// redisConfig writes a configuration with a tick every second and a source
// that is not there.
func redisConfig(t *testing.T, address, prefix string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"apgar.yml": fmt.Sprintf(`
global: {evaluation_interval: 1s, query_delay: 0s}
sources: [{name: local, replicas: [{url: "http://127.0.0.1:1"}]}]
catalog: {files: [catalog.yml]}
rubrics: {packs: [http]}
redis: {addresses: [%q], key_prefix: %s}
`, address, prefix),
		"catalog.yml": "apiVersion: apgar.dev/v1\nservices: [{name: playlist, tags: [http]}, {name: tracks, tags: [http]}]\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return filepath.Join(dir, "apgar.yml")
}

// serveInBackground runs a service until stop is called, and returns once it
// serves what was graded after a time and is not stale.
func serveInBackground(t *testing.T, config, target string, after time.Time) (stop func()) {
	t.Helper()
	var log strings.Builder
	s, err := newService(ServeOptions{
		ConfigFile: config, Target: target, Web: Web{ListenAddress: "127.0.0.1:0"},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}, serviceExtras{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	stop = func() {
		cancel()
		require.NoError(t, <-ended)
		s.close()
	}
	fresh := func() bool {
		snap, stale := s.reader.Current()
		return snap != nil && !stale && snap.Tick.After(after)
	}
	if !assert.Eventually(t, fresh, 30*time.Second, 50*time.Millisecond) {
		stop()
		require.FailNow(t, "nothing fresh is served", log.String())
	}
	return stop
}
