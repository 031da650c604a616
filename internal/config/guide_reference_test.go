package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
)

// row is a line of a table of the guide, by the heads of its columns.
type row map[string]string

// tableUnder returns the first table under a heading.
func tableUnder(t *testing.T, heading string) []row {
	t.Helper()
	data, err := os.ReadFile(guide)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(data), "\n"+heading+"\n")
	require.True(t, found, heading)
	var heads []string
	var rows []row
	for line := range strings.SplitSeq(section, "\n") {
		inner, isRow := strings.CutPrefix(line, "| ")
		switch {
		case !isRow && len(rows) > 0, strings.HasPrefix(line, "#"):
			require.NotEmpty(t, rows, heading)
			return rows
		case !isRow:
			continue
		}
		cells := strings.Split(strings.TrimSuffix(inner, " |"), " | ")
		if heads == nil {
			heads = cells
			continue
		}
		r := row{}
		for i, c := range cells {
			r[heads[i]] = strings.TrimSpace(c)
		}
		rows = append(rows, r)
	}
	require.NotEmpty(t, rows, heading)
	return rows
}

// section is a mapping of a rubric file with the table that describes it.
type section struct {
	heading string
	of      string // the rows that are meant, where the table has such a column
	// minimal is a file in which the mapping at a path has no more than it needs.
	minimal string
	path    []any
}

func sections() []section {
	file := func(check string) string {
		return `rubrics: [{name: a, levels: [bronze], checks: [` + check + `]}]`
	}
	const (
		events    = `{name: b, events: {metric: x_total, bad: '{code="500"}'}, objective: 0.9}`
		ratio     = `{name: b, events: {metric: x_total, bad: '{code="500"}'}, pass: 0.9}`
		two       = `{name: b, events: {total: {metric: x_total}, bad: {metric: y_total}}, objective: 0.9}`
		histogram = `{name: b, histogram: {metric: d_seconds, threshold: 1}, objective: 0.9}`
		value     = `{name: b, value: {query: 'max by ($identity) (max_over_time(x[$window]))'}, pass: 1, fail: 2}`
	)
	a, b := []any{"rubrics", 0}, []any{"rubrics", 0, "checks", 0}
	in := func(steps ...any) []any { return append(slices.Clip(b), steps...) }
	return []section{
		{"### Fields of the file", "", file(events), nil},
		{"### Fields of a rubric", "", `rubrics: [{name: a, checks: [` + events + `]}]`, a},
		{"### Fields of a check", "", file(events), b},
		{"### Fields of events", "", file(events), in("events")},
		{"### Fields of total and bad", "", file(two), in("events", "total")},
		{"### Fields of total and bad", "", file(two), in("events", "bad")},
		{"### Fields of histogram", "", file(histogram), in("histogram")},
		{"### Fields of value", "", file(value), in("value")},
		{"### Thresholds", "objective", file(events), b},
		{"### Thresholds", "ratio", file(ratio), b},
		{"### Thresholds", "value", file(value), b},
	}
}

func (s *section) rows(t *testing.T) []row {
	t.Helper()
	return slices.DeleteFunc(tableUnder(t, s.heading), func(r row) bool { return r["of"] != s.of })
}

// with loads the file with another value of a field of the mapping; "" takes the
// field out.
func (s *section) with(t *testing.T, field, value string) (rubrics []*rubric.Rubric, problems string) {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(s.minimal), &doc))
	m := doc.Content[0]
	for _, step := range s.path {
		switch step := step.(type) {
		case int:
			m = m.Content[step]
		case string:
			m = m.Content[place(m, step)+1]
		}
	}
	if at := place(m, field); at >= 0 {
		m.Content = slices.Delete(m.Content, at, at+2)
	}
	if value != "" {
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: field}, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
	}
	data, err := yaml.Marshal(&doc)
	require.NoError(t, err)
	loaded, found := rubric.Load(env, identities, rubric.File{Name: "a.yml", Data: data})
	return loaded, messages(found)
}

// place returns where a field stands in a mapping; -1: nowhere.
func place(m *yaml.Node, field string) int {
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Value == field {
			return i
		}
	}
	return -1
}

