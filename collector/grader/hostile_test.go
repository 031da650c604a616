package grader

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

const vectorStart = `{"status":"success","data":{"resultType":"vector","result":[`

// hostileServer answers every question in its own way; the number of
// questions is counted.
func hostileServer(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// write writes until there is no more, or nobody listens.
func write(w io.Writer, n int, next func(i int) string) {
	for i := range n {
		if _, err := io.WriteString(w, next(i)); err != nil {
			return
		}
	}
}

func TestNoSourceCanHarmTheOthers(t *testing.T) {
	const endless = 1 << 40
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		reason slo.Reason
		detail string
		most   int64 // questions sent to it for a tick of two queries, and a measurement
	}{
		{"dead", nil, slo.SourceError, "unreachable", 10},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, slo.SourceError, "timeout", 3},
		{"dripping", func(w http.ResponseWriter, r *http.Request) {
			write(w, endless, func(int) string {
				_ = http.NewResponseController(w).Flush()
				<-time.After(10 * time.Millisecond)
				return " "
			})
		}, slo.SourceError, "timeout", 3},
		{"a page of HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>Sign in</html>")
		}, slo.SourceError, "malformed", 3},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x00\xff{{{")) }, slo.SourceError, "malformed", 3},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, vectorStart+`{"metric":{"service":"playlist","code":"500"},"value":[1,"7"]},`)
		}, slo.SourceError, "malformed", 3},
		{"a scalar", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`)
		}, slo.SourceError, "malformed", 3},
		{"not a number", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, vectorStart+`{"metric":{"service":"playlist","code":"500"},"value":[%d,"NaN"]}]}}`, t0)
		}, slo.InvalidData, "NaN", 3},
		{"negative counts", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, vectorStart+`{"metric":{"service":"playlist","code":"500"},"value":[%d,"-7"]}]}}`, t0)
		}, slo.InvalidData, "cannot be", 3},
		{"another time", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, vectorStart+`{"metric":{"service":"playlist","code":"500"},"value":[5,"7"]}]}}`)
		}, slo.InvalidData, "about another time", 3},
		{"partial", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, vectorStart+`]},"warnings":["a store did not answer"]}`)
		}, slo.Partial, "a store did not answer", 3},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, vectorStart)
			write(w, endless, func(int) string {
				return strings.Repeat(`{"metric":{"service":"nobody"},"value":[1,"7"]},`, 100)
			})
		}, slo.SourceError, "too_many_series", 3 * 3},
		{"an endless name", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, vectorStart+`{"metric":{"service":"`)
			write(w, endless, func(int) string { return strings.Repeat("x", 4096) })
		}, slo.SourceError, "larger than", 3 * 3},
		{"a million series", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, vectorStart)
			write(w, 10_000, func(i int) string {
				return strings.Repeat(fmt.Sprintf(`{"metric":{"service":"playlist","code":"%d"},"value":[1,"7"]},`, i), 100)
			})
			_, _ = io.WriteString(w, `{"metric":{},"value":[1,"7"]}]}}`)
		}, slo.SourceError, "too_many_series", 3 * 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, asked := hostileServer(t, tt.answer)
			if tt.answer == nil {
				server := httptest.NewServer(nil)
				url = server.URL
				server.Close()
			}
			limits := func(o *promapi.Options) {
				if strings.Contains(tt.detail, "timeout") {
					o.Timeout = 300 * time.Millisecond
				}
				o.Limits = promapi.Limits{ResponseBytes: 8 << 20, Series: 50_000}
			}
			good := &fixture.Prometheus{Answer: fixture.SteadyTraffic(fixture.Named("search"), 0.1)}
			b := newBench(t, spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist", "search")})
			b.ask(gather.Source{Name: "bad", Client: fixture.Client(t, url, limits)}, gather.Source{Name: "good", Client: good})

			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			blocks := b.gatherer.Range(t.Context(), question.Instant(t0), nil)[0]
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(96<<20), "all that was ever allocated, garbage included")
			require.LessOrEqual(t, asked.Load(), tt.most)
			b.AddTick(time.Unix(t0, 0), blocks, question.Scope{})

			cards := b.Grade(time.Unix(t0, 0), time.Unix(t0+30, 0))
			r := fixture.Result(t, cards, "playlist", "availability")
			require.Equal(t, "unknown", string(r.Verdict))
			require.Equal(t, string(tt.reason), r.Reason)
			f := b.series[0][0].Facts(t0, 15*time.Minute, nil)
			require.Contains(t, f.Cells[0].Fault.Detail, tt.detail)
			other := b.series[0][1].Facts(t0, 15*time.Minute, []time.Duration{5 * time.Minute})
			require.Equal(t, 100.0, other.Windows[0].Counts.Total)
			require.Nil(t, other.Cells[0].Fault)
		})
	}
}
