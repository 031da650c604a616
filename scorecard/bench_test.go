package scorecard_test

import (
	"testing"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// BenchmarkGrade grades a service by five checks: two objectives, a ratio, a
// gauge and a condition on the catalog. 5,000 services take 5,000 of these.
func BenchmarkGrade(b *testing.B) {
	catalogCheck := &rubric.Check{Name: "runbook", Weight: 5, Kind: rubric.KindCatalog, Catalog: condition(b, `"runbook" in service.links`)}
	latency := availability()
	latency.Name, latency.Hash, latency.Objective = "latency", "l1", 0.99
	checks := []*rubric.Check{availability(), latency, ratio(0.99, 0.95), gauge("fds", 2.5, 0.7, 0.95), catalogCheck}
	quiet := slo.Counts{Bad: 10, Total: 1e6}
	in := input(
		rubricOf(checks...), counted(checks[0], counts{0: quiet}), counted(latency, counts{0: quiet}),
		counted(checks[2], counts{0: quiet}), known(0.8),
	)
	b.ReportAllocs()
	for b.Loop() {
		_, in.Previous = scorecard.Grade(in)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(checks)), "ns/result")
}
