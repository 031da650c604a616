package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/internal/demo/promserver"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture makes plans out of a rubric file and services.
type fixture struct {
	rubrics  string
	services []*catalog.Service
	// identities are beside the built-in ones: name → label → CEL.
	identities map[string]map[string]string
	presence   map[string]string // of those, by name
	interval   time.Duration     // 1m unless given
	only       []string
}

func (f fixture) plan(t testing.TB) *Plan {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	for name, names := range f.identities {
		spec := rubric.IdentitySpec{Name: name, Presence: f.presence[name]}
		for _, label := range slices.Sorted(maps.Keys(names)) {
			spec.Labels = append(spec.Labels, rubric.LabelSpec{Name: label, Source: names[label]})
		}
		id, problems := rubric.NewIdentity(env, spec)
		require.Empty(t, problems)
		identities[name] = id
	}
	rubrics, problems := rubric.Load(env, identities, rubric.File{Name: "test.yml", Data: []byte(f.rubrics)})
	require.Empty(t, problems)
	o := PlanOptions{Catalog: catalog.NewSnapshot(f.services, nil), Rubrics: rubrics, Interval: f.interval}
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	for _, id := range f.only {
		parsed, err := catalog.ParseID(id)
		require.NoError(t, err)
		o.Only = append(o.Only, parsed)
	}
	plan, err := NewPlan(o)
	require.NoError(t, err)
	return plan
}

// named makes services of the namespace default.
func named(names ...string) []*catalog.Service {
	out := make([]*catalog.Service, len(names))
	for i, name := range names {
		out[i] = &catalog.Service{ID: catalog.ID{Namespace: "default", Name: name}, Tags: []string{"http"}}
	}
	return out
}

// numbered makes n services, service-0000 and so on.
func numbered(n int) []*catalog.Service {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("service-%04d", i)
	}
	return named(names...)
}

const availability = `
rubrics:
  - name: http
    levels: [bronze]
    checks:
      - name: availability
        severity: critical
        level: bronze
        events: {metric: http_requests_total, bad: '{code=~"5.."}'}
        objective: 99%
        period: 7d
`

const fourKinds = `
rubrics:
  - name: http
    checks:
      - name: availability
        events: {metric: http_requests_total, where: '{handler!="/metrics"}', bad: '{code=~"5.."}'}
        objective: 99%
        period: 7d
      - name: latency
        histogram: {metric: http_request_duration_seconds, where: '{code!~"5.."}', threshold: 500ms}
        objective: 99%
        period: 7d
      - name: file-descriptors
        value: {query: 'max by ($identity) (process_open_fds / process_max_fds)', unit: ratio}
        pass: 0.7
        fail: 0.95
      - name: runbook
        catalog: '"runbook" in service.links'
`

// realPrometheus serves series in Prometheus' test notation with its own
// engine, over HTTP. Time 0 of the series is the Unix epoch.
func realPrometheus(t testing.TB, load string) string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, load)
	t.Cleanup(func() { _ = storage.Close() })
	server, err := promserver.New(promserver.Options{
		Databases: []promserver.Database{{Name: "prom", Queryable: storage}},
		Registry:  prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	return listener.URL + "/prom"
}

// client is the real client of a URL.
func client(t testing.TB, url string, change ...func(*promapi.Options)) *promapi.Source {
	t.Helper()
	o := promapi.Options{Name: "eu", Replicas: []string{url}, Timeout: 10 * time.Second}
	for _, f := range change {
		f(&o)
	}
	source, err := promapi.NewSource(o)
	require.NoError(t, err)
	t.Cleanup(source.Close)
	return source
}

// fakePrometheus answers from a function, one instant at a time.
type fakePrometheus struct {
	// answer returns the rows at an instant; nil means none.
	answer func(expr string, at time.Time) ([]row, error)

	mu    sync.Mutex
	hold  func(ctx context.Context) error // waited for before each answer
	asked []asking
}

// holdBack makes every answer from now on wait for a function.
func (p *fakePrometheus) holdBack(hold func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = hold
}

// after waits for a while, or for the end of the context.
func after(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		return ctx.Err()
	}
}

