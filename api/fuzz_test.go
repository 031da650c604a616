package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/apgarhq/apgar/api/internal/fixture"
)

// FuzzRequest holds that no request makes the server fail: whatever is asked,
// the answer is below 500.
func FuzzRequest(f *testing.F) {
	handler := newBench(f, fixture.Fleet(12), quiet).handler
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
