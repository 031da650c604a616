package exporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// fleet is 5,000 services with 2 rubrics of 5 checks, of which 2 have a
// budget: 115,000 series.
func fleet() *scorecard.Snapshot {
	s := &scorecard.Snapshot{Generation: 1}
	checks := []string{"availability", "latency", "saturation", "restarts", "runbook"}
	for _, rubric := range []string{"http", "kubernetes"} {
		for i := range 5000 {
			c := &scorecard.Scorecard{
				Rubric: rubric, Status: scorecard.Scored, Coverage: 0.97,
				Service: &catalog.Service{
					ID:    catalog.ID{Namespace: "default", Name: fmt.Sprintf("service-%04d", i)},
					Owner: fmt.Sprint("team-", i%60), System: fmt.Sprint("system-", i%200), Tier: i%4 + 1, Lifecycle: "production",
				},
				Score: new(float64(i*7919%1000) / 9.99), LevelRank: new(i % 4), DataTime: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
			}
			for j, check := range checks {
				r := scorecard.Result{Check: check, Credit: new(float64(i*j%11) / 10)}
				if j < 2 {
					r.Budget = &scorecard.Budget{Remaining: new(1 - float64(i*j*7919%1000)/990)}
				}
				c.Results = append(c.Results, r)
			}
			s.Scorecards = append(s.Scorecards, c)
		}
	}
	return s
}

func scrape(b *testing.B, h http.Handler, accept string) int {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics/scorecards", http.NoBody)
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatal(w.Code, w.Body)
	}
	return w.Body.Len()
}

// BenchmarkScrape is one scrape of 5,000 services × 2 rubrics × 5 checks.
func BenchmarkScrape(b *testing.B) {
	s := fleet()
	for _, format := range []struct{ name, accept string }{{"text", "text/plain"}, {"openmetrics", "application/openmetrics-text;version=1.0.0"}} {
		b.Run("new generation/"+format.name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				next := *s
				size = scrape(b, New(func() *scorecard.Snapshot { return &next }, Options{}).Handler(), format.accept)
			}
			b.ReportMetric(float64(size), "B/page")
		})
	}
	h := New(func() *scorecard.Snapshot { return s }, Options{}).Handler()
	b.Run("same generation", func(b *testing.B) {
		for b.Loop() {
			scrape(b, h, "text/plain")
		}
	})
	b.Run("promhttp", func(b *testing.B) {
		h := promhttp.HandlerFor(New(func() *scorecard.Snapshot { return s }, Options{}), promhttp.HandlerOpts{EnableOpenMetrics: true})
		size := 0
		for b.Loop() {
			size = scrape(b, h, "text/plain")
		}
		b.ReportMetric(float64(size), "B/page")
	})
}
