package gather

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
	"github.com/apgarhq/apgar/slo"
)

// answersOf asks a real Prometheus about minute 10 and writes the rows of a
// block as text, one line each: "service@cell bad/total", "service@cell value"
// or the fault.
func answersOf(t *testing.T, p *question.Plan, load string, change ...func(*Source)) []string {
	t.Helper()
	o := Source{Name: "eu", Client: fixture.Client(t, promservertest.Load(t, load))}
	for _, f := range change {
		f(&o)
	}
	return textOf(p, newAsker(o, p).ask(t.Context(), question.Instant(600), nil)[0])
}

func textOf(p *question.Plan, b *slo.Block) []string {
	var out []string
	for q, c := range b.Columns {
		if c.Fault != nil {
			out = append(out, string(c.Fault.Reason))
		}
		for _, r := range c.Rows {
			name := fmt.Sprintf("%s@%s ", p.Services[r.Service].ID.Name, b.Cells[r.Cell])
			switch {
			case r.Fault != nil:
				out = append(out, name+string(r.Fault.Reason)+": "+r.Fault.Detail)
			case p.Questions[q].Check.Kind.Counted():
				out = append(out, name+fmt.Sprintf("%.4g/%.4g", r.Counts.Bad, r.Counts.Total))
			default:
				out = append(out, name+fmt.Sprintf("%.4g", r.Value))
			}
		}
	}
	for _, c := range b.Targets {
		if c.Fault != nil {
			out = append(out, "targets: "+string(c.Fault.Reason))
		}
		for _, r := range c.Rows {
			out = append(out, fmt.Sprintf("%s@%s %d up %d down", p.Services[r.Service].ID.Name, b.Cells[r.Cell], r.Up, r.Down))
		}
	}
	return out
}

func TestNativeHistogramsAreReadAsPrometheusReadsThem(t *testing.T) {
	histograms := []string{
		`{{schema:0 sum:1 count:10 z_bucket:2 z_bucket_w:0.001 buckets:[2 3 1 2] offset:-2}}`,
		`{{schema:3 sum:1 count:8 buckets:[2 3 1 2] offset:-9}}`,
		`{{schema:-1 sum:1 count:8 buckets:[2 3 1 2] offset:-1}}`,
		`{{schema:1 sum:1 count:14 z_bucket:2 z_bucket_w:0.001 buckets:[2 3 1 2] n_buckets:[1 1 2]}}`,
		`{{schema:1 sum:1 count:6 z_bucket:2 z_bucket_w:0.5 n_buckets:[1 1 2]}}`,
		`{{schema:-53 sum:1 count:10 custom_values:[0.3 0.7 2.1] buckets:[2 3 1 4]}}`,
		`{{schema:-53 sum:1 count:10 custom_values:[-0.5 0.7 2.1] buckets:[2 3 1 4]}}`,
	}
	for _, text := range histograms {
		url := promservertest.Load(t, "load 1m\n lat{service=\"a\"} "+text+"x20")
		for _, threshold := range []float64{-2, -0.7, -0.5, 0, 0.0005, 0.3, 0.5, 0.9, 1, 1.7, 64, 1e9} {
			sink := &histogramSink{}
			_, err := fixture.Client(t, url).Query(t.Context(), promapi.Query{Expr: "lat", Time: time.Unix(600, 0)}, sink)
			require.NoError(t, err)
			fraction := &histogramSink{}
			expr := fmt.Sprintf("histogram_fraction(-Inf, %g, lat)", threshold)
			_, err = fixture.Client(t, url).Query(t.Context(), promapi.Query{Expr: expr, Time: time.Unix(600, 0)}, fraction)
			require.NoError(t, err)
			require.InDelta(t, fraction.value, nativeWithin(sink.histogram, threshold)/sink.histogram.Count, 1e-9, "%s at %g", text, threshold)
		}
	}
}

// histogramSink keeps the newest series.
type histogramSink struct {
	histogram promapi.HistogramPoint
	value     float64
}

func (s *histogramSink) Reset() {}

func (s *histogramSink) Series(series *promapi.Series) error {
	for _, p := range series.Points() {
		s.value = p.V
	}
	for _, h := range series.Histograms() {
		s.histogram = h
		s.histogram.Buckets = slices.Clone(h.Buckets)
	}
	return nil
}

func TestAGaugeWithSeveralRowsForOneIdentityIsAmbiguous(t *testing.T) {
	p := spec{Rubrics: fixture.OneCheck(fixture.GaugeCheck), Services: fixture.Named("playlist", "search")}.plan(t)
	prom := &fixture.Prometheus{Answer: func(expr string, _ time.Time) ([]fixture.Row, error) {
		if expr == `count_values by (service) ("apgar_up", up)` {
			return nil, nil
		}
		return []fixture.Row{
			{Labels: map[string]string{"service": "playlist", "pod": "a"}, Value: 1},
			{Labels: map[string]string{"service": "playlist", "pod": "b"}, Value: 1},
			{Labels: map[string]string{"service": "search"}, Value: math.MaxFloat64},
		}, nil
	}}
	got := textOf(p, newAsker(Source{Name: "eu", Client: prom}, p).ask(t.Context(), question.Instant(600), nil)[0])
	require.Equal(t, []string{
		"playlist@eu ambiguous: the query gives 2 rows for one identity: aggregate by ($identity)",
		"search@eu 1.798e+308",
	}, got)
}

