package rubrictest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRulesOfGrading tells stories about rules that only show over many ticks, or
// only in what the sources hold: most begin from nothing, long after the data do.
func TestRulesOfGrading(t *testing.T) {
	const ratio = `
rubrics:
  - name: r
    checks:
      - {name: c, events: {metric: calls_total, bad: '{code="500"}'}, pass: 99%, fail: 90%}
`
	const week = `
rubrics:
  - name: r
    checks:
      - {name: c, events: {metric: calls_total, bad: '{code="500"}'}, objective: 99%, period: 7d}
`
	for name, story := range map[string]struct{ rubric, tests string }{
		"a slot is a gap while the cell with most events has targets and no row": {ratio, `
  - name: and so the hour of the lesser one is not taken for the service's
    start: 190m
    input_series:
      - {series: 'up{service="a",instance="i1",cluster="c1"}', values: '1x119 0x59 1x60'}
      - {series: 'calls_total{service="a",instance="i1",cluster="c1",code="200"}', values: '0+900x119 stale _x59 108000+900x60'}
      - {series: 'up{service="a",instance="i2",cluster="c2"}', values: '1x240'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="200"}', values: '0+100x119 12000+50x59 15000+100x60'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="500"}', values: '0x119 0+50x59 3000x60'}
    expect:
      - {at: 190m, checks: {c: {verdict: unknown, reason: partial}}}
`},
		"what a cell counted while another was away weighs": {ratio, `
  - name: three fifths of the events for a part of the time
    start: 360m
    input_series:
      - {series: 'up{service="a",instance="i1",cluster="c1"}', values: '1x149 stale'}
      - {series: 'calls_total{service="a",instance="i1",cluster="c1",code="200"}', values: '0+60x149 stale'}
      - {series: 'up{service="a",instance="i2",cluster="c2"}', values: '1x360'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="200"}', values: '0+40x360'}
    expect:
      - {at: 360m, status: unknown, coverage: 0.615, checks: {c: {verdict: pass, reason: ok}}}
`},
		"births are of final slots, and no answers of ticks": {week, `
  - name: ten minutes after the slot they are counted
    input_series:
      - {series: 'up{service="a",instance="i",job="j"}', values: '1x200'}
      - {series: 'calls_total{service="a",instance="i",job="j",code="200"}', values: '0+100x200'}
      - {series: 'calls_total{service="a",instance="i",job="j",code="500"}', values: '_x122 50x80'}
    expect:
      - {at: 125m, checks: {c: {remaining: 1}}}
      - {at: 134m, checks: {c: {remaining: 1}}}
      - {at: 135m, checks: {c: {remaining: 0.63}}}
  - name: a birth alone does not answer for its cell
    input_series:
      - {series: 'up{service="a",instance="i",job="j"}', values: '1x115 _x14 1x70'}
      - {series: 'calls_total{service="a",instance="i",job="j",code="200"}', values: '0+100x115 stale _x13 12000+100x70'}
      - {series: 'calls_total{service="a",instance="i",job="j",code="500"}', values: '0x115 stale _x13 50x70'}
      - {series: 'process_start_time_seconds{service="a",instance="i",job="j"}', values: '1767500000x115 _x14 1767578990x70'}
    expect:
      - {at: 130m, checks: {c: {carried: true, missing: no_data}}}
      - {at: 131m, checks: {c: {carried: false}}}
`},
		"a cell with a row that cannot be used is expected": {`
rubrics:
  - name: r
    coverage_floor: 0
    checks:
      - {name: c, value: {query: 'max by ($identity) (load)', across: sum}, pass: 0.7, fail: 0.9}
`, `
  - name: so that a sum is none without it
    start: 10m
    input_series:
      - {series: 'up{service="a",instance="i1",cluster="c1"}', values: '1x120'}
      - {series: 'up{service="a",instance="i2",cluster="c2"}', values: '1x120'}
      - {series: 'load{service="a",instance="i1",cluster="c1"}', values: '0.5x120'}
      - {series: 'load{service="a",instance="i2",cluster="c2"}', values: 'NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN 0.5x90'}
    expect:
      - {at: 12m, checks: {c: {verdict: unknown, reason: partial}}}
      - {at: 30m, checks: {c: {verdict: fail, value: 1}}}
`},
		"the first slots of a period are weighed by what came before them": {week, `
  - name: by a cell that went down before the period began
    start: 204h
    input_series:
      - {series: 'up{service="a",instance="i1",cluster="c1"}', values: '1x359 0x2519 1x9600'}
      - {series: 'calls_total{service="a",instance="i1",cluster="c1",code="200"}', values: '0+540x359 stale _x2519 0+540x9600'}
      - {series: 'up{service="a",instance="i2",cluster="c2"}', values: '1x12300'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="200"}', values: '0+60x12300'}
    expect:
      - {at: 204h, checks: {c: {covered: 0.928571}}}
`},
		"births are counted while another cell has no row": {`
rubrics:
  - name: r
    checks:
      - {name: c, events: {metric: calls_total, bad: '{code="500"}'}, pass: 90%, fail: 80%, window: 2h}
`, bothWays("150m", `
    input_series:
      - {series: 'up{service="a",instance="i1",job="a",cluster="c1"}', values: '1x240'}
      - {series: 'calls_total{service="a",instance="i1",job="a",cluster="c1",code="200"}', values: '0+60x240'}
      - {series: 'calls_total{service="a",instance="i1",job="a",cluster="c1",code="500"}', values: '_x126 3x100'}
      - {series: 'up{service="a",instance="i2",job="a",cluster="c2"}', values: '1x240'}
      - {series: 'calls_total{service="a",instance="i2",job="a",cluster="c2",code="200"}', values: '0+20x120 stale _x13 2700+20x100'}
    expect:
      - {at: 150m, checks: {c: {verdict: pass, message: "of 9,303 calls"}}}
`)},
		"what lacks a bound has not counted": {`
rubrics:
  - name: r
    checks:
      - {name: c, on_missing: fail, histogram: {metric: work_seconds, threshold: 0.7}, objective: 99%, period: 7d}
`, bothWays("130m", `
    input_series:
      - {series: 'up{service="a",instance="i1",job="a",cluster="c1"}', values: '1x240'}
      - {series: 'work_seconds_bucket{service="a",instance="i1",job="a",cluster="c1",le="+Inf"}', values: '_x63 0+60x180'}
      - {series: 'work_seconds_bucket{service="a",instance="i1",job="a",cluster="c1",le="0.5"}', values: '_x63 0+60x180'}
      - {series: 'up{service="a",instance="i2",job="a",cluster="c2"}', values: '1x102 0x130'}
      - {series: 'work_seconds_bucket{service="a",instance="i2",job="a",cluster="c2",le="+Inf"}', values: '_x56 0+60x45'}
      - {series: 'work_seconds_bucket{service="a",instance="i2",job="a",cluster="c2",le="0.5"}', values: '_x56 0+60x45'}
    expect:
      - {at: 130m, checks: {c: {verdict: unknown, reason: no_such_bucket}}}
`)},
		"births beside the rows of a lesser cell are no answer": {week, `
  - name: the greater cell is back with one sample
    start: 170m
    input_series:
      - {series: 'up{service="a",instance="i1",job="a",cluster="c1"}', values: '1x240'}
      - {series: 'calls_total{service="a",instance="i1",job="a",cluster="c1",code="200"}', values: '0+20x240'}
      - {series: 'up{service="a",instance="i2",job="a",cluster="c2"}', values: '1x240'}
      - {series: 'calls_total{service="a",instance="i2",job="a",cluster="c2",code="200"}', values: '0+80x120 stale _x13 10000+80x100'}
      - {series: 'calls_total{service="a",instance="i2",job="a",cluster="c2",code="500"}', values: '_x135 40x100'}
    expect:
      - {at: 170m, checks: {c: {covered: 0.015377 ± 0.00001, message: "of 15,500 calls"}}} # 31 of 34 slots
`},
		"gauges are expected where counts know the service": {`
rubrics:
  - name: r
    checks:
      - {name: calls, weight: 0, events: {metric: calls_total, bad: '{code="500"}'}, pass: 99%, fail: 90%}
      - {name: worst, value: {query: 'max by ($identity) (load)'}, pass: 0.7, fail: 0.9}
      - {name: total, value: {query: 'max by ($identity) (load)', across: sum}, pass: 0.7, fail: 1.4}
`, `
  - name: a cell that is down at the start has not answered
    start: 150m
    input_series:
      - {series: 'up{service="a",instance="i1",cluster="c1"}', values: '1x119 0x60'}
      - {series: 'calls_total{service="a",instance="i1",cluster="c1",code="200"}', values: '0+100x119 stale'}
      - {series: 'up{service="a",instance="i2",cluster="c2"}', values: '1x240'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="200"}', values: '0+100x240'}
      - {series: 'load{service="a",instance="i2",cluster="c2"}', values: '0.5x240'}
    expect:
      - at: 150m
        status: unknown
        fresh_coverage: 0.25
        checks: {worst: {verdict: pass, coverage: 0.5}, total: {verdict: unknown, reason: partial}}
`},
	} {
		t.Run(name, func(t *testing.T) {
			f := sound(t, written(t, "a.test.yml", `
apiVersion: apgar.dev/v1
rubrics: [r.yml]
sources: [{name: test, partition_label: cluster}]
services: [{name: a}]
tests:`+story.tests, "r.yml", story.rubric))
			require.Empty(t, run(t, f))
		})
	}
}

