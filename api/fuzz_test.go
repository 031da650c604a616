package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

// FuzzRequest holds that no request makes the server fail: whatever is asked,
// the answer is below 500.
func FuzzRequest(f *testing.F) {
	handler := newBench(f, fixture.Fleet(12), quiet, func(o *api.Options) { o.Changes = nil }).handler
	f.Add("/api/v1/scorecards", "sort=score&limit=5&cursor=AAAA", "application/json;q=0.5, */*", `W/"x", *`)
	f.Add("/api/v1/scorecards/http/default/playlist/history", "from=0&to=99999999999&step=1y", "text/html", `"`)
	f.Add("/services/default/playlist", "live=off", "", "*")
	f.Add("/", "by=owner&q=%00", "*/*;q=x", "")
	f.Fuzz(func(t *testing.T, path, query, accept, held string) {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL = &url.URL{Path: path, RawQuery: query}
		request.Header["Accept"] = []string{accept}
		request.Header["If-None-Match"] = []string{held}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s?%s answers %d: %s", path, query, w.Code, w.Body)
		}
	})
}

// FuzzEvents holds that whatever is asked of the stream, and wherever a client
// says that it was, it is refused with a reason or begins.
func FuzzEvents(f *testing.F) {
	b := newBench(f, fixture.Fleet(12), quiet)
	b.changes.Commit(scorecard.Change{Kind: scorecard.GradeChanged})
	f.Add("kind=grade_changed&service=default/playlist&q=x", "-1", "text/event-stream")
	f.Add("last_event_id=ff-1&tier=none", "", "text/*;q=0.1, */*")
	f.Add("last_event_id=%ff%0a", "0-18446744073709551616", "")
	f.Fuzz(func(t *testing.T, query, last, accept string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/events", nil)
		request.URL.RawQuery = query
		request.Header["Last-Event-Id"] = []string{last}
		request.Header["Accept"] = []string{accept}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, request)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s answers %d: %s", query, w.Code, w.Body)
		}
		if w.Code == http.StatusOK && strings.Count(w.Body.String(), "\nid:") > 1 {
			t.Fatalf("%s from %q begins with more than one event: %s", query, last, w.Body)
		}
	})
}