// twins is a Prometheus whose answers hold some series twice, in one piece each.
type twins struct {
	*fixture.Prometheus
	series []fixture.Row
}

func (p twins) Query(_ context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	for _, r := range fixture.RowsFor(q.Expr, p.series) {
		if err := sink.Series(promapi.NewSeries(r.Labels, []promapi.Point{{T: q.Time.UnixMilli(), V: r.Value}}, nil)); err != nil {
			return promapi.Report{}, err
		}
	}
	return promapi.Report{Attempts: 1}, nil
}

func TestCountsOfTheVerySameSeriesAreAmbiguous(t *testing.T) {
	playlist := func(name, value string, n float64) fixture.Row {
		return fixture.Row{Labels: map[string]string{"service": "playlist", name: value}, Value: n}
	}
	many := func(same bool) []fixture.Row {
		var rows []fixture.Row
		for i := range 40 {
			rows = append(rows, playlist("code", fmt.Sprint(200+i), 1))
		}
		if same {
			rows = append(rows, playlist("code", "204", 3))
		}
		return rows
	}
	const ambiguousText = "playlist@eu ambiguous: the answer has several rows with the very same labels: is a proxy joining answers of replicas without removing duplicates?"
	tests := []struct {
		name    string
		rubrics string
		series  []fixture.Row
		want    string
	}{
		{"events given twice", fixture.OneCheck(fixture.EventsCheck), []fixture.Row{playlist("code", "200", 9), playlist("code", "500", 1), playlist("code", "200", 9)}, ambiguousText},
		{"events given twice with other values", fixture.OneCheck(fixture.EventsCheck), []fixture.Row{playlist("code", "200", 9), playlist("code", "200", 8)}, ambiguousText},
		{"events of other labels add up", fixture.OneCheck(fixture.EventsCheck), []fixture.Row{playlist("code", "200", 9), playlist("code", "201", 9)}, "playlist@eu 0/18"},
		{"one among many", fixture.OneCheck(fixture.EventsCheck), many(true), ambiguousText},
		{"many of other labels add up", fixture.OneCheck(fixture.EventsCheck), many(false), "playlist@eu 0/40"},
		{"buckets given twice", fixture.OneCheck(fixture.BucketCheck), []fixture.Row{playlist("le", "0.5", 8), playlist("le", "+Inf", 10), playlist("le", "+Inf", 10)}, ambiguousText},
		{"buckets in two spellings add up", fixture.OneCheck(fixture.BucketCheck), []fixture.Row{playlist("le", "0.5", 8), playlist("le", "5e-01", 1), playlist("le", "+Inf", 10)}, "playlist@eu 1/10"},
		{
			"totals and bad events of the same labels are two answers", fixture.OneCheck(`events: {total: {metric: calls_total}, bad: {metric: failures_total}}, objective: 99%`),
			[]fixture.Row{playlist("a", "b", 5)},
			"playlist@eu 5/5",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := spec{Rubrics: tt.rubrics, Services: fixture.Named("playlist")}.plan(t)
			b := newAsker(Source{Name: "eu", Client: twins{&fixture.Prometheus{}, tt.series}}, p).ask(t.Context(), question.Instant(600), nil)[0]
			require.Equal(t, []string{tt.want}, textOf(p, b))
		})
	}
}

// shuffled hands the rows of an answer on in another order.
type shuffled struct {
	Prometheus
	seed uint64
}

func (s shuffled) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	keep := &keepSink{}
	report, err := s.Prometheus.Query(ctx, q, keep)
	random := rand.New(rand.NewPCG(s.seed, 0))
	random.Shuffle(len(keep.series), func(i, j int) { keep.series[i], keep.series[j] = keep.series[j], keep.series[i] })
	sink.Reset()
	for _, x := range keep.series {
		if err := sink.Series(x); err != nil {
			return report, err
		}
	}
	return report, err
}

type keepSink struct{ series []*promapi.Series }

func (k *keepSink) Reset() { k.series = nil }

func (k *keepSink) Series(s *promapi.Series) error {
	names := map[string]string{}
	s.EachLabel(func(name, value []byte) { names[string(name)] = string(value) })
	k.series = append(k.series, promapi.NewSeries(names, slices.Clone(s.Points()), nil))
	return nil
}

