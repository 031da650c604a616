package exporter

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
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

// TestTheDocumentationSaysWhatIsLeftOutFirst holds the order in docs/metrics.md
// against that of the families.
func TestTheDocumentationSaysWhatIsLeftOutFirst(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	_, order, found := strings.Cut(strings.Join(strings.Fields(string(text)), " "), "sums that look right: ")
	require.True(t, found)
	order, _, _ = strings.Cut(order, ".")
	word := map[string]string{
		Score: "the scores last", RollupScore: "the rollups", Coverage: "the coverage", Level: "the levels", DataTimestamp: "the timestamps",
		ServiceInfo: "the info", ErrorBudgetRemaining: "then the budgets", CheckCredit: "the credits first",
	}
	var words []string
	for _, f := range families() {
		words = append(words, word[f.name])
	}
	slices.Reverse(words)
	words[len(words)-1] = "and " + words[len(words)-1]
	require.Equal(t, strings.Join(words, ", "), order)
}

// TestTheDocumentedNumberOfSeriesIsThatOfTheExample counts what a hundred such
// services have on the page, rollups and the exporter's own aside.
func TestTheDocumentedNumberOfSeriesIsThatOfTheExample(t *testing.T) {
	var cards []*scorecard.Scorecard
	for i := range 100 {
		for _, rubric := range []string{"a", "b", scorecard.Overall} {
			c := newCard(rubric, fmt.Sprintf("service-%d", i), 90)
			c.Results = nil
			for check := range 5 {
				if r := (scorecard.Result{Check: fmt.Sprintf("check-%d", check), Credit: new(1.0)}); rubric != scorecard.Overall {
					if check < 2 {
						r.Budget = &scorecard.Budget{Remaining: new(1.0)}
					}
					c.Results = append(c.Results, r)
				}
			}
			cards = append(cards, c)
		}
	}
	series := 0
	found, err := New(fixed(snapshotOf(cards...)), Options{}).Gather()
	require.NoError(t, err)
	for _, f := range found {
		if !strings.HasPrefix(f.GetName(), "apgar_exporter_") && f.GetName() != RollupScore {
			series += len(f.GetMetric())
		}
	}
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	require.Contains(t, strings.Join(strings.Fields(string(text)), " "), fmt.Sprintf("with objectives, make %d,000. ", series*50/1000))
}
