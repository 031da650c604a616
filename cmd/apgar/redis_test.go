package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// The times of the service under test, and what is allowed to take how long.
const (
	redisInterval = 5 * time.Second
	takeover      = 15 * time.Second // after kill -9 of the grader
	silence       = 10 * time.Second // until a store that is gone is told of
)

// onRedis is a folder with a configuration that has a demo for its sources and
// a real Redis for its store.
type onRedis struct {
	binary, folder string
	demo           *runningDemo
	redis          *redistest.Server
	services       []catalogService
}

type catalogService struct {
	Namespace, Name, Owner string
	Tags                   []string
}

// testOnRedis runs the parts of a service as processes of their own, and takes
// them and their store away from each other.
func testOnRedis(t *testing.T, binary string) {
	t.Parallel()
	w := &onRedis{binary: binary, folder: t.TempDir(), redis: redistest.Start(t)}
	w.demo = startDemo(t, binary, 8)
	w.demo.ready(t)
	w.services = items[catalogService](t, w.demo.url+"/api/v1/services")
	w.writeConfig(t)

	first := w.serve(t, "all")
	first.fresh(t, time.Minute)
	second, reader := w.serve(t, "all"), w.serve(t, "api")
	t.Run("all parts serve the same", func(t *testing.T) { w.sameEverywhere(t, first, second, reader) })
	t.Run("a change of the catalog is taken over by all, a mistake by none", func(t *testing.T) { w.reloads(t, first, second, reader) })
	t.Run("one that stands by takes over from a grader that was killed", func(t *testing.T) { w.takesOver(t, first, second, reader) })
	third := w.serve(t, "all")
	t.Run("a grader that was stopped and goes on commits nothing", func(t *testing.T) { w.stopped(t, second, third, reader) })
	t.Run("without Redis everything is served on, and says that it is stale", func(t *testing.T) { w.withoutRedis(t, third, reader) })
	t.Run("with an empty Redis everything is fresh within an interval", func(t *testing.T) { w.emptyRedis(t, second, third, reader) })
	t.Run("they end when they are told to", func(t *testing.T) {
		for _, p := range []*part{second, third, reader} {
			p.end(t)
		}
	})
	w.demo.end(t)
}

func (w *onRedis) writeConfig(t *testing.T) {
	t.Helper()
	w.writeCatalog(t, w.services)
	var sources strings.Builder
	for _, cluster := range []string{"eu-west", "us-east", "ap-south"} {
		fmt.Fprintf(&sources, "  - {name: %s, replicas: [{url: %q}]}\n", cluster, w.demo.prometheus+"/"+cluster)
	}
	w.write(t, "apgar.yml", fmt.Sprintf(`global: {evaluation_interval: %s, query_delay: 1s, query_timeout: 4s}
sources:
%scatalog: {files: [catalog.yml]}
rubrics: {packs: [http]}
redis: {addresses: [%q]}
`, redisInterval, sources.String(), w.redis.Addr()))
	// What only a grader needs is in the middle of a bad edit.
	w.write(t, "api.yml", fmt.Sprintf("sources: [{name: EU}]\nrubrics: {packs: [nope]}\nredis: {addresses: [%q]}\n", w.redis.Addr()))
}

func (w *onRedis) writeCatalog(t *testing.T, services []catalogService) {
	t.Helper()
	type entry struct {
		Name      string   `json:"name"`
		Namespace string   `json:"namespace"`
		Owner     string   `json:"owner"`
		Tags      []string `json:"tags"`
	}
	var list []entry
	for _, s := range services {
		list = append(list, entry{s.Name, s.Namespace, s.Owner, s.Tags})
	}
	data, err := json.Marshal(map[string]any{"apiVersion": "apgar.dev/v1", "services": list}) // JSON is YAML
	require.NoError(t, err)
	w.write(t, "catalog.yml", string(data))
}

func (w *onRedis) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(w.folder, name), []byte(content), 0o600))
}

// part is one process of the service.
type part struct {
	*program
	url string
}

func (w *onRedis) serve(t *testing.T, target string) *part {
	t.Helper()
	config := map[string]string{"all": "apgar.yml", "api": "api.yml"}[target]
	p := start(t, w.binary, "serve", "--target="+target, "--config.file="+filepath.Join(w.folder, config), "--web.listen-address=127.0.0.1:0")
	return &part{program: p, url: p.says(t, 30*time.Second, `msg=listening url=(http://\S+)`)}
}

