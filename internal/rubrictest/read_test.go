package rubrictest

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMistakesAreToldAllAtOnceWithTheirPlace has a mistake of every kind.
func TestMistakesAreToldAllAtOnceWithTheirPlace(t *testing.T) {
	require.Equal(t, `bad.yml:2: rubric "b" has no checks: list at least one under "checks:"
bad.yml:3: unknown field "chekcs" in rubric "b"; did you mean "checks"?
x.test.yml:1: apiVersion of the test file is "apgar.dev/v2": write "apiVersion: apgar.dev/v1"
x.test.yml:2: there is no pack "htp": there are http
x.test.yml:3: rubric file "missing.yml" cannot be read: reading the file: no such file or directory
x.test.yml:4: interval is 7s, but must divide 5m into whole seconds: write e.g. 15s, 30s, 1m or 5m
x.test.yml:5: scrape_interval of the test file is 2m, but must be between 1s and 1m15s
x.test.yml:6: source "a" is given twice: rename or remove one of them
x.test.yml:6: partition_label of source 3 of the list is "1x", which is no name of a label
x.test.yml:8: "a b" is no name: it must start with a letter or digit and have at most 63 letters, digits, dots, dashes and underscores
x.test.yml:13: series 1 of test "x" is in no source: write "source:" with one of a, a, b
x.test.yml:14: unknown field "extra" in series 2 of test "x"; the fields are series, source, values
x.test.yml:15: the series {__name__="up"} is already given on line 14: write its values in one place
x.test.yml:17: the file has no service default/nobody: list it under "services:", or correct its name
x.test.yml:18: test "x" expects nothing: list under "expect:" what is to hold, e.g. - {at: 2h, score: 100}
x.test.yml:18: test "x" is already defined on line 10: rename or remove one of them`,
		mistakes(t, written(t, "x.test.yml", `apiVersion: apgar.dev/v2
packs: [htp]
rubrics: [missing.yml, bad.yml]
interval: 7s
scrape_interval: 2m
sources: [{name: a}, {name: a}, {name: b, partition_label: 1x}]
services:
  - {name: "a b"}
tests:
  - name: x
    start: 1h
    input_series:
      - {series: 'up{', values: '1x3'}
      - {source: a, series: 'up', values: '1x1', extra: 2}
      - {source: a, series: 'up', values: '1x1'}
    expect:
      - {at: 2h, service: nobody, score: 3}
  - name: x
`, "bad.yml", "rubrics:\n  - name: b\n    chekcs: []\n")))
}

