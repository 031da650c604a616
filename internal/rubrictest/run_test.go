package rubrictest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheExamplesPass runs the tests of the packs that users are shown.
func TestTheExamplesPass(t *testing.T) {
	paths, err := filepath.Glob("../../examples/rubrics/*.test.yml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		f := sound(t, path)
		for _, test := range f.Tests {
			t.Run(test.Name, func(t *testing.T) {
				outcome := f.Run(t.Context(), test, enough)
				var shown strings.Builder
				require.NoError(t, outcome.Write(&shown))
				require.Empty(t, outcome.Failures, shown.String())
			})
		}
	}
}

const depthRubric = `
rubrics:
  - name: queues
    levels: [bronze]
    identity: app
    checks:
      - name: depth
        level: bronze
        value: {query: 'max by ($identity) (queue_depth)', across: worst}
        pass: 10
        fail: 20
      - name: speed
        identity: app
        histogram: {metric: work_seconds, threshold: 1}
        pass: 0.9
        window: 30m
`

// TestSeveralSourcesWithCellsIdentitiesAndNativeHistograms uses everything that
// a test file may say of where series are.
func TestSeveralSourcesWithCellsIdentitiesAndNativeHistograms(t *testing.T) {
	f := sound(t, written(t, "q.test.yml", `
apiVersion: apgar.dev/v1
rubrics: [queues.yml]
identities:
  app: {labels: {app: 'service.name'}}
interval: 30s
sources:
  - {name: mimir, partition_label: cluster}
  - {name: old, labels: {app: application}}
services:
  - {name: mailer}
  - {name: unseen}
tests:
  - name: the worst cell counts
    input_series:
      - {source: mimir, series: 'up{app="mailer", cluster="a"}', values: '1x160'}
      - {source: mimir, series: 'up{app="mailer", cluster="b"}', values: '1x160'}
      - {source: mimir, series: 'queue_depth{app="mailer", cluster="a"}', values: '5x160'}
      - {source: mimir, series: 'queue_depth{app="mailer", cluster="b"}', values: '15x160'}
      - {source: old, series: 'up{application="mailer"}', values: '1x160'}
      - {source: old, series: 'queue_depth{application="mailer"}', values: '1x40 30x120'}
      - {source: old, series: 'work_seconds{application="mailer"}', values: '{{schema:0 count:0 sum:0 buckets:[0 0]}}+{{schema:0 count:10 sum:5 buckets:[8 2]}}x160'}
    expect:
      - {at: 15m, service: mailer, checks: {depth: {verdict: warn, value: 15, credit: 0.5}}}
      - at: 70m
        service: mailer
        level: null
        checks:
          depth: {verdict: fail, value: 30}
          speed: {verdict: fail, value: 0.8, message: "; interpolated in native histograms"}
      - {at: 30m, service: unseen, status: unknown, score: null, checks: {depth: {verdict: unknown, reason: no_data}}}
`, "queues.yml", depthRubric))
	require.Empty(t, run(t, f))
}

const capacity = `
apiVersion: apgar.dev/v1
rubrics: [capacity.yml]
services: [{name: playlist}]
tests:
  - name: the disk fills
    input_series:
      - {series: 'up{service="playlist"}', values: '1x60'}
      - {series: 'disk_used{service="playlist"}', values: '0.5x30 0.8x30'}
    expect:
`

const capacityRubric = `
rubrics:
  - name: capacity
    applies_to: 'service.name == "playlist"'
    levels: [ready]
    checks:
      - {name: disk, level: ready, value: {query: 'max by ($identity) (disk_used)'}, pass: 0.7, fail: 0.9}
`

