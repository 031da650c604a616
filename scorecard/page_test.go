package scorecard_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/internal/golden"
	"github.com/apgarhq/apgar/scorecard"
)

// docs is the folder of the manual.
const docs = "../docs"

// calculators compute what the worked examples of docs/grading.md say, by the
// functions that grade. Each reads its part of an example and returns what may
// stand under "gives".
func calculators() map[string]func(t *testing.T, in *yaml.Node) map[string]any {
	return map[string]func(t *testing.T, in *yaml.Node) map[string]any{
		"answer":      answerExample,
		"window":      windowExample,
		"asked_again": askedAgainExample,
		"births":      birthsExample,
		"cells":       cellsExample,
		"across":      acrossExample,
		"wilson":      wilsonExample,
		"value":       valueExample,
		"ratio":       ratioExample,
		"budget":      budgetExample,
		"burn_table":  burnTableExample,
		"objective":   objectiveExample,
		"verdicts":    verdictsExample,
		"scorecard":   scorecardExample,
		"round":       roundExample,
		"versions":    versionsExample,
		"overall":     overallExample,
		"rollup":      rollupExample,
	}
}

// TestTheWorkedExamplesOfTheGradingPage evaluates every block of YAML of the
// page. Numbers must be what the page prints, to the last digit.
func TestTheWorkedExamplesOfTheGradingPage(t *testing.T) {
	used, names := map[string]bool{}, map[string]bool{}
	for _, block := range yamlBlocks(t, "grading.md") {
		name := fieldOf(block, "example")
		require.NotNil(t, name, "line %d of the page: a block of YAML without \"example:\" is not evaluated", block.Line)
		require.False(t, names[name.Value], "two examples are called %q", name.Value)
		names[name.Value] = true
		t.Run(name.Value, func(t *testing.T) {
			require.Len(t, block.Content, 6, "line %d: an example has a name, what is computed, and what that gives", block.Line)
			what, gives := block.Content[2].Value, fieldOf(block, "gives")
			compute := calculators()[what]
			require.NotNil(t, compute, "line %d: nothing computes %q", block.Line, what)
			require.NotNil(t, gives, "line %d: \"gives\" is missing", block.Line)
			used[what] = true
			require.NotEmpty(t, gives.Content)
			compare(t, gives, compute(t, block.Content[3]))
		})
	}
	require.GreaterOrEqual(t, len(names), 20)
	for what := range calculators() {
		require.True(t, used[what], "no example uses %q", what)
	}
}

// TestAWrongExampleWouldBeFound changes each number of each example by its last
// digit, and expects the comparison to see it.
func TestAWrongExampleWouldBeFound(t *testing.T) {
	changed := 0
	for _, block := range yamlBlocks(t, "grading.md") {
		got := calculators()[block.Content[2].Value](t, block.Content[3])
		leaves(fieldOf(block, "gives"), func(n *yaml.Node) {
			right := n.Value
			digits := strings.TrimSuffix(right, "%")
			last := strings.LastIndexAny(digits, "0123456789")
			if _, err := strconv.ParseFloat(digits, 64); err != nil {
				n.Value += "x"
			} else {
				n.Value = right[:last] + string('0'+(right[last]-'0'+1)%10) + right[last+1:]
			}
			require.NotEmpty(t, differences(fieldOf(block, "gives"), got, ""), "line %d: %s instead of %s", n.Line, n.Value, right)
			n.Value = right
			changed++
		})
	}
	require.Greater(t, changed, 60)
}

// yamlBlocks returns the fenced blocks of YAML of a page, with the lines that
// they have there.
func yamlBlocks(t *testing.T, page string) []*yaml.Node {
	t.Helper()
	var blocks []*yaml.Node
	for _, block := range golden.Blocks(t, filepath.Join(docs, page)) {
		if block.Language != "yaml" {
			continue
		}
		var doc yaml.Node
		above := strings.Repeat("\n", block.Line-1) // so that nodes know their lines
		require.NoError(t, yaml.Unmarshal([]byte(above+block.Text), &doc), "line %d of %s", block.Line, page)
		blocks = append(blocks, doc.Content[0])
	}
	require.NotEmpty(t, blocks)
	return blocks
}