// ask asks for a page with a deadline that no answer from memory comes near.
func (p *part) ask(t *testing.T, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	require.NoError(t, err)
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// list is the envelope of a list of scorecards.
type list struct {
	Items []struct {
		card
		DataTime time.Time `json:"data_time"`
		Stale    bool
	}
	Stale bool
}

func (p *part) list(t *testing.T) (list, bool) {
	t.Helper()
	status, body := p.ask(t, "/api/v1/scorecards?limit=500")
	var l list
	if status != http.StatusOK {
		return l, false
	}
	require.NoError(t, json.Unmarshal([]byte(body), &l))
	return l, true
}

// dataTime is the newest tick that is served.
func (l list) dataTime() time.Time {
	if len(l.Items) == 0 {
		return time.Time{}
	}
	return l.Items[0].DataTime
}

// metric reads the value of a series of /metrics, NaN-free and 0 when absent.
func (p *part) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, page := p.ask(t, "/metrics")
	for rest, value := range series(page, name) {
		if rest == "" {
			x, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			return x
		}
	}
	return 0
}

// fresh waits until what is served is of now.
func (p *part) fresh(t *testing.T, patience time.Duration) {
	t.Helper()
	eventually(t, patience, func() (bool, string) {
		l, ok := p.list(t)
		age := time.Since(l.dataTime())
		return ok && !l.Stale && len(l.Items) > 0 && age < 3*redisInterval,
			fmt.Sprintf("served: %t, stale: %t, %d scorecards of %s ago\n%s", ok, l.Stale, len(l.Items), age, p.stderr.String())
	})
}

// sameEverywhere compares what the parts say of one generation, byte for byte.
func (w *onRedis) sameEverywhere(t *testing.T, parts ...*part) {
	for _, path := range []string{"/api/v1/scorecards?limit=500", "/api/v1/services?limit=500", "/api/v1/rubrics", "/api/v1/sources", "/metrics/scorecards"} {
		eventually(t, 30*time.Second, func() (bool, string) {
			_, want := parts[0].ask(t, path)
			for _, p := range parts[1:] {
				if _, got := p.ask(t, path); got != want {
					return false, fmt.Sprintf("%s differs:\n%s\n%s", path, firstDifference(want, got), firstDifference(got, want))
				}
			}
			return true, ""
		})
	}
	eventually(t, 15*time.Second, func() (bool, string) {
		leaders := 0.0
		for _, p := range parts {
			leaders += p.metric(t, "apgar_collector_leader")
		}
		return leaders == 1, fmt.Sprintf("%g of them take themselves for the grader", leaders)
	})
	for _, p := range parts {
		if p.metric(t, "apgar_collector_leader") == 0 {
			p.asksNobody(t)
		}
	}
}

// asksNobody checks that a part that does not grade asks no source while others
// go on.
func (p *part) asksNobody(t *testing.T) {
	t.Helper()
	_, before := p.ask(t, "/metrics")
	l, _ := p.list(t)
	eventually(t, 30*time.Second, func() (bool, string) {
		now, _ := p.list(t)
		return now.dataTime().After(l.dataTime()), "nothing newer is served"
	})
	_, after := p.ask(t, "/metrics")
	require.Equal(t, series(before, `apgar_source_queries_total`), series(after, `apgar_source_queries_total`), "who does not grade asks no source")
}

// firstDifference shows where a text leaves another.
func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-80):min(len(a), i+120)]
}

func (w *onRedis) reloads(t *testing.T, grader *part, parts ...*part) {
	with := slices.Concat(w.services, []catalogService{{"default", "newcomer", "team-new", []string{"http"}}})
	w.writeCatalog(t, with)
	for _, p := range append(parts, grader) {
		eventually(t, 30*time.Second, func() (bool, string) {
			status, body := p.ask(t, "/api/v1/scorecards/http/default/newcomer")
			return status == http.StatusOK, body + p.stderr.String()
		})
	}
	before, ok := grader.list(t)
	require.True(t, ok)
	require.Equal(t, 1.0, grader.metric(t, "apgar_config_last_reload_successful"))
	w.write(t, "catalog.yml", "apiVersion: apgar.dev/v1\nservices: [{name: lonely}]\n")
	eventually(t, 30*time.Second, func() (bool, string) {
		return grader.metric(t, "apgar_config_last_reload_successful") == 0, "the catalog that lost nearly all of its services is not refused"
	})
	w.write(t, "catalog.yml", "apiVersion: apgar.dev/v1\nservices: [{name: ")
	response, err := (&http.Client{Timeout: 20 * time.Second}).Post(grader.url+"/-/reload", "", nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusInternalServerError, response.StatusCode, "a mistake is told to who reloads")
	l, ok := grader.list(t)
	require.True(t, ok)
	require.Len(t, l.Items, len(before.Items), "what was in force stays")
	w.writeCatalog(t, w.services)
	require.NoError(t, grader.process.Process.Signal(syscall.SIGHUP))
	for _, p := range append(parts, grader) {
		eventually(t, 30*time.Second, func() (bool, string) {
			status, _ := p.ask(t, "/api/v1/scorecards/http/default/newcomer")
			return status == http.StatusNotFound, "the service that was removed is still served"
		})
	}
}

