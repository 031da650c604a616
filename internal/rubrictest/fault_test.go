package rubrictest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// regions are two sources with half of the requests each; rubric and faults are
// to be filled in.
const regions = `
apiVersion: apgar.dev/v1
rubrics: [r.yml]
sources: [{name: eu}, {name: us}]
services: [{name: a}]
tests:
  - name: x
    input_series:
      - {source: eu, series: 'up{service="a"}', values: '1x300'}
      - {source: us, series: 'up{service="a"}', values: '1x300'}
      - {source: eu, series: 'depth{service="a"}', values: '3x300'}
      - {source: us, series: 'depth{service="a"}', values: '7x300'}
      - {source: eu, series: 'requests_total{service="a", code="200"}', values: '0+60x300'}
      - {source: us, series: 'requests_total{service="a", code="200"}', values: '0+20x300'}
`

const regionsRubric = `
rubrics:
  - name: r
    levels: [ready]
    checks:
      - {name: depth, level: ready, value: {query: 'max by ($identity) (depth)'}, pass: 10, op: "<="}
      - {name: sum, value: {query: 'max by ($identity) (depth)', across: sum}, pass: 20, op: "<="}
      - {name: availability, events: {metric: requests_total, bad: '{code="500"}'}, objective: 99%, period: 7d}
`

// TestAFaultOfOneSourceIsOneOfItsCells has the source fail that has a quarter of
// the requests, then the one that has the rest, then both in single metrics.
func TestAFaultOfOneSourceIsOneOfItsCells(t *testing.T) {
	f := sound(t, written(t, "r.test.yml", regions+`
    faults:
      - {source: us, from: 60m, to: 80m, as: timeout}
      - {source: eu, from: 2h, to: 2h20m, as: warning}
      - {source: eu, from: 3h, as: error, metric: depth}
      - {source: us, from: 3h, to: 4h, as: error, metric: depth}
      - {source: us, from: 3h30m, to: 3h40m, as: error}
    expect:
      - {at: 59m, score: 100, fresh_coverage: 1}
      - at: 60m
        score: 100
        coverage: 1
        fresh_coverage: 0.4220 # a half, nothing, and 3600 of 4700 requests
        checks:
          depth: {verdict: pass, value: 3}
          sum: {carried: true, missing: partial, value: 10}
          availability: {verdict: pass, carried: false}
      - at: 75m
        score: null
        last_score: 100
        coverage: 0.4345
        level: ready
        checks:
          depth: {verdict: pass, value: 3, coverage: 0.5}
          sum: {verdict: unknown, reason: partial}
          availability: {verdict: pass, coverage: 0.8036} # 4500 of 5600
      - {at: 80m, score: 100, fresh_coverage: 1, checks: {sum: {value: 10}, availability: {covered: 0.0079}}}
      - {at: 2h1m, checks: {availability: {carried: true, missing: partial}}}
      - {at: 2h19m, checks: {availability: {verdict: unknown, reason: partial, message: "a fault of the test, on line 18"}}}
      - {at: 2h40m, score: 100, fresh_coverage: 1, checks: {availability: {covered: 0.0159}}}
      - {at: 3h20m, level: ready, checks: {depth: {verdict: unknown, reason: source_error}, availability: {verdict: pass, carried: false}}}
      - {at: 4h, checks: {depth: {verdict: pass, value: 7, coverage: 0.5}}}
`, "r.yml", regionsRubric))
	require.Empty(t, run(t, f))
}

