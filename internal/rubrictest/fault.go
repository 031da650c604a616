package rubrictest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/promapi"
)

// fault is a time in which a source of a test does not answer as it would. It is
// about when the source is asked; its data is not lost.
type fault struct {
	position catalog.Position
	source   int           // place in the file
	from, to time.Duration // the ticks from one on, and before the other
	as       faultKind
	metric   string // only questions that touch it; "": all
}

// faultKind is how a source fails.
type faultKind string

// What a test may say of how a source fails.
const (
	asError   faultKind = "error"   // it answers with an error
	asTimeout faultKind = "timeout" // it does not answer in time
	asWarning faultKind = "warning" // it answers, and warns that the answer may be partial
)

// faults reads when sources fail. start is the first tick that is graded.
func (r *reader) faults(m *strict.Map, start time.Duration) []fault {
	var out []fault
	for i, n := range nodesOf(m, "faults", maxFaults) {
		one := m.Source().Map(n, fmt.Sprintf("fault %d of %s", i+1, m.What()))
		if f, ok := r.fault(one, start); ok {
			out = append(out, f)
		}
	}
	return out
}

func (r *reader) fault(m *strict.Map, start time.Duration) (f fault, ok bool) {
	f = fault{position: r.at(m.Line()), source: r.sourceOf(m), from: r.tick(m, "from"), to: maxTime, as: faultKind(m.Text("as")), metric: m.Text("metric")}
	if m.Has("to") {
		f.to = r.tick(m, "to")
	}
	m.Done()
	switch {
	case m.Bad():
	case !m.Has("from"):
		m.Mistake(m.Line(), "%s does not say when: add e.g. \"from: 20m\" and \"to: 40m\"", m.What())
	case f.from < start:
		m.Mistake(m.LineOf("from"), "%s begins at %s, before the test starts to grade at %s: what was measured before that is read in any case, so let it begin then or later", m.What(), m.Text("from"), model.Duration(start))
	case f.to <= f.from:
		m.Mistake(m.LineOf("to"), "%s ends at %s, but must end after it has begun, at %s: swap \"from\" and \"to\", or leave \"to\" out for a fault that lasts", m.What(), m.Text("to"), m.Text("from"))
	}
	switch f.as {
	case asError, asTimeout, asWarning:
	default:
		m.Mistake(m.LineOf("as"), "%s says as: %q: write %s (it answers with an error), %s (it does not answer in time) or %s (it answers, and warns that this may be partial)", m.What(), strict.Clip(string(f.as)), asError, asTimeout, asWarning)
	}
	if f.metric != "" && !model.LegacyValidation.IsValidMetricName(f.metric) {
		m.Mistake(m.LineOf("metric"), "metric of %s is %q, which is no name of a metric: write e.g. http_requests_total", m.What(), strict.Clip(f.metric))
	}
	return f, !m.Bad()
}

// happening is a fault while its test runs.
type happening struct {
	*fault
	source string
	met    atomic.Int64 // questions
}

// outage says the fault to a replay.
func (h *happening) outage() collector.Outage {
	return collector.Outage{
		Source: h.source, From: zero().Add(h.from), To: zero().Add(h.to),
		Through: func(own gather.Prometheus) gather.Prometheus { return &failing{own, h} },
	}
}

// unmet says that a fault has had no effect, which no author means.
func (h *happening) unmet() (Failure, bool) {
	if h.met.Load() > 0 {
		return Failure{}, false
	}
	what := "no question was asked"
	if h.metric != "" {
		what += " that has " + h.metric + " in it"
	}
	return Failure{
		Position: h.position, What: "source " + h.source + " fails here, which nothing notices",
		Expected: "a question to the source before the last expectation", Got: what,
	}, true
}

// failing is a source that has a fault.
type failing struct {
	own   gather.Prometheus
	fault *happening
}

var _ gather.Prometheus = (*failing)(nil)

// Status implements gather.Prometheus.
func (f *failing) Status() promapi.Status { return f.own.Status() }

// Query implements gather.Prometheus.
func (f *failing) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	return f.ask(q.Expr, func() (promapi.Report, error) { return f.own.Query(ctx, q, sink) })
}

// QueryRange implements gather.Prometheus.
func (f *failing) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	return f.ask(q.Expr, func() (promapi.Report, error) { return f.own.QueryRange(ctx, q, sink) })
}

func (f *failing) ask(expr string, own func() (promapi.Report, error)) (promapi.Report, error) {
	if f.fault.metric != "" && !touches(expr, f.fault.metric) {
		return own()
	}
	f.fault.met.Add(1)
	detail := fmt.Sprintf("a fault of the test, on line %d", f.fault.position.Line)
	kind := promapi.KindUnavailable
	switch f.fault.as {
	case asWarning:
		report, err := own()
		report.Warnings = append([]string{detail}, report.Warnings...)
		return report, err
	case asTimeout:
		kind = promapi.KindTimeout
	case asError:
	}
	return promapi.Report{Attempts: 1}, &promapi.Error{Kind: kind, Source: f.fault.source, Op: "query", Detail: detail}
}

// touches reports whether an expression reads a metric.
func touches(expr, metric string) bool {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return false // the engine says so too
	}
	found := false
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			for _, m := range v.LabelMatchers {
				found = found || m.Name == model.MetricNameLabel && m.Matches(metric)
			}
		}
		return nil
	})
	return found
}