// TestMistakesInExpectationsAreFoundBeforeAnythingRuns has one on each line.
func TestMistakesInExpectationsAreFoundBeforeAnythingRuns(t *testing.T) {
	path := written(t, "c.test.yml", strings.ReplaceAll(capacity, "    input", "    start: 10m\n    input")+`
      - {score: 1}
      - {at: 90s, score: 1}
      - {at: 5m, score: 1}
      - {at: 90d, score: 1}
      - {at: 2h, score: abc}
      - {at: 2h, score: 1e999}
      - {at: 2h, verdict: fail}
      - {at: 2h, status: passed}
      - {at: 2h, grade: E}
      - {at: 2h, pass: yes}
      - {at: 2h, level: redy}
      - {at: 2h, rubric: other, score: 1}
      - {at: 2h}
      - {at: 2h, graded: false, score: 1}
      - {at: 2h, checks: {dsk: {verdict: pass}}}
      - {at: 2h, checks: {disk: {verdict: failed}}}
      - {at: 2h, checks: {disk: {}}}
      - {at: 2h, checks: {disk: {credit: [1]}}}
      - {at: 2h, checks: [disk]}
      - {at: 200d, score: 1}
      - {at: 2h, score: 150}
      - {at: 2h, next_step: dsk}
      - {at: 2h, checks: {disk: {credit: 1.5}}}
      - {at: 2h, checks: {disk: {points_lost: -1}}}
`, "capacity.yml", capacityRubric)
	require.Equal(t, `c.test.yml:13: expectation 1 of test "the disk fills" does not say when: add e.g. "at: 2h"
c.test.yml:14: at of expectation 2 of test "the disk fills" is 90s, at which there is no tick: write a multiple of the interval 1m
c.test.yml:15: this is expected at 5m, before the test starts to grade at 10m
c.test.yml:16: 129591 ticks are graded until 90d, but at most 20000 are allowed: start later, with "start:" in test "the disk fills"
c.test.yml:17: "score" of expectation 5 of test "the disk fills" is "abc", which is no number: write e.g. 0.999, or 600 ± 5
c.test.yml:18: "score" of expectation 6 of test "the disk fills" is "1e999", which is too large a number: write e.g. 0.999, or 600 ± 5
c.test.yml:19: unknown field "verdict" in expectation 7 of test "the disk fills"; the fields are at, capped_by, checks, coverage, draft, fresh_coverage, grade, graded, last_score, level, next_step, pass, raw_score, rubric, score, score_high, score_low, score_without_waivers, service, status
c.test.yml:20: "status" of expectation 8 of test "the disk fills" is "passed": write scored, unknown, not_scored or null
c.test.yml:21: "grade" of expectation 9 of test "the disk fills" is "E": write A, B, C, D, F or null
c.test.yml:22: "pass" of expectation 10 of test "the disk fills" is "yes": write true, false or null
c.test.yml:23: level of expectation 11 of test "the disk fills" is "redy", which rubric capacity does not have: write ready or null
c.test.yml:24: expectation 12 of test "the disk fills" names no rubric: write "rubric:" with one of capacity
c.test.yml:25: expectation 13 of test "the disk fills" expects nothing: write e.g. "score: 100"
c.test.yml:26: expectation 14 of test "the disk fills" says graded: false, so there is no score or check to expect: remove what else it says
c.test.yml:27: rubric capacity has no check "dsk"; did you mean "disk"?
c.test.yml:28: "verdict" of check "disk" of expectation 16 of test "the disk fills" is "failed": write pass, warn, fail, unknown, waived, not_applicable or null
c.test.yml:29: check "disk" of expectation 17 of test "the disk fills" expects nothing: write e.g. "verdict: pass"
c.test.yml:30: "credit" of check "disk" of expectation 18 of test "the disk fills" must be a text, not a list
c.test.yml:31: "checks" of expectation 19 of test "the disk fills" must be a mapping of fields, not a list
c.test.yml:32: at of expectation 20 of test "the disk fills" is 200d, but must be between 0s and 100d
c.test.yml:33: "score" of expectation 21 of test "the disk fills" is 150, but it is between 0 and 100
c.test.yml:34: next_step of expectation 22 of test "the disk fills" is "dsk", which is no check of rubric capacity
c.test.yml:35: "credit" of check "disk" of expectation 23 of test "the disk fills" is 1.5, but it is between 0 and 1
c.test.yml:36: "points_lost" of check "disk" of expectation 24 of test "the disk fills" is -1, but it is between 0 and 100`, mistakes(t, path))
}