// TestAFaultThatNothingNoticesFailsItsTest has faults of what is not asked for,
// and one after the last expectation.
func TestAFaultThatNothingNoticesFailsItsTest(t *testing.T) {
	f := sound(t, written(t, "r.test.yml", regions+`
    faults:
      - {source: us, from: 10m, to: 20m, as: error, metric: requests}
      - {source: us, from: 10m, to: 20m, as: error, metric: requests_total}
      - {source: eu, from: 31m, as: error}
    expect:
      - {at: 30m, checks: {depth: {value: 7}}}
`, "r.yml", regionsRubric))
	shown, _, _ := strings.Cut(run(t, f), "  r.test.yml:7: source")
	require.Equal(t, `  r.test.yml:17: source us fails here, which nothing notices
      expected  a question to the source before the last expectation
      got       no question was asked that has requests in it
  r.test.yml:19: source eu fails here, which nothing notices
      expected  a question to the source before the last expectation
      got       no question was asked
`, shown)
}

// TestMistakesInFaultsAreFoundBeforeAnythingRuns has one on each line.
func TestMistakesInFaultsAreFoundBeforeAnythingRuns(t *testing.T) {
	const expect = "\n    expect: [{at: 30m, score: 100}]\n"
	require.Equal(t, `r.test.yml:18: fault 1 of test "x" is in no source: write "source:" with one of eu, us
r.test.yml:19: fault 2 of test "x" is in no source: write "source:" with one of eu, us
r.test.yml:20: fault 3 of test "x" does not say when: add e.g. "from: 20m" and "to: 40m"
r.test.yml:21: fault 4 of test "x" begins at 5m, before the test starts to grade at 10m: what was measured before that is read in any case, so let it begin then or later
r.test.yml:22: from of fault 5 of test "x" is 90s, at which there is no tick: write a multiple of the interval 1m
r.test.yml:23: fault 6 of test "x" ends at 20m, but must end after it has begun, at 20m: swap "from" and "to", or leave "to" out for a fault that lasts
r.test.yml:24: fault 7 of test "x" says as: "partial": write error (it answers with an error), timeout (it does not answer in time) or warning (it answers, and warns that this may be partial)
r.test.yml:25: fault 8 of test "x" says as: "": write error (it answers with an error), timeout (it does not answer in time) or warning (it answers, and warns that this may be partial)
r.test.yml:26: metric of fault 9 of test "x" is "depth{}", which is no name of a metric: write e.g. http_requests_total
r.test.yml:27: unknown field "until" in fault 10 of test "x"; the fields are as, from, metric, source, to
r.test.yml:28: to of fault 11 of test "x" is 200d, but must be between 0s and 100d`,
		mistakes(t, written(t, "r.test.yml", strings.Replace(regions, "    input_series:", "    start: 10m\n    input_series:", 1)+`
    faults:
      - {from: 20m, as: error}
      - {source: asia, from: 20m, as: error}
      - {source: eu, as: error}
      - {source: eu, from: 5m, as: error}
      - {source: eu, from: 90s, as: error}
      - {source: eu, from: 20m, to: 20m, as: error}
      - {source: eu, from: 20m, as: partial}
      - {source: eu, from: 20m}
      - {source: eu, from: 20m, as: error, metric: "depth{}"}
      - {source: eu, from: 20m, until: 30m, as: error}
      - {source: eu, from: 20m, to: 200d, as: error}`+expect, "r.yml", regionsRubric)))
	many := regions + "    faults:\n" + strings.Repeat("      - {source: eu, from: 20m, as: error}\n", maxFaults+1) + expect
	require.Equal(t, `r.test.yml:15: test "x" has 1001 entries under "faults", but at most 1000 are allowed`, mistakes(t, written(t, "r.test.yml", many, "r.yml", regionsRubric)))
}

// TestManyFaultsOfManyTicksAreBounded has as many faults as there may be, each of
// one tick of another metric.
func TestManyFaultsOfManyTicksAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range maxFaults {
		fmt.Fprintf(&b, "      - {source: eu, from: %dm, to: %dm, as: warning, metric: depth}\n", 1+i%290, 2+i%290)
	}
	f := sound(t, written(t, "r.test.yml", regions+"    faults:\n"+b.String()+"    expect: [{at: 295m, checks: {depth: {value: 7}}}]\n", "r.yml", regionsRubric))
	require.Empty(t, run(t, f))
}
