package exporter

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDocumentationNamesEveryMetricAndLabelAndNoOther holds the page, the
// list of names and docs/metrics.md against each other.
func TestTheDocumentationNamesEveryMetricAndLabelAndNoOther(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Scorecards\n")
	require.True(t, found, "docs/metrics.md has no section on scorecards")
	section, _, _ = strings.Cut(section, "\n## ")

	documented := map[string][]string{}
	row := regexp.MustCompile("(?m)^\\| `(apgar_[a-z_]+)` \\| (.*?) \\|")
	label := regexp.MustCompile("`([a-z_]+)`")
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		labels := documented[match[1]]
		for _, l := range label.FindAllStringSubmatch(match[2], -1) {
			labels = append(labels, l[1])
		}
		if slices.Contains(labels, Score) { // "as apgar_score, and check"
			labels = append(labels[1:], documented[Score]...)
		}
		slices.Sort(labels)
		documented[match[1]] = labels
	}

	exported := map[string][]string{}
	families, err := New(smallSnapshot, Options{}).Gather()
	require.NoError(t, err)
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		require.True(t, slices.IsSorted(labels), "the labels of %s are in the order of a registry", f.GetName())
		exported[f.GetName()] = labels
	}
	require.Equal(t, exported, documented)

	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	require.Equal(t, Names(), names)
}