// TestSeriesCannotExhaustTheProcess has descriptions of a few bytes that stand
// for gigabytes of samples.
func TestSeriesCannotExhaustTheProcess(t *testing.T) {
	for _, values := range []string{
		"1x99999999999999999999999", "1x999999999", "0+1x4000001", "_x 5000000", "1x2000000 1x2000000",
		"{{schema:0 count:1 sum:1 buckets:[" + strings.Repeat("1 ", 2000) + "]}}x20000",
	} {
		started := time.Now()
		shown := mistakes(t, written(t, "c.test.yml", strings.ReplaceAll(capacity, "0.5x30 0.8x30", values)+"      - {at: 20m, score: 1}\n", "capacity.yml", capacityRubric))
		require.Contains(t, shown, "have more than 4000000 samples", values)
		require.Less(t, time.Since(started), time.Minute, values)
	}
	for _, name := range []string{`"a{ # '\n} 1x999999999 '"`, "'a 1x999999999'", "'a{} 1x999999999'"} {
		shown := mistakes(t, written(t, "c.test.yml", strings.ReplaceAll(capacity, `'disk_used{service="playlist"}'`, name)+"      - {at: 20m, score: 1}\n", "capacity.yml", capacityRubric))
		require.Contains(t, shown, "is not in Prometheus' test notation", name)
	}
	many := strings.ReplaceAll(capacity, "0.5x30 0.8x30", "1x3000000")
	many = strings.ReplaceAll(many, "    expect:", "      - {series: 'a', values: '1x3000000'}\n      - {series: 'b', values: '1x3000000'}\n    expect:")
	require.Equal(t, 1, strings.Count(mistakes(t, written(t, "c.test.yml", many+"      - {at: 20m, score: 1}\n", "capacity.yml", capacityRubric)), "samples"), "it is said once")
	quoted := strings.ReplaceAll(capacity, `disk_used{service="playlist"}`, `disk_used{service="playlist", path="/x99999999"}`)
	sound(t, written(t, "c.test.yml", quoted+"      - {at: 20m, score: 1}\n", "capacity.yml", capacityRubric))
}

func TestASeriesThatPrometheusCannotReadIsToldOfInItsWords(t *testing.T) {
	for values, reason := range map[string]string{
		"1x3 abc": `is not in Prometheus' test notation: unexpected identifier "abc" in series values`,
		"1+":      "is not in Prometheus' test notation: unexpected end of input",
		"'":       "is not in Prometheus' test notation: unexpected character in series sequence",
		"{{schema:99 count:1 sum:1 buckets:[1]}}": "value 1 of series 2 of test \"the disk fills\" is no histogram: ",
		"{{schema:0 count:1 sum:1 buckets:[-1]}}": "value 1 of series 2 of test \"the disk fills\" is no histogram: ",
	} {
		shown := mistakes(t, written(t, "c.test.yml", strings.ReplaceAll(capacity, "'0.5x30 0.8x30'", strconv.Quote(values))+"      - {at: 20m, score: 1}\n", "capacity.yml", capacityRubric))
		require.Contains(t, shown, "c.test.yml:9: ")
		require.Contains(t, shown, reason)
	}
}

func TestAFileThatHoldsNothingOrIsNoneIsToldOf(t *testing.T) {
	require.Contains(t, mistakes(t, written(t, "c.test.yml", "")), "c.test.yml: the file is empty")
	require.Contains(t, mistakes(t, written(t, "c.test.yml", "[]")), "c.test.yml:1: the test file must be a mapping of fields, not a list")
	require.Contains(t, mistakes(t, written(t, "c.test.yml", "a: {")), "this is no valid YAML")
	_, problems := Load(t.TempDir())
	require.Len(t, problems, 1)
}

// FuzzParse holds that no content of a file does worse than being refused.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../../examples/rubrics/http.test.yml")
	require.NoError(f, err)
	f.Add(string(example))
	f.Add(capacity + "      - {at: 20m, score: 1}\n")
	f.Add(regions + "    faults: [{source: eu, from: 2m, to: 3m, as: error, metric: up}]\n    expect: [{at: 5m, score: 1}]\n")
	f.Add("apiVersion: apgar.dev/v1\npacks: [http]\nservices: [{name: a}]\ntests: [{name: t, input_series: [{series: a, values: '1+1x3 stale _x2'}], expect: [{at: 1m, score: 1 ± 2}]}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, problems := Parse("fuzz.test.yml", []byte(text))
		if file == nil && len(problems) == 0 {
			t.Fatal("a file was refused without a reason")
		}
		for _, p := range problems {
			if p.Message == "" || strings.Contains(p.Message, "runtime error") {
				t.Fatalf("a problem says %q", p.Message)
			}
		}
	})
}