// TestWhatIsNotMetIsToldWithItsPlaceAndReason runs one wrong expectation of each kind.
func TestWhatIsNotMetIsToldWithItsPlaceAndReason(t *testing.T) {
	f := sound(t, written(t, "c.test.yml", capacity+`
      - {at: 20m, score: 99, grade: B, level: null, pass: false}
      - {at: 20m, score: 99.96, grade: A, level: ready, pass: true, coverage: 1}
      - at: 50m
        checks:
          disk:
            verdict: pass
            credit: 0.51
            value: 0.8 ± 0.1
            message: nothing of the kind
            carried: true
      - {at: 50m, graded: false}
      - {at: 50m, score: null}
`, "capacity.yml", capacityRubric))
	require.Equal(t, `  c.test.yml:12: default/playlist by capacity at 20m: score
      expected  99
      got       100.0
  c.test.yml:12: default/playlist by capacity at 20m: grade
      expected  B
      got       A
  c.test.yml:12: default/playlist by capacity at 20m: level
      expected  null
      got       ready
  c.test.yml:12: default/playlist by capacity at 20m: pass
      expected  false
      got       true
  c.test.yml:17: default/playlist by capacity at 50m, check disk: verdict
      expected  pass
      got       warn
      because   warn below_target: MESSAGE
  c.test.yml:18: default/playlist by capacity at 50m, check disk: credit
      expected  0.51
      got       0.5
      because   warn below_target: MESSAGE
  c.test.yml:20: default/playlist by capacity at 50m, check disk: message
      expected  a text with "nothing of the kind" in it
      got       "MESSAGE"
  c.test.yml:21: default/playlist by capacity at 50m, check disk: carried
      expected  true
      got       false
      because   warn below_target: MESSAGE
  c.test.yml:22: default/playlist by capacity at 50m
      expected  no scorecard
      got       one with score 50.0
  c.test.yml:23: default/playlist by capacity at 50m: score
      expected  null
      got       50.0
`, strings.ReplaceAll(run(t, f), "0.8: pass is at most 0.7, fail is at least 0.9", "MESSAGE"))
}

func TestARubricThatDoesNotApplyGradesNothing(t *testing.T) {
	other := strings.ReplaceAll(capacityRubric, `"playlist"`, `"other"`)
	f := sound(t, written(t, "c.test.yml", capacity+"      - {at: 20m, graded: false}\n      - {at: 20m, score: 100}\n", "capacity.yml", other))
	require.Equal(t, `  c.test.yml:12: default/playlist by capacity at 20m
      expected  a scorecard
      got       none: the rubric does not apply to the service
`, run(t, f))
}

// TestATestDoesNotTakeLongerThanItMay grades as many ticks as it may, which
// takes much longer than its limit.
func TestATestDoesNotTakeLongerThanItMay(t *testing.T) {
	f := sound(t, written(t, "c.test.yml", capacity+"      - {at: 13d21h, score: 100}\n", "capacity.yml", capacityRubric))
	started := time.Now()
	outcome := f.Run(t.Context(), f.Tests[0], 5*time.Millisecond)
	require.Less(t, time.Since(started), 10*time.Second)
	require.Len(t, outcome.Failures, 1)
	require.Contains(t, outcome.Failures[0].Got, "the test was not done within 5ms")
	require.Equal(t, f.Tests[0].Position, outcome.Failures[0].Position)
}

func TestAnEndedContextEndsATest(t *testing.T) {
	f := sound(t, written(t, "c.test.yml", capacity+"      - {at: 50m, score: 100}\n", "capacity.yml", capacityRubric))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	outcome := f.Run(ctx, f.Tests[0], enough)
	require.Len(t, outcome.Failures, 1)
	require.Contains(t, outcome.Failures[0].Got, "context canceled")
}

// TestWhatTheEngineRefusesIsTold has a query that fails when it is run.
func TestWhatTheEngineRefusesIsTold(t *testing.T) {
	ambiguous := strings.ReplaceAll(capacityRubric, "max by ($identity) (disk_used)", "max by ($identity) (disk_used * on (service) up)")
	text := strings.ReplaceAll(capacity, "    expect:", "      - {series: 'up{service=\"playlist\", instance=\"2\"}', values: '1x60'}\n    expect:")
	f := sound(t, written(t, "c.test.yml", text+"      - {at: 20m, checks: {disk: {verdict: pass}}}\n", "capacity.yml", ambiguous))
	shown := run(t, f)
	require.Contains(t, shown, "got       unknown")
	require.Contains(t, shown, "source test did not answer everything")
	require.Contains(t, shown, "many-to-many matching not allowed")
}

