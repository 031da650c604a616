package collector

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/promapi"
)

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

// series is a series with one value.
func series(names map[string]string, value float64) *promapi.Series {
	return promapi.NewSeries(names, []promapi.Point{{V: value}}, nil)
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

// change changes what answers depend on, while nothing is answered.
func (p *fakePrometheus) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

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

// rowsFor returns the rows that a query would find: those of targets carry
// the label of their state, and the others do not.
func rowsFor(expr string, rows []row) []row {
	var out []row
	for _, r := range rows {
		_, target := r.labels[upLabel]
		if target == strings.Contains(expr, "count_values") {
			out = append(out, r)
		}
	}
	return out
}