func (w *onRedis) takesOver(t *testing.T, first, second, reader *part) {
	before, _ := reader.list(t)
	require.NoError(t, first.process.Process.Kill())
	<-first.ended
	began := time.Now()
	eventually(t, takeover, func() (bool, string) {
		return second.metric(t, "apgar_collector_leader") == 1, "the second still stands by"
	})
	t.Logf("taken over after %s", time.Since(began).Round(100*time.Millisecond))
	eventually(t, 4*redisInterval, func() (bool, string) {
		l, ok := reader.list(t)
		return ok && l.dataTime().After(before.dataTime().Add(takeover/2)) && !l.Stale, "nothing new is served: " + second.stderr.String()
	})
}

// stopped has a grader sleep beyond its lease.
func (w *onRedis) stopped(t *testing.T, grader, other, reader *part) {
	other.fresh(t, 30*time.Second)
	require.NoError(t, grader.process.Process.Signal(syscall.SIGSTOP))
	eventually(t, takeover, func() (bool, string) {
		return other.metric(t, "apgar_collector_leader") == 1, "nobody takes over from one that sleeps"
	})
	other.fresh(t, 30*time.Second)
	epoch := w.redis.Do("HGET", "{apgar}:lease", "epoch")
	require.NotEmpty(t, epoch)
	require.NoError(t, grader.process.Process.Signal(syscall.SIGCONT))
	eventually(t, 15*time.Second, func() (bool, string) {
		return grader.metric(t, "apgar_collector_leader") == 0, "it still takes itself for the grader"
	})
	grader.fresh(t, 30*time.Second)
	reader.fresh(t, 30*time.Second)
	require.Equal(t, epoch, w.redis.Do("HGET", "{apgar}:lease", "epoch"), "the one that slept has not got the lease back")
}

func (w *onRedis) withoutRedis(t *testing.T, grader, reader *part) {
	before, _ := grader.list(t)
	w.redis.Kill()
	began := time.Now()
	for _, p := range []*part{grader, reader} {
		eventually(t, silence-time.Since(began), func() (bool, string) {
			l, ok := p.list(t)
			all := true
			for _, c := range l.Items {
				all = all && c.Stale
			}
			return ok && l.Stale && all && len(l.Items) == len(before.Items), fmt.Sprintf("served: %t, stale: %t", ok, l.Stale)
		})
	}
	t.Logf("stale after %s", time.Since(began).Round(100*time.Millisecond))
	eventually(t, 6*redisInterval, func() (bool, string) {
		l, _ := grader.list(t)
		return l.dataTime().After(before.dataTime().Add(2 * redisInterval)), "it grades no more: " + grader.stderr.String()
	})
	t.Logf("without Redis, of 300 lists the slowest in a hundred took %s", reader.slowest(t, 300))
	for _, p := range []*part{grader, reader} {
		for _, path := range []string{"/-/healthy", "/-/ready", "/api/v1/sources", "/metrics", "/metrics/scorecards", "/"} {
			status, _ := p.ask(t, path)
			require.Equal(t, http.StatusOK, status, path)
		}
		status, body := p.ask(t, "/api/v1/scorecards/http/"+w.services[0].Namespace+"/"+w.services[0].Name+"/history")
		require.Equal(t, http.StatusServiceUnavailable, status, body)
		require.Contains(t, body, "history_unavailable")
	}
}

// slowest is the 99th percentile of the time that n lists take. The bound is
// for a machine that is busy with other tests; an answer that waited for Redis
// would take seconds.
func (p *part) slowest(t *testing.T, n int) time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		l, ok := p.list(t)
		took[i] = time.Since(began)
		require.True(t, ok && l.Stale)
	}
	slices.Sort(took)
	p99 := took[n*99/100]
	require.Less(t, p99, 500*time.Millisecond)
	return p99
}

// emptyRedis brings Redis back without anything in it. Whoever asks for the
// lease first gets it: both can go on from what they know.
func (w *onRedis) emptyRedis(t *testing.T, standby, grader, reader *part) {
	w.redis.Restart()
	began := time.Now()
	for _, p := range []*part{grader, reader, standby} {
		p.fresh(t, 30*time.Second)
	}
	t.Logf("fresh %s after Redis was back", time.Since(began).Round(100*time.Millisecond))
	require.Equal(t, "hash", w.redis.Do("TYPE", "{apgar.head}:objects"), "the store is written anew")
	w.sameEverywhere(t, grader, standby, reader)
}
