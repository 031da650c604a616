package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apgarhq/apgar/api/internal/fixture"
)

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkRequest(b *testing.B) {
	handler := newBench(b, fixture.Fleet(5000), quiet).handler
	for name, path := range map[string]string{
		"one scorecard":            "/api/v1/scorecards/http/default/playlist",
		"a list of 100":            "/api/v1/scorecards",
		"a list of 100 worst":      "/api/v1/scorecards?sort=score",
		"a list of 100 filtered":   "/api/v1/scorecards?grade=A&tier=1&sort=score",
		"a search":                 "/api/v1/scorecards?q=player",
		"the map of 5,000":         "/api/v1/scorecards?format=map",
		"the front page":           "/",
		"the front page, searched": "/?q=player",
	} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, path, nil)
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(discard{http.Header{}}, request)
			}
		})
	}
}

// BenchmarkFirstRollups is what the first request for rollups of a generation
// pays for: 5,000 services by every dimension.
func BenchmarkFirstRollups(b *testing.B) {
	bench := newBench(b, fixture.WithOverall(fixture.Fleet(5000)), quiet)
	snap := fixture.WithOverall(fixture.Fleet(5000))
	request := httptest.NewRequest(http.MethodGet, "/api/v1/rollups", nil)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		next := *snap
		bench.reader.Set(&next, false)
		bench.handler.ServeHTTP(discard{http.Header{}}, httptest.NewRequest(http.MethodGet, "/api/v1/services", nil))
		b.StartTimer()
		bench.handler.ServeHTTP(discard{http.Header{}}, request)
	}
}

// BenchmarkNewGeneration is what the first request of a generation pays for.
func BenchmarkNewGeneration(b *testing.B) {
	bench := newBench(b, fixture.Fleet(5000), quiet)
	snap := fixture.Fleet(5000)
	request := httptest.NewRequest(http.MethodGet, "/api/v1/scorecards/http/default/playlist", nil)
	b.ReportAllocs()
	for b.Loop() {
		next := *snap
		bench.reader.Set(&next, false)
		bench.handler.ServeHTTP(discard{http.Header{}}, request)
	}
}
