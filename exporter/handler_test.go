package exporter

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/scorecard"
)

func respond(e *Exporter, method, accept, encoding string) *http.Response {
	r := httptest.NewRequest(method, "/metrics/scorecards", http.NoBody)
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestTheFormatIsTheOneAskedFor(t *testing.T) {
	e := New(fixed(smallSnapshot()), Options{})
	for _, tc := range []struct {
		name, accept, contentType string
	}{
		{"nothing asked for is text", "", "text/plain; version=0.0.4; charset=utf-8; escaping="},
		{"a browser gets text", "text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; version=0.0.4; charset=utf-8; escaping="},
		{
			"Prometheus 3 gets OpenMetrics",
			"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
			"application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
		},
		{"an old version of OpenMetrics is served", "application/openmetrics-text; version=0.0.1", "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping="},
		{
			"one that would like protobuf gets what it takes otherwise",
			"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.3",
			"text/plain; version=0.0.4; charset=utf-8; escaping=",
		},
		{"what is not offered is text", "application/json", "text/plain; version=0.0.4; charset=utf-8; escaping="},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := respond(e, http.MethodGet, tc.accept, "")
			body, err := io.ReadAll(got.Body)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(got.Header.Get("Content-Type"), tc.contentType), got.Header.Get("Content-Type"))
			require.Equal(t, strings.Contains(tc.contentType, "openmetrics"), strings.HasSuffix(string(body), "# EOF\n"))
			require.Equal(t, "Accept, Accept-Encoding", got.Header.Get("Vary"))
		})
	}
}

func TestGzippedAndPlainPagesAreTheSame(t *testing.T) {
	e := New(fixed(smallSnapshot()), Options{})
	zipped := respond(e, http.MethodGet, "", "gzip")
	require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"))
	body, err := io.ReadAll(zipped.Body)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(len(body)), zipped.Header.Get("Content-Length"))
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	page, err := io.ReadAll(unzip)
	require.NoError(t, err)

	plain := respond(e, http.MethodGet, "", "br")
	require.Empty(t, plain.Header.Get("Content-Encoding"))
	body, err = io.ReadAll(plain.Body)
	require.NoError(t, err)
	require.Equal(t, string(page), string(body))
}

func TestHeadHasTheHeadersOnlyAndNothingElseIsAllowed(t *testing.T) {
	e := New(fixed(smallSnapshot()), Options{})
	for _, encoding := range []string{"gzip", ""} {
		head, got := respond(e, http.MethodHead, "", encoding), respond(e, http.MethodGet, "", encoding)
		body, err := io.ReadAll(head.Body)
		require.NoError(t, err)
		require.Empty(t, body)
		require.Equal(t, http.StatusOK, head.StatusCode)
		require.Equal(t, got.Header, head.Header)
	}
	post := respond(e, http.MethodPost, "", "")
	require.Equal(t, http.StatusMethodNotAllowed, post.StatusCode)
	require.Equal(t, "GET, HEAD", post.Header.Get("Allow"))
}

func TestAPageIsMadeOncePerSnapshotAndFormat(t *testing.T) {
	s := smallSnapshot()
	e := New(func() *scorecard.Snapshot { return s }, Options{})
	pages := func() (text, open []byte) {
		text, err := e.page(expfmt.FmtText)
		require.NoError(t, err)
		open, err = e.page(expfmt.FmtOpenMetrics_1_0_0)
		require.NoError(t, err)
		return text, open
	}
	text, open := pages()
	sameText, sameOpen := pages()
	require.Same(t, &text[0], &sameText[0])
	require.Same(t, &open[0], &sameOpen[0])
	require.NotEqual(t, text, open)

	s = smallSnapshot()
	newText, newOpen := pages()
	require.NotSame(t, &text[0], &newText[0])
	require.NotSame(t, &open[0], &newOpen[0])
	require.Equal(t, text, newText, "the same content gives the same page")
}

// TestConcurrentScrapesSeeOneGenerationEach has scrapers read while
// generations change: on a page all scores are equal, and they never go back.
func TestConcurrentScrapesSeeOneGenerationEach(t *testing.T) {
	const last = 50
	generation := func(n int) *scorecard.Snapshot {
		return snapshotOf(newCard("http", "playlist", float64(n)), newCard("http", "tracks", float64(n)))
	}
	var current atomic.Pointer[scorecard.Snapshot]
	current.Store(generation(1))
	e := New(current.Load, Options{})
	var group errgroup.Group
	for i := range 4 {
		accept := []string{"", "application/openmetrics-text"}[i%2]
		group.Go(func() error {
			for seen := 0; seen < last; {
				body, err := io.ReadAll(respond(e, http.MethodGet, accept, "").Body)
				if err != nil {
					return err
				}
				var scores []float64
				for line := range strings.Lines(string(body)) {
					var score float64
					if labels, value, ok := strings.Cut(line, "} "); ok && strings.HasPrefix(labels, Score+"{") {
						if _, err := fmt.Sscan(value, &score); err != nil {
							return err
						}
						scores = append(scores, score)
					}
				}
				if len(scores) != 2 || scores[0] != scores[1] || int(scores[0]) < seen {
					return fmt.Errorf("after generation %d a page has the scores %v", seen, scores)
				}
				seen = int(scores[0])
			}
			return nil
		})
	}
	group.Go(func() error {
		for n := 2; n <= last; n++ {
			current.Store(generation(n))
		}
		return nil
	})
	require.NoError(t, group.Wait())
}
