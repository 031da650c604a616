package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/apgarhq/apgar/scorecard"
)

// bench is a server over a snapshot that tests can swap. Every response that
// it gives is held against the specification.
type bench struct {
	t        testing.TB
	reader   *fixture.Reader
	history  *fixture.History
	changes  *fixture.Changes
	registry *prometheus.Registry
	log      *bytes.Buffer
	options  api.Options
	server   *api.Server
	handler  http.Handler
	spec     func() validator.Validator // built when it is first needed
}

func newBench(t testing.TB, snap *scorecard.Snapshot, change ...func(*api.Options)) *bench {
	t.Helper()
	b := &bench{
		t: t, reader: &fixture.Reader{}, history: &fixture.History{}, registry: prometheus.NewRegistry(), log: &bytes.Buffer{},
	}
	b.spec = sync.OnceValue(func() validator.Validator { return specified(t) })
	b.reader.Set(snap, false)
	b.changes = &fixture.Changes{Reader: b.reader}
	b.options = api.Options{
		Reader: b.reader, History: b.history, Changes: b.changes, Gatherer: b.registry, Registerer: b.registry, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Links:  []api.Link{{Title: "Prometheus eu-west", URL: "http://127.0.0.1:8485/eu-west"}},
		Now:    fixture.Tick,
		Reload: func(context.Context) error { return nil },
		ScorecardMetrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "apgar_score 59\n")
		}),
	}
	for _, f := range change {
		f(&b.options)
	}
	s, err := api.New(b.options)
	require.NoError(t, err)
	b.server, b.handler = s, s.Handler()
	return b
}

// specified builds the validator of the specification.
func specified(t testing.TB) validator.Validator {
	t.Helper()
	document, err := libopenapi.NewDocument(api.OpenAPI())
	require.NoError(t, err)
	v, errs := validator.NewValidator(document)
	require.Empty(t, errs)
	return v
}

// get asks for a path; headers are pairs of name and value. A stream ends as
// soon as it has begun.
func (b *bench) get(path string, headers ...string) *http.Response {
	b.t.Helper()
	return b.do(http.MethodGet, path, headers...)
}

func (b *bench) do(method, path string, headers ...string) *http.Response {
	b.t.Helper()
	request := httptest.NewRequest(method, path, nil)
	if request.URL.Path == "/api/v1/events" {
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		request = request.WithContext(ctx)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, request)
	response := w.Result()
	b.validate(request, response)
	return response
}

// validate holds a response against the specification. What no operation
// describes (404 of no route, 405, HEAD) is checked by its own tests.
func (b *bench) validate(request *http.Request, response *http.Response) {
	b.t.Helper()
	if request.Method == http.MethodHead || response.StatusCode == http.StatusMethodNotAllowed || response.StatusCode == http.StatusNotModified {
		return
	}
	body := text(b.t, response)
	if response.StatusCode == http.StatusNotFound && strings.Contains(body, "no route answers") {
		return
	}
	media, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	if !strings.HasSuffix(media, "json") {
		return
	}
	ok, errs := b.spec().ValidateHttpResponse(request, response)
	for _, e := range errs {
		for _, s := range e.SchemaValidationErrors {
			b.t.Errorf("%s %s: %s at %s", request.Method, request.URL, s.Reason, s.FieldPath)
		}
	}
	require.True(b.t, ok, "%s %s answers %d, which the specification does not describe: %v\n%.600s", request.Method, request.URL, response.StatusCode, errs, body)
}

// text reads the body of a response, and leaves it to be read again.
func text(t testing.TB, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// quiet is a bench without a log, for measuring and for races.
func quiet(o *api.Options) { o.Logger = nil }

func values(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

func TestOptionsThatCannotBeServedAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		options api.Options
		want    string
	}{
		"no reader":                   {api.Options{}, "Options.Reader is nil"},
		"an external URL with a user": {api.Options{Reader: &fixture.Reader{}, ExternalURL: "https://me:hunter2@example.org"}, "without a user"},
		"an external URL of no web":   {api.Options{Reader: &fixture.Reader{}, ExternalURL: "ftp://example.org"}, "http or https"},
		"a link that is a script":     {api.Options{Reader: &fixture.Reader{}, Links: []api.Link{{Title: "x", URL: "javascript:alert(1)"}}}, "not a complete http or https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := api.New(tc.options)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestMetricsThatAreTakenAreAnError(t *testing.T) {
	registry := prometheus.NewRegistry()
	_, err := api.New(api.Options{Reader: &fixture.Reader{}, Registerer: registry})
	require.NoError(t, err)
	_, err = api.New(api.Options{Reader: &fixture.Reader{}, Registerer: registry})
	require.ErrorContains(t, err, "registering the metrics of the API")
}

func TestTheServerHasLimits(t *testing.T) {
	s := api.HTTPServer(http.NotFoundHandler())
	require.Positive(t, s.ReadHeaderTimeout)
	require.Positive(t, s.ReadTimeout)
	require.Positive(t, s.WriteTimeout)
	require.Positive(t, s.IdleTimeout)
	require.Equal(t, 32<<10, s.MaxHeaderBytes)
}
