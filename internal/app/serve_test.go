package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/app"
)

// serving is app.Serve while it runs.
type serving struct {
	url  string
	log  *logBook
	stop func() error // ends it, once, and returns what it returned
}

// serve runs app.Serve on an address until the test ends.
func serve(t *testing.T, config, address string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{log: &logBook{listening: make(chan string, 1)}}
	ended := make(chan error, 1)
	go func() {
		ended <- app.Serve(ctx, app.ServeOptions{
			ConfigFile: config, Web: app.Web{ListenAddress: address}, Logger: slog.New(slog.NewJSONHandler(s.log, nil)),
		})
	}()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = s.stop() })
	select {
	case s.url = <-s.log.listening:
	case err := <-ended:
		require.FailNow(t, "serve ended at once", "%v", err)
	}
	return s
}

// logBook keeps log lines, and notices where a service listens.
type logBook struct {
	lockedBuffer
	listening chan string
}

// Write implements io.Writer; each call is one line.
func (l *logBook) Write(line []byte) (int, error) {
	var entry struct{ Msg, URL string }
	if json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
		l.listening <- entry.URL
	}
	return l.lockedBuffer.Write(line)
}

// scorecards reads all scorecards; the API must answer.
func (s *serving) scorecards(t *testing.T) []card {
	t.Helper()
	status, body := fetch(t, s.url+"/api/v1/scorecards?limit=500")
	require.Equal(t, http.StatusOK, status, "the API answers whatever happens to sources: %s", body)
	return decode[struct{ Items []card }](t, body).Items
}

// metric reads the value of one series of /metrics, "" if there is none.
func (s *serving) metric(t *testing.T, series string) string {
	t.Helper()
	status, body := fetch(t, s.url+"/metrics")
	require.Equal(t, http.StatusOK, status)
	_, rest, found := strings.Cut("\n"+string(body), "\n"+series+" ")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

func (w *world) testServe(t *testing.T) {
	s := serve(t, w.config, "127.0.0.1:0")
	eventually(t, time.Minute, func() (bool, string) {
		status, body := fetch(t, s.url+"/-/ready")
		return status == http.StatusOK, string(body)
	})
	t.Run("live grades are those of evaluate, and a second tick without targets is a fail", func(t *testing.T) { w.liveGrades(t, s) })
	t.Run("without one of two sources the rest goes on", func(t *testing.T) { w.liveOutage(t, s) })
	t.Run("with the source everything is back", func(t *testing.T) { w.liveRecovery(t, s) })
	t.Run("it ends when it is told to", func(t *testing.T) {
		started := time.Now()
		require.NoError(t, s.stop())
		require.Less(t, time.Since(started), 5*time.Second)
		require.NotContains(t, s.log.String(), `"level":"ERROR"`)
	})
}

func (w *world) liveGrades(t *testing.T, s *serving) {
	var items []card
	eventually(t, time.Minute, func() (bool, string) {
		items = s.scorecards(t)
		found := cards(items)
		reason := found["http default/collapsed"].result(t, "availability").Reason
		covered := found["http default/steady"].result(t, "availability").Budget.Covered
		return covered >= worldPast.Hours()/(30*24) && reason == "target_down",
			fmt.Sprintf("%.4f of the period is covered, collapsed is %s", covered, reason)
	})
	expected := expectedHTTP()
	down := "fail target_down"
	expected["default/collapsed"] = map[string]string{"availability": down, "latency": down, "saturation": down, "traffic": down}
	w.compare(t, httpPack(), expected, items)
	w.compare(t, edgesRubric(), expectedEdges(), items)
	_, page := fetch(t, s.url+"/")
	require.True(t, bytes.Contains(page, []byte("/services/default/steady")), "the front page links to services")
}

func (w *world) liveOutage(t *testing.T, s *serving) {
	w.east.kill()
	var found map[string]*card
	eventually(t, 30*time.Second, func() (bool, string) {
		found = cards(s.scorecards(t))
		r := found["http default/remote"].result(t, "availability")
		return r.Missing == "source_error", "remote is " + r.Verdict + " " + r.Reason + ", missing " + r.Missing
	})
	remote := found["http default/remote"]
	require.Equal(t, "scored", remote.Status)
	require.InDelta(t, 90, *remote.Score, 0.1, "what it was a moment ago is carried")
	require.InDelta(t, 1, remote.Coverage, 0)
	require.InDelta(t, 0.1, remote.FreshCoverage, 1e-9, "only the runbook is known anew")
	require.True(t, remote.result(t, "availability").Carried)
	require.Contains(t, remote.result(t, "availability").Message, "east did not answer")
	steady := found["http default/steady"]
	require.InDelta(t, 100, *steady.Score, 0.1)
	require.InDelta(t, 1, steady.FreshCoverage, 0)

	// Twelve of its twenty requests a second are in the west.
	spread := found["http default/spread"]
	require.Equal(t, "scored", spread.Status)
	availability := spread.result(t, "availability")
	require.Equal(t, "fail burning_fast", availability.Verdict+" "+availability.Reason)
	require.InDelta(t, 1, availability.Coverage, 0, "its answer of a moment ago still counts")
	require.Len(t, availability.Cells, 2)
	require.Equal(t, "source_error", availability.Cells[0].Fault)
	require.Zero(t, availability.Cells[0].Coverage)
	latency := 12.0 / (20 - 0.8*65/(26*60))
	require.InDelta(t, (10*0.6+7.5*latency+5*0.5+2.5)/25, spread.FreshCoverage, 0.001)

	status, body := fetch(t, s.url+"/api/v1/sources/east")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), `"last_error"`)
	require.NotEmpty(t, s.metric(t, `apgar_source_queries_total{result="unreachable",source="east"}`))
}

func (w *world) liveRecovery(t *testing.T, s *serving) {
	w.east.start(t)
	eventually(t, time.Minute, func() (bool, string) {
		found := cards(s.scorecards(t))
		remote, spread := found["http default/remote"], found["http default/spread"]
		return remote.FreshCoverage == 1 && spread.FreshCoverage == 1, "remote is " + remote.result(t, "availability").Missing + ": " + remote.result(t, "availability").Message
	})
	require.Equal(t, "0", s.metric(t, `apgar_source_breaker_open{source="east"}`))
}