// TestTheReferenceHasTheFieldsOfTheLoader puts a field that there is not into
// each mapping; the loader then says which there are.
func TestTheReferenceHasTheFieldsOfTheLoader(t *testing.T) {
	known := regexp.MustCompile(`unknown field "zzzzzzzzzzzz" in .*; the fields are (.*)\n`)
	for _, s := range sections() {
		if s.of != "" {
			continue // these fields are those of a check
		}
		_, problems := s.with(t, "zzzzzzzzzzzz", "1")
		match := known.FindStringSubmatch(problems)
		require.NotNil(t, match, "%s: %s", s.heading, problems)
		var fields []string
		for _, r := range s.rows(t) {
			fields = append(fields, strings.Trim(r["field"], "`"))
		}
		require.ElementsMatch(t, strings.Split(match[1], ", "), fields, s.heading)
	}
	check := tableUnder(t, "### Fields of a check")
	for _, r := range tableUnder(t, "### Thresholds") {
		require.True(t, slices.ContainsFunc(check, func(c row) bool { return c["field"] == r["field"] }), r["field"])
	}
}

// TestTheRangesOfTheReferenceAreTrue tries the ends of each range, and what lies
// beyond, and each of the texts that may be written.
func TestTheRangesOfTheReferenceAreTrue(t *testing.T) {
	span := regexp.MustCompile("^`([^`]+)` to `([^`]+)`$")
	tried := 0
	for _, s := range sections() {
		for _, r := range s.rows(t) {
			field := strings.Trim(r["field"], "`")
			var good, bad []string
			if ends := span.FindStringSubmatch(r["range"]); ends != nil {
				good, bad = ends[1:], beyond(t, ends[1], ends[2])
			} else if list, ok := strings.CutPrefix(r["range"], "one of `"); ok {
				good, bad = strings.Split(strings.TrimSuffix(list, "`"), "`, `"), []string{"nonsense"}
			}
			for _, v := range good {
				_, problems := s.with(t, field, v)
				require.NotContains(t, problems, field+" of ", "%s %s %s: %s", s.heading, s.of, field, v)
				tried++
			}
			for _, v := range bad {
				_, problems := s.with(t, field, v)
				require.Contains(t, problems, field+" of ", "%s %s %s: %s", s.heading, s.of, field, v)
			}
		}
	}
	require.Greater(t, tried, 25)
}

// beyond returns a value below and one above a range.
func beyond(t *testing.T, from, to string) []string {
	t.Helper()
	if _, err := strconv.ParseFloat(from, 64); err == nil {
		return []string{"-0.001", to + ".001"}
	}
	require.Regexp(t, `^[0-9]+[smhd]$`, from)
	below := map[string]string{"1s": "999ms", "5m": "299s", "15s": "14s", "7d": "167h"}[from]
	above := map[string]string{"5m": "301s", "35d": "841h"}[to]
	require.NotEmpty(t, below, from)
	require.NotEmpty(t, above, to)
	return []string{below, above}
}

// TestTheDefaultsOfTheReferenceAreTrue loads files without a field and with its
// default, which must mean the same. What is required is missed, and what is not
// is not in a minimal file.
func TestTheDefaultsOfTheReferenceAreTrue(t *testing.T) {
	tried, needed := 0, 0
	for _, s := range sections() {
		for _, r := range s.rows(t) {
			field, value := strings.Trim(r["field"], "`"), r["default"]
			without, problems := s.with(t, field, "")
			switch {
			case value == "required":
				needed++
				require.NotEmpty(t, problems, "%s %s %s: it is not required", s.heading, s.of, field)
			case strings.HasPrefix(value, "`"):
				tried++
				require.Empty(t, problems, "%s %s %s: it is required", s.heading, s.of, field)
				with, problems := s.with(t, field, strings.Trim(value, "`"))
				require.Empty(t, problems, "%s %s %s", s.heading, s.of, field)
				require.Equal(t, without[0].Version, with[0].Version, "%s is not the default of %s", value, field)
			case value == "none":
				require.Empty(t, problems, "%s %s %s: it is required", s.heading, s.of, field)
			}
		}
	}
	require.GreaterOrEqual(t, tried, 11)
	require.GreaterOrEqual(t, needed, 9)
}

// TestTheReferenceHasEveryReason holds the table of reasons against the source:
// the reasons are constants of two packages.
func TestTheReferenceHasEveryReason(t *testing.T) {
	want := []string{"waiver:<id>"}
	for folder, pattern := range map[string]string{
		"../../scorecard": `(?m)^\tReason[A-Za-z]+ += "([a-z_]+)"`,
		"../../slo":       `(?m)^\t[A-Za-z]+ +Reason = "([a-z_]+)"`,
	} {
		paths, err := filepath.Glob(folder + "/*.go")
		require.NoError(t, err)
		found := 0
		for _, path := range paths {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(data, -1) {
				want, found = append(want, string(match[1])), found+1
			}
		}
		require.Greater(t, found, 4, folder)
	}
	var got []string
	for _, r := range tableUnder(t, "## Reasons") {
		got = append(got, strings.Trim(r["reason"], "`"))
	}
	require.ElementsMatch(t, want, got)
}