type asking struct {
	expr   string
	at     time.Time // the instant, or the first of several
	when   time.Time
	points int
}

// row is a series with one value.
type row struct {
	labels map[string]string
	value  float64
}

// key tells rows apart; it is cheap, as there are millions of them.
func (r row) key() string {
	return r.labels["service"] + "/" + r.labels["code"] + r.labels["le"] + r.labels[upLabel] + r.labels["cluster"] + r.labels["pod"]
}

func (p *fakePrometheus) Status() promapi.Status { return promapi.Status{State: promapi.StateOK} }

func (p *fakePrometheus) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	return p.ask(ctx, q.Expr, q.Time, q.Time, time.Second, sink)
}

func (p *fakePrometheus) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	return p.ask(ctx, q.Expr, q.Start, q.End, q.Step, sink)
}

func (p *fakePrometheus) ask(ctx context.Context, expr string, start, end time.Time, step time.Duration, sink promapi.Sink) (promapi.Report, error) {
	p.mu.Lock()
	p.asked = append(p.asked, asking{expr, start, time.Now(), int(end.Sub(start)/step) + 1})
	hold, answer := p.hold, p.answer
	p.mu.Unlock()
	report := promapi.Report{Attempts: 1}
	if hold != nil {
		err := hold(ctx)
		p.askings() // orders what was done before in one goroutine before what is done next in another
		if err != nil {
			return report, err
		}
	}
	sink.Reset()
	points, names := map[string][]promapi.Point{}, map[string]map[string]string{}
	for at := start; !at.After(end); at = at.Add(step) {
		rows, err := answer(expr, at)
		if err != nil {
			return report, err
		}
		for _, r := range rows {
			key := r.key()
			names[key] = r.labels
			points[key] = append(points[key], promapi.Point{T: at.UnixMilli(), V: r.value})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(points)) {
		if err := sink.Series(promapi.NewSeries(names[key], points[key], nil)); err != nil {
			return report, err
		}
	}
	return report, ctx.Err()
}

// errNoRoute is an error of a source that cannot be reached.
var errNoRoute = errors.New("no route to host")

// askings returns what was asked so far.
func (p *fakePrometheus) askings() []asking {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// steadyTraffic gives every service 100 requests in 5m, of which bad fail,
// and one target that is up.
func steadyTraffic(services []*catalog.Service, bad float64) func(string, time.Time) ([]row, error) {
	return func(expr string, _ time.Time) ([]row, error) {
		var out []row
		for _, s := range services {
			name := s.ID.Name
			switch {
			case strings.Contains(expr, "count_values"):
				out = append(out, row{map[string]string{"service": name, upLabel: "1"}, 1})
			case strings.Contains(expr, "http_requests_total"):
				out = append(out, row{map[string]string{"service": name, "code": "200"}, 100 - bad})
				out = append(out, row{map[string]string{"service": name, "code": "500"}, bad})
			case strings.Contains(expr, "_bucket"):
				out = append(out, row{map[string]string{"service": name, "le": "0.5"}, 100 - bad})
				out = append(out, row{map[string]string{"service": name, "le": "+Inf"}, 100})
			case strings.Contains(expr, "process_open_fds"):
				out = append(out, row{map[string]string{"service": name}, 0.1})
			}
		}
		return out, nil
	}
}

// resultOf returns the result of a check of a service, by "service check".
func resultOf(t testing.TB, cards []*scorecard.Scorecard, service, check string) scorecard.Result {
	t.Helper()
	for _, card := range cards {
		if card.Service.ID.Name != service {
			continue
		}
		for _, r := range card.Results {
			if r.Check == check {
				return r
			}
		}
	}
	require.Fail(t, "no such result", "%s %s", service, check)
	return scorecard.Result{}
}