func fieldOf(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func leaves(n *yaml.Node, visit func(*yaml.Node)) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			leaves(n.Content[i], visit)
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			leaves(c, visit)
		}
	default:
		visit(n)
	}
}

func compare(t *testing.T, want *yaml.Node, got any) {
	t.Helper()
	for _, d := range differences(want, got, "") {
		assert.Fail(t, d)
	}
}

// differences holds what a page prints against what was computed; only what is
// printed counts.
func differences(want *yaml.Node, got any, place string) []string {
	var out []string
	switch want.Kind {
	case yaml.MappingNode:
		fields, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("line %d: %s has no fields", want.Line, place)}
		}
		for i := 0; i+1 < len(want.Content); i += 2 {
			name := want.Content[i].Value
			value, known := fields[name]
			if !known {
				out = append(out, fmt.Sprintf("line %d: %s.%s is not computed", want.Line, place, name))
				continue
			}
			out = append(out, differences(want.Content[i+1], value, place+"."+name)...)
		}
	case yaml.SequenceNode:
		list, ok := got.([]any)
		if !ok || len(list) != len(want.Content) {
			return []string{fmt.Sprintf("line %d: %s is %v", want.Line, place, got)}
		}
		for i, n := range want.Content {
			out = append(out, differences(n, list[i], fmt.Sprintf("%s[%d]", place, i))...)
		}
	default:
		if text := printed(got, want.Value); text != want.Value {
			out = append(out, fmt.Sprintf("line %d: %s is %s, not %s", want.Line, place, text, want.Value))
		}
	}
	return out
}

// printed writes a value with as many digits as the page does.
func printed(got any, like string) string {
	switch v := got.(type) {
	case *float64:
		if v == nil {
			return "null"
		}
		return printed(*v, like)
	case *bool:
		if v == nil {
			return "null"
		}
		return strconv.FormatBool(*v)
	case float64:
		digits, percent := strings.CutSuffix(like, "%")
		_, fraction, _ := strings.Cut(digits, ".")
		if percent {
			v *= 100
		}
		text := strconv.FormatFloat(v, 'f', len(fraction), 64)
		if percent {
			text += "%"
		}
		return text
	}
	return fmt.Sprint(got)
}

// points is a score as it is published.
func points(score *float64) string {
	if score == nil {
		return "null"
	}
	return scorecard.RoundScore(*score)
}

// read decodes an example's input; a field that there is not is an error.
func read(t *testing.T, in *yaml.Node, out any) {
	t.Helper()
	data, err := yaml.Marshal(in)
	require.NoError(t, err)
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	require.NoError(t, d.Decode(out), "line %d", in.Line)
}

// span is a duration as Prometheus writes them.
type span time.Duration

func (s *span) UnmarshalText(text []byte) error {
	d, err := model.ParseDuration(string(text))
	*s = span(d)
	return err
}

// share is a ratio: 0.999 or 99.9%.
type share float64

func (s *share) UnmarshalText(text []byte) error {
	digits, percent := strings.CutSuffix(string(text), "%")
	if percent {
		digits += "e-2"
	}
	v, err := strconv.ParseFloat(digits, 64)
	*s = share(v)
	return err
}

// moment is a time of the day of the examples, or of another: "11-16 12:00".
type moment time.Time

func (m *moment) UnmarshalText(text []byte) error {
	layout, value := "2006-01-02 15:04", string(text)
	if !strings.Contains(value, "-") {
		value = noon.Format("01-02 ") + value
	}
	at, err := time.Parse(layout, noon.Format("2006-")+value)
	*m = moment(at)
	return err
}

func (m moment) unix() int64 { return time.Time(m).Unix() }

// clock writes a time as examples do.
func clock(unix int64) string {
	at := time.Unix(unix, 0).UTC()
	if at.YearDay() == noon.YearDay() {
		return at.Format("15:04")
	}
	return at.Format("01-02 15:04")
}

// sortedNames returns the keys of a mapping of an example, sorted.
func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
