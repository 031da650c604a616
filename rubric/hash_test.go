package rubric

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const hashed = `
rubrics:
  - name: http
    title: Signals
    description: Prose.
    applies_to: '"http" in service.tags'
    levels: [bronze, silver]
    coverage_floor: 0.8
    checks:
      - name: availability
        title: Works
        why: Because.
        fix: Mend it.
        severity: critical
        level: bronze
        events: {metric: requests_total, where: '{handler!="/metrics", a="b"}', bad: '{code=~"5.."}'}
        objective: 99.9%
        period: 30d
      - name: latency
        histogram: {metric: d_seconds, threshold: 500ms}
        pass: 99%
        fail: 95%
        window: 1h
      - name: fds
        value: {query: 'max by ($identity) (rate(fds[$window]))', across: worst, unit: ratio}
        pass: 0.7
        fail: 0.95
        window: 5m
      - name: owner
        catalog: service.owner != "" && service.tags.exists(t, t in ["http", "grpc"])
`

func TestProseAndOrderDoNotChangeTheVersion(t *testing.T) {
	before := load(t, hashed)[0]
	for name, edit := range map[string][2]string{
		"title":                      {"title: Signals", "title: Golden signals"},
		"description":                {"description: Prose.", "description: Other prose."},
		"title of a check":           {"title: Works", "title: It works"},
		"why":                        {"why: Because.", "why: For another reason."},
		"fix":                        {"fix: Mend it.", "fix: Roll back."},
		"spelling of a ratio":        {"objective: 99.9%", "objective: 0.999"},
		"spelling of a duration":     {"window: 1h", "window: 60m"},
		"spelling of a bound":        {"threshold: 500ms", "threshold: 0.5"},
		"order of matchers":          {`{handler!="/metrics", a="b"}`, `{a="b", handler!="/metrics"}`},
		"spelling of a query":        {"max by ($identity) (rate(fds[$window]))", "max(rate(fds[$window])) by ($identity)"},
		"a default written out":      {"        severity: critical\n", "        severity: critical\n        weight: 10\n"},
		"spelling of a condition":    {`service.owner != "" && service.tags.exists(t, t in ["http", "grpc"])`, `(service.owner   != '') && service.tags.exists(t, t in ['http','grpc'])`},
		"unit":                       {"unit: ratio", "unit: percent"},
		"comment":                    {"    levels:", "    # a comment\n    levels:"},
		"order of fields of a check": {"        level: bronze\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(hashed, edit[0], edit[1], 1)
			if name == "order of fields of a check" {
				text = strings.Replace(text, "        period: 30d\n", "        period: 30d\n        level: bronze\n", 1)
			}
			require.NotEqual(t, hashed, text, "the edit must do something")
			after := load(t, text)[0]
			require.Equal(t, before.Version, after.Version)
			for i, c := range after.Checks {
				require.Equal(t, before.Checks[i].Hash, c.Hash)
				require.Equal(t, before.Checks[i].SLI, c.SLI)
			}
		})
	}
	checks := strings.SplitAfter(hashed, "checks:\n")
	owner := strings.LastIndex(checks[1], "      - name: owner")
	turned := checks[0] + checks[1][owner:] + checks[1][:owner]
	require.Equal(t, before.Version, load(t, turned)[0].Version, "the order of checks is no meaning")
}

func TestMeaningChangesTheVersion(t *testing.T) {
	before := load(t, hashed)[0]
	seen := map[string]string{before.Version: "nothing"}
	for _, edit := range []struct {
		name, old, new string
		sli            bool // whether an SLI changes too
	}{
		{"applicability", `"http" in service.tags`, `"grpc" in service.tags`, false},
		{"levels", "[bronze, silver]", "[bronze, silver, gold]", false},
		{"coverage floor", "coverage_floor: 0.8", "coverage_floor: 0.7", false},
		{"severity", "severity: critical", "severity: high", false},
		{"weight", "severity: critical", "severity: critical\n        weight: 11", false},
		{"level", "level: bronze", "level: silver", false},
		{"metric", "metric: requests_total", "metric: other_total", true},
		{"where", `handler!="/metrics"`, `handler!="/health"`, true},
		{"bad", `code=~"5.."`, `code=~"50."`, true},
		{"objective", "objective: 99.9%", "objective: 99.95%", false},
		{"period", "period: 30d", "period: 28d", false},
		{"bound", "threshold: 500ms", "threshold: 250ms", true},
		{"pass of a ratio", "pass: 99%", "pass: 98%", false},
		{"fail of a ratio", "fail: 95%", "fail: 94%", false},
		{"window of a ratio", "window: 1h", "window: 2h", false},
		{"query", "rate(fds", "irate(fds", true},
		{"across", "across: worst", "across: best", false},
		{"pass of a value", "pass: 0.7", "pass: 0.6", false},
		{"fail of a value", "fail: 0.95", "fail: 0.9", false},
		{"window of a value", "window: 5m", "window: 10m", true},
		{"condition", `service.owner != ""`, `service.system != ""`, false},
		{"name of a check", "name: owner", "name: owned", false},
		{"on_missing", "        window: 5m", "        window: 5m\n        on_missing: fail", false},
		{"identity", "        window: 5m", "        window: 5m\n        identity: job", true},
		{"interval", "        window: 5m", "        window: 5m\n        interval: 5m", false},
		{"strict", "    levels:", "    strict: true\n    levels:", false},
		{"pass level", "    levels:", "    pass_level: bronze\n    levels:", false},
		{"weight of the rubric", "    levels:", "    weight: 2\n    levels:", false},
		{"date", "    levels:", "    effective_from: 2026-11-23\n    levels:", false},
	} {
		t.Run(edit.name, func(t *testing.T) {
			text := strings.Replace(hashed, edit.old, edit.new, 1)
			require.NotEqual(t, hashed, text, "the edit must do something")
			after := load(t, text)[0]
			require.NotContains(t, seen, after.Version)
			seen[after.Version] = edit.name
			require.Len(t, after.Version, 12)
			changed := false
			for i, c := range after.Checks {
				changed = changed || before.Checks[i].SLI != c.SLI
			}
			require.Equal(t, edit.sli, changed, "whether the ledger starts anew")
		})
	}
}

func TestChecksThatCountTheSameShareTheirLedger(t *testing.T) {
	r := load(t, `rubrics: [{name: a, checks: [
    {name: strict, events: {metric: x_total, bad: '{code=~"5.."}'}, objective: 99.9%},
    {name: lenient, events: {metric: x_total, bad: '{ code =~ "5.." }'}, objective: 99%, severity: low},
    {name: other, events: {metric: x_total, bad: '{code=~"4.."}'}, objective: 99%}]}]`)[0]
	require.Equal(t, r.Checks[0].SLI, r.Checks[1].SLI)
	require.NotEqual(t, r.Checks[0].Hash, r.Checks[1].Hash)
	require.NotEqual(t, r.Checks[0].SLI, r.Checks[2].SLI)
}
