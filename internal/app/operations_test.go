package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// yamlBlocks returns the blocks of YAML in a page of docs.
func yamlBlocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docs", page))
	require.NoError(t, err)
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```\n").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, match[1]+"\n")
	}
	return blocks
}

func TestTheYAMLOfTheDocumentationCanBeRead(t *testing.T) {
	for _, page := range []string{"operations.md", "redis.md"} {
		blocks := yamlBlocks(t, page)
		require.NotEmpty(t, blocks, page)
		for _, block := range blocks {
			var content map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(block), &content), "%s:\n%s", page, block)
		}
	}
}

// ruleFile is what of a file of rules matters here.
type ruleFile struct {
	Groups []struct {
		Rules []struct{ Alert, Expr string }
	}
}

// operationsRules returns the alerts of docs/operations.md as a file.
func operationsRules(t *testing.T) (file string, rules ruleFile) {
	t.Helper()
	blocks := yamlBlocks(t, "operations.md")
	n := slices.IndexFunc(blocks, func(b string) bool { return strings.HasPrefix(b, "groups:") })
	require.GreaterOrEqual(t, n, 0, "docs/operations.md has no rules")
	file = filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(file, []byte(blocks[n]), 0o600))
	require.NoError(t, yaml.Unmarshal([]byte(blocks[n]), &rules))
	require.NotEmpty(t, rules.Groups)
	return file, rules
}

// TestTheAlertsOfTheDocumentationAskForMetricsThereAre holds the alerts
// against docs/metrics.md, which is held against the code.
func TestTheAlertsOfTheDocumentationAskForMetricsThereAre(t *testing.T) {
	metrics, err := os.ReadFile(filepath.Join(repository, "docs", "metrics.md"))
	require.NoError(t, err)
	_, rules := operationsRules(t)
	for _, rule := range rules.Groups[0].Rules {
		for _, name := range regexp.MustCompile(`apgar_[a-z_]+`).FindAllString(rule.Expr, -1) {
			require.Contains(t, string(metrics), "| `"+name+"` |", rule.Alert)
		}
	}
}

// A world in which every alert has a reason, and one in which none has: what
// is scraped each minute for half an hour.
const (
	badWorld = `
      - {series: 'apgar_collector_leader{instance="a"}', values: '0x30'}
      - {series: 'apgar_api_snapshot_age_seconds{instance="a"}', values: '400x30'}
      - {series: 'apgar_store_last_answer_timestamp_seconds{instance="a"}', values: '0x30'}
      - {series: 'apgar_store_errors_total{instance="a",operation="commit",class="out_of_memory"}', values: '0+1x30'}
      - {series: 'apgar_store_errors_total{instance="a",operation="sync",class="future_schema"}', values: '0+1x30'}
      - {series: 'apgar_collector_commits_total{instance="a",result="forgotten"}', values: '0x18 1x12'}
      - {series: 'apgar_collector_backlog_ticks{instance="a"}', values: '0+1x30'}
      - {series: 'apgar_store_eviction_possible{instance="a"}', values: '1x30'}
      - {series: 'apgar_collector_ticks_missed_total{instance="a"}', values: '0+1x30'}
      - {series: 'apgar_store_clock_skew_seconds{instance="a"}', values: '-7x30'}
`
	goodWorld = `
      - {series: 'up{job="apgar",instance="a"}', values: '1x30'}
      - {series: 'up{job="apgar",instance="b"}', values: '0x30'}
      - {series: 'apgar_collector_leader{instance="a"}', values: '1x30'}
      - {series: 'apgar_collector_leader{instance="b"}', values: '0x30'}
      - {series: 'apgar_api_snapshot_age_seconds{instance="a"}', values: '110x30'}
      - {series: 'apgar_store_last_answer_timestamp_seconds{instance="a"}', values: '0+60x30'}
      - {series: 'apgar_store_errors_total{instance="a",operation="sync",class="network"}', values: '3x30'}
      - {series: 'apgar_collector_commits_total{instance="a",result="ok"}', values: '0+1x30'}
      - {series: 'apgar_collector_backlog_ticks{instance="a"}', values: '3 0x29'}
      - {series: 'apgar_store_corrupt_objects_total{instance="a",kind="root"}', values: '3x30'}
      - {series: 'apgar_store_eviction_possible{instance="a"}', values: '0x30'}
      - {series: 'apgar_collector_ticks_missed_total{instance="a"}', values: '9x30'}
      - {series: 'apgar_store_clock_skew_seconds{instance="a"}', values: '0.2x30'}
`
)

// TestTheAlertsOfTheDocumentation has promtool hold that each alert fires when
// there is a reason, and none when there is not.
func TestTheAlertsOfTheDocumentation(t *testing.T) {
	file, rules := operationsRules(t)
	promtool := program(t, "promtool")
	output, err := exec.Command(promtool, "check", "rules", file).CombinedOutput()
	require.NoError(t, err, "%s", output)
	fires := func(world, alert string) bool {
		script := "rule_files: [" + file + "]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:" + world +
			"    promql_expr_test:\n      - {expr: 'count(ALERTS{alertname=\"" + alert + "\",alertstate=\"firing\"})  or vector(0)', eval_time: 25m, exp_samples: [{labels: '{}', value: 0}]}\n"
		name := filepath.Join(t.TempDir(), "test.yml")
		require.NoError(t, os.WriteFile(name, []byte(script), 0o600))
		output, err := exec.Command(promtool, "test", "rules", name).CombinedOutput()
		if err != nil {
			require.Contains(t, string(output), "exp:", "%s", output)
		}
		return err != nil
	}
	for _, rule := range rules.Groups[0].Rules {
		require.True(t, fires(badWorld, rule.Alert), "%s stays silent", rule.Alert)
		require.False(t, fires(goodWorld, rule.Alert), "%s fires without a reason", rule.Alert)
	}
}