func TestBlocksDoNotDependOnTheOrderOfTheWire(t *testing.T) {
	services := fixture.Numbered(50)
	p := spec{Rubrics: fixture.FourKinds, Services: services}.plan(t)
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 10_000)
	for i := range values {
		values[i] = random.ExpFloat64()
	}
	answer := func(expr string, at time.Time) ([]fixture.Row, error) {
		var out []fixture.Row
		for i, s := range services {
			for j, code := range []string{"200", "201", "204", "500", "503"} {
				for k, cluster := range []string{"a", "b", "c"} {
					value := values[(i*31+j*7+k*3+len(expr))%len(values)]
					if i == 7 && j == 2 {
						value = math.Inf(1 - 2*(k%2))
					}
					out = append(out, fixture.Row{Labels: map[string]string{"service": s.ID.Name, "code": code, "cluster": cluster, "le": "+Inf"}, Value: value})
				}
			}
		}
		return out, nil
	}
	var first *slo.Block
	for seed := range uint64(20) {
		prom := shuffled{&fixture.Prometheus{Answer: answer}, seed}
		b := newAsker(Source{Name: "eu", Partition: "cluster", Client: prom}, p).ask(t.Context(), question.Instant(600), nil)[0]
		b.Cost = slo.Cost{}
		if first == nil {
			first = b
		}
		require.Equal(t, first, b)
		for _, c := range b.Columns {
			require.True(t, slices.IsSortedFunc(c.Rows, func(a, b slo.Row) int {
				return 2*int(a.Service-b.Service) + int(a.Cell-b.Cell)/8
			}))
		}
	}
}

func TestRangesGiveTheRowsOfEachInstant(t *testing.T) {
	p := spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist")}.plan(t)
	url := promservertest.Load(t, `load 1m
		http_requests_total{service="playlist",code="200",handler="/"} 0+10x30 300+20x30
		http_requests_total{service="playlist",code="500",handler="/"} _x20 0+1x40
		http_request_duration_seconds_bucket{service="playlist",le="0.5"} 0+1x60
		http_request_duration_seconds_bucket{service="playlist",le="+Inf"} 0+2x60
		process_open_fds{service="playlist"} 1+1x60
		process_max_fds{service="playlist"} 100x60
		up{service="playlist"} 1x20 0x40`)
	a := newAsker(Source{Name: "eu", Client: fixture.Client(t, url)}, p)
	s := question.Span{Start: 600, Step: 60, N: 30}
	blocks := a.ask(t.Context(), s, nil)
	require.Len(t, blocks, 30)
	for i, b := range blocks {
		alone := a.ask(t.Context(), question.Instant(s.At(i)), nil)[0]
		b.Cost, alone.Cost = slo.Cost{}, slo.Cost{}
		require.Equal(t, alone, b, "at %d", s.At(i))
	}
}

func TestAWarningMakesTheAnswerPartial(t *testing.T) {
	p := spec{Rubrics: fixture.Availability, Services: fixture.Named("playlist")}.plan(t)
	prom := warning{&fixture.Prometheus{Answer: fixture.SteadyTraffic(fixture.Named("playlist"), 1)}}
	b := newAsker(Source{Name: "eu", Client: prom}, p).ask(t.Context(), question.Instant(600), nil)[0]
	require.Equal(t, &slo.Fault{Reason: slo.Partial, Detail: "the source warns: one store is down"}, b.Columns[0].Fault)
	require.Empty(t, b.Columns[0].Rows)
	require.Equal(t, slo.Partial, b.Targets[0].Fault.Reason)
}

type warning struct{ Prometheus }

func (w warning) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	report, err := w.Prometheus.Query(ctx, q, sink)
	report.Warnings = []string{"one store is down"}
	return report, err
}

func TestTwoIdentitiesWithTheSameLabelsAreAskedOnceAndReadApart(t *testing.T) {
	p := spec{
		Rubrics: `
rubrics:
  - name: a
    identity: [service, alias]
    checks:
      - {name: one, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%}
`,
		Identities: map[string]map[string]string{"alias": {"service": `"the-" + service.name`}},
		Services:   fixture.Named("playlist", "search"),
	}.plan(t)
	require.Len(t, p.Queries(question.Dialect{}), 2)

	prom := &fixture.Prometheus{Answer: func(expr string, _ time.Time) ([]fixture.Row, error) {
		if strings.Contains(expr, "up") {
			return nil, nil
		}
		return []fixture.Row{
			{Labels: map[string]string{"service": "playlist", "code": "200"}, Value: 7},
			{Labels: map[string]string{"service": "the-search", "code": "200"}, Value: 9},
		}, nil
	}}
	b := newAsker(Source{Name: "eu", Client: prom}, p).ask(t.Context(), question.Instant(600), nil)[0]
	require.Len(t, b.Columns[0].Rows, 1)
	require.EqualValues(t, 0, b.Columns[0].Rows[0].Service)
	require.Len(t, b.Columns[1].Rows, 1)
	require.EqualValues(t, 1, b.Columns[1].Rows[0].Service)
}