// TestTheExamplesOfTheDocumentationPass runs the first files of the page that
// explains tests: a rubric, a test of it, and one more with a fault.
func TestTheExamplesOfTheDocumentationPass(t *testing.T) {
	page, err := os.ReadFile("../../docs/rubric-tests.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```yaml\n")
	require.Greater(t, len(blocks), 3)
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "```")
	}
	f := sound(t, written(t, "capacity.test.yml", blocks[2]+blocks[3], "capacity.yml", blocks[1]))
	require.Len(t, f.Tests, 2)
	require.Len(t, f.Tests[1].faults, 1)
	require.Empty(t, run(t, f))
}

// TestATestBeginsBetweenTheTicksOfACheck has a check that is asked for every five
// minutes, and begins three minutes after it was.
func TestATestBeginsBetweenTheTicksOfACheck(t *testing.T) {
	text := strings.ReplaceAll(capacity, "name: the disk fills", "name: the disk fills\n    start: 13m")
	text = strings.ReplaceAll(text, "0.5x30 0.8x30", "0.5x10 0.6 0.1x18 0.8x30")
	seldom := strings.ReplaceAll(capacityRubric, "fail: 0.9}", "fail: 0.9, interval: 5m}")
	f := sound(t, written(t, "c.test.yml", text+`
      - {at: 13m, coverage: 1, checks: {disk: {verdict: pass, value: 0.5, carried: false}}}
      - {at: 14m, coverage: 1, checks: {disk: {verdict: pass, value: 0.5, carried: false}}}
      - {at: 15m, coverage: 1, checks: {disk: {verdict: pass, value: 0.1, carried: false}}}
`, "capacity.yml", seldom))
	require.Empty(t, run(t, f))
}

// TestTheOverallScorecardCanBeExpected has two rubrics of which one weighs three
// times as much, and a test of what they come to.
func TestTheOverallScorecardCanBeExpected(t *testing.T) {
	text := strings.ReplaceAll(capacity, "rubrics: [capacity.yml]", "rubrics: [capacity.yml, owned.yml]")
	text = strings.ReplaceAll(text, "{at: 20m,", "{at: 20m, rubric: capacity,")
	text = strings.ReplaceAll(text, "{at: 50m,", "{at: 50m, rubric: capacity,")
	owned := `
rubrics:
  - {name: owned, weight: 3, checks: [{name: owner, catalog: 'service.owner != "none"'}]}
`
	f := sound(t, written(t, "c.test.yml", text+`
      - {at: 20m, rubric: overall, score: 100, status: scored, grade: A, level: null, pass: true}
      - {at: 50m, rubric: overall, score: 87.5, grade: B}
`, "capacity.yml", capacityRubric, "owned.yml", owned))
	require.Empty(t, run(t, f))
}

// TestWaiversAreInForceUntilTheyExpire has one that ends after an hour of the
// first day.
func TestWaiversAreInForceUntilTheyExpire(t *testing.T) {
	text := strings.ReplaceAll(capacity, "rubrics: [capacity.yml]", "rubrics: [capacity.yml]\nwaivers: [waivers.yml]")
	f := sound(t, written(t, "c.test.yml", strings.ReplaceAll(text, "0.8x30", "0.8x60")+`
      - {at: 50m, status: not_scored, checks: {disk: {verdict: waived, reason: "waiver:full"}}}
      - {at: 80m, score: 50, next_step: null, level: ready, draft: false, checks: {disk: {verdict: warn}}}
`, "capacity.yml", capacityRubric, "waivers.yml", `
apiVersion: apgar.dev/v1
waivers:
  - {id: full, reason: it is known, requester: jane, approver: ravi, created: 2025-12-30, expires: "2026-01-05T01:00:00Z", service: playlist, rubric: capacity, check: disk}
`))
	require.Empty(t, run(t, f))
	require.Contains(t, mistakes(t, written(t, "c.test.yml", text+"      - {at: 20m, score: 1}\n", "capacity.yml", capacityRubric)), `c.test.yml:4: waiver file "waivers.yml" cannot be read: `)
}