// bothWays tells a story as ticks go by, and once more asked about afterwards, at a
// time.
func bothWays(at, story string) string {
	return "\n  - name: as ticks go by" + story + "\n  - name: asked about afterwards\n    start: " + at + story
}

// TestThePastIsGradedAsIfItHadBeenThePresent has the cell with most events away
// for eleven hours, once with all ticks graded, and once asked about afterwards.
func TestThePastIsGradedAsIfItHadBeenThePresent(t *testing.T) {
	f := sound(t, written(t, "a.test.yml", `
apiVersion: apgar.dev/v1
rubrics: [r.yml]
interval: 5m
sources: [{name: test, partition_label: cluster}]
services: [{name: a}]
tests:`+bothWays("97h", `
    input_series:
      - {series: 'up{service="a",instance="i1",cluster="c1"}', values: '1x4200 _x659 1x1000'}
      - {series: 'calls_total{service="a",instance="i1",cluster="c1",code="200"}', values: '0+600x4200 _x659 2600000+600x1000'}
      - {series: 'up{service="a",instance="i2",cluster="c2"}', values: '1x5860'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="200"}', values: '0+400x4200 1680000+80x659 1740000+400x1000'}
      - {series: 'calls_total{service="a",instance="i2",cluster="c2",code="500"}', values: '0x4200 0+320x659 211000x1000'}
    expect:
      - {at: 97h, score: 100, checks: {c: {verdict: pass, remaining: 1, covered: 0.51}}}
`), "r.yml", `
rubrics:
  - name: r
    checks:
      - {name: c, events: {metric: calls_total, bad: '{code="500"}'}, objective: 99%, period: 7d}
`))
	require.Empty(t, run(t, f))
}
