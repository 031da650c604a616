package strict

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// read parses text and collects what is reported.
func read(text string) ([]*yaml.Node, *[]string) {
	problems := &[]string{}
	limits := Limits{Bytes: 1 << 20, Documents: 5, Depth: 8}
	return Documents([]byte(text), limits, func(line int, message string) {
		*problems = append(*problems, fmt.Sprintf("%d: %s", line, message))
	}), problems
}

// open parses one document into a Map.
func open(text string) (*Map, *[]string) {
	roots, problems := read(text)
	source := Source{ValueBytes: 16, Report: func(line int, message string) {
		*problems = append(*problems, fmt.Sprintf("%d: %s", line, message))
	}}
	if len(roots) == 0 {
		return source.Map(nil, "the file"), problems
	}
	return source.Map(roots[0], "the file"), problems
}

func TestDocumentsAreSplitAtSeparators(t *testing.T) {
	for name, tt := range map[string]struct {
		text     string
		lines    []int
		problems int
	}{
		"one without a separator":           {"a: b", []int{1}, 0},
		"one behind a separator":            {"---\na: b\n", []int{2}, 0},
		"several":                           {"a: b\n---\na: b\n--- # more\na: b\n", []int{1, 3, 5}, 0},
		"on the line of the separator":      {"--- {a: b}\n--- {a: b}", []int{1, 2}, 0},
		"empty ones":                        {"---\n---\n# nothing\n---\n...\n---\na: b\n", []int{7}, 0},
		"null":                              {"~\n---\nnull\n---\na: b", []int{5}, 0},
		"dashes inside a text are no end":   {"a: |\n  ---\n  b\n", []int{1}, 0},
		"dashes that go on are no end":      {"----: b\n", []int{1}, 0},
		"a broken one between":              {"a: b\n---\na: [\n---\na: b", []int{1, 5}, 1},
		"windows line ends":                 {"a: b\r\n---\r\na: b\r\n", []int{1, 3}, 0},
		"a byte order mark":                 {"\ufeffa: b", []int{1}, 0},
		"too many":                          {strings.Repeat("---\na: b\n", 7), []int{2, 4, 6, 8, 10}, 1},
		"a second one behind the end marks": {"a: b\n...\na: b\n", []int{1}, 1},
		"nothing at all":                    {"", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			roots, problems := read(tt.text)
			var lines []int
			for _, r := range roots {
				lines = append(lines, r.Line)
			}
			require.Equal(t, tt.lines, lines)
			require.Len(t, *problems, tt.problems)
		})
	}
}

func TestAFieldReadsAsItsKind(t *testing.T) {
	m, problems := open("text: a\nnumber: 7\nyes: yes\nflag: true\nnothing: ~\nlist: [a, 1]\nmap: {x: y}\none: a\npairs: {b: 1, a: 2}\n")
	require.Equal(t, "a", m.Text("text"))
	require.Equal(t, "7", m.Text("number"), "a number is a text as well")
	require.Equal(t, "yes", m.Text("yes"))
	require.Equal(t, 7, m.Int("number", 1))
	require.Equal(t, 1, m.Int("absent", 1))
	require.True(t, m.Bool("flag", false))
	require.True(t, m.Bool("absent", true))
	require.False(t, m.Has("nothing"))
	require.Empty(t, m.Text("nothing"))
	require.Equal(t, []Text{{"a", 6}, {"1", 6}}, m.Texts("list"))
	require.Equal(t, []Text{{"a", 8}}, m.TextOrTexts("one"))
	require.Equal(t, []Text{{"a", 6}, {"1", 6}}, m.TextOrTexts("list"))
	require.Equal(t, "y", m.Map("map").Text("x"))
	require.Equal(t, []Pair{{"b", "1", 9}, {"a", "2", 9}}, m.Pairs("pairs"))
	require.Equal(t, 3, m.LineOf("yes"))
	require.Equal(t, 1, m.LineOf("absent"))
	require.Equal(t, []string{"text", "number", "yes", "flag", "nothing", "list", "map", "one", "pairs"}, m.Keys())
	m.Done()
	require.False(t, m.Bad())
	require.Empty(t, *problems)
}

func TestAFieldOfTheWrongKindIsReported(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		read func(m *Map)
		want string
	}{
		"a list for a text":        {"a: [b]", func(m *Map) { m.Text("a") }, `1: "a" of the file must be a text, not a list`},
		"a mapping for a text":     {"a: {}", func(m *Map) { m.Text("a") }, `1: "a" of the file must be a text, not a mapping`},
		"a word for a number":      {"a: b", func(m *Map) { m.Int("a", 0) }, `1: "a" of the file must be a whole number, not "b"`},
		"a word for a flag":        {"a: yes", func(m *Map) { m.Bool("a", false) }, `1: "a" of the file must be true or false, not "yes"`},
		"a word for a list":        {"a: b", func(m *Map) { m.List("a") }, `1: "a" of the file must be a list, not "b"`},
		"a list in a list":         {"a:\n- b\n- [c]", func(m *Map) { m.Texts("a") }, `3: each element of "a" of the file must be a text, not a list`},
		"nothing in a list":        {"a:\n- b\n-", func(m *Map) { m.Texts("a") }, `3: each element of "a" of the file must be a text, not nothing`},
		"a word for a mapping":     {"a: b", func(m *Map) { m.Map("a") }, `1: "a" of the file must be a mapping of fields, not "b"`},
		"nothing in pairs":         {"a: {b: }", func(m *Map) { m.Pairs("a") }, `1: "b" in "a" of the file must be a text, not nothing`},
		"a long text":              {"a: 12345678901234567", func(m *Map) { m.Text("a") }, `1: "a" of the file has 17 bytes, but at most 16 are allowed`},
		"a control character":      {`a: "\0"`, func(m *Map) { m.Text("a") }, `1: "a" of the file contains the control character U+0000: remove it`},
		"a control character deep": {`a: {b: "\x9b"}`, func(m *Map) { m.Pairs("a") }, `1: "b" of "a" of the file contains the control character U+009B: remove it`},
		"a long key":               {"a: {12345678901234567: b}", func(m *Map) { m.Pairs("a") }, `1: "12345678901234567" of "a" of the file has 17 bytes, but at most 16 are allowed`},
		"an unknown field":         {"objektive: 1", func(m *Map) { m.Text("objective"); m.Done() }, `1: unknown field "objektive" in the file; did you mean "objective"?`},
		"a very unknown field":     {"zzz: 1", func(m *Map) { m.Text("b"); m.Text("a"); m.Done() }, `1: unknown field "zzz" in the file; the fields are a, b`},
		"a field given twice":      {"a: 1\na: 2", func(m *Map) { m.Text("a"); m.Done() }, `2: "a" is given twice, first on line 1: keep one of them`},
		"an anchor":                {"a: &x b", func(m *Map) { m.Text("a"); m.Done() }, `1: anchors (&…) are not supported: write the value out where it is needed, in quotes if it starts with &`},
		"a tag":                    {"a: !!str b", func(m *Map) { m.Text("a"); m.Done() }, `1: YAML tags (!…) are not supported: write the value without it, in quotes if it starts with !`},
		"a merge key":              {"<<: {a: b}", func(m *Map) { m.Done() }, `1: merge keys (<<) are not supported: write the fields out`},
		"a list":                   {"- a", func(*Map) {}, `1: the file must be a mapping of fields, not a list`},
		"deep nesting":             {"a: [[[[[[[[[[b]]]]]]]]]]", func(m *Map) { m.Node("a") }, `1: this is nested more than 8 levels deep`},
	} {
		t.Run(name, func(t *testing.T) {
			m, problems := open(tt.text)
			tt.read(m)
			require.Equal(t, []string{tt.want}, *problems, "one mistake is reported once")
			if name != "deep nesting" {
				require.True(t, m.Bad())
			}
		})
	}
}

func TestAMistakeInAPartSpoilsTheWhole(t *testing.T) {
	for name, text := range map[string]string{
		"reported while it is read":    "parts: [{name: [x]}]",
		"reported before it is read":   "parts: [{name: &x y}]",
		"reported in a list of texts":  "parts: [{name: y, texts: [!!str x]}]",
		"reported in the part's place": "parts: [!!str x]",
	} {
		t.Run(name, func(t *testing.T) {
			m, problems := open(text)
			for _, n := range m.List("parts") {
				part := m.Source().Map(n, "a part")
				part.Text("name")
				part.Texts("texts")
				part.Done()
				require.True(t, part.Bad())
			}
			require.True(t, m.Bad())
			require.NotEmpty(t, *problems)
		})
	}
}

func TestNearestFindsWhatWasMeant(t *testing.T) {
	names := []string{"name", "objective", "on_missing", "pass", "period"}
	for text, want := range map[string]string{
		"objektive": "objective", "objctive": "objective", "objecitve": "objective", "nam": "name", "passs": "pass",
		"on-missing": "on_missing", "": "", "x": "", "something": "", "fail": "",
	} {
		require.Equal(t, want, Nearest(text, names), text)
	}
	require.Empty(t, Nearest("a", nil))
}

func TestHostileYAMLIsRefusedAtOnce(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":      strings.Repeat("[", 1<<20),
		"braces":        strings.Repeat("{a: ", 1<<18),
		"deep lists":    strings.Repeat("- ", 1<<19),
		"laughs":        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n",
		"itself":        "a: &a [*a]\n",
		"many keys":     strings.Repeat("a: b\n", 1<<17),
		"question mark": strings.Repeat("? ", 1<<19),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			roots, problems := read(text)
			require.NotEmpty(t, *problems)
			require.LessOrEqual(t, len(roots), 1)
			require.Less(t, time.Since(start), time.Minute, "what takes this long is quadratic, not slow")
		})
	}
}

func FuzzDocuments(f *testing.F) {
	for _, text := range []string{"a: b\n---\n- c\n", "? [a]\n: b", "a: &x [*x]\n<<: *x\n", "--- |\n ---\n...\n%YAML 1.2\n--- a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, problems := open(text)
		for _, key := range m.Keys() {
			m.Node(key)
			m.Text(key)
			m.Texts(key)
			m.Pairs(key)
			m.Int(key, 0)
			m.Bool(key, false)
		}
		m.Done()
		for _, p := range *problems {
			require.NotEmpty(t, p)
			require.Less(t, len(p), 2000)
		}
	})
}

// TestWhatIsNoYAMLIsToldWithTheCure has the mistakes that people make.
func TestWhatIsNoYAMLIsToldWithTheCure(t *testing.T) {
	for text, want := range map[string]string{
		"a:\n\tb: c\n":                            `2: this is no valid YAML: found character that cannot start any token: indent with spaces, not with tabs`,
		"a:\n  b: 1\n\tc: 2\n":                    `3: this is no valid YAML: found a tab character that violates indentation: indent with spaces, not with tabs`,
		"a: @b\n":                                 "1: this is no valid YAML: found character that cannot start any token: put quotes around a text that starts with @, % or `",
		"a: b: c\n":                               `1: this is no valid YAML: mapping values are not allowed in this context: put quotes around a text that has ": " in it, or mend the indentation`,
		"a: [b, c\n":                              `1: this is no valid YAML: did not find expected ',' or ']': close the bracket, put a comma between two elements, or put quotes around a text that has brackets or commas in it`,
		"a: {b: ${C}, d: e}\n":                    `1: this is no valid YAML: did not find expected ',' or '}': close the bracket, put a comma between two elements, or put quotes around a text that has brackets or commas in it`,
		"a: 1\nb\nc: 2\n":                         `2: this is no valid YAML: could not find expected ':': write "name: value", or mend the indentation`,
		"a: 1\n b: 2\n":                           `2: this is no valid YAML: mapping values are not allowed in this context: put quotes around a text that has ": " in it, or mend the indentation`,
		"a:\n  b: 1\n c: 2\n":                     `3: this is no valid YAML: did not find expected key: mend the indentation, or close the quotes before it`,
		"a: 'b\n":                                 `1: this is no valid YAML: found unexpected end of stream: close the quotes that are open`,
		"a: \"\\d\"\n":                            `1: this is no valid YAML: found unknown escape character: write \\ for a backslash, or use single quotes`,
		"a: \x01\n":                               `1: this is no valid YAML: control characters are not allowed: remove them, or save the file as UTF-8`,
		"x: 1\na:\n  - b\n  c: d\n":               `4: this is no valid YAML: did not find expected '-' indicator: mend the indentation, or close the quotes before it`,
		"x: 1\na:\n  - 'b\n  c: d\n":              `3: this is no valid YAML: found unexpected end of stream: close the quotes that are open`,
		"x: 1\na:\n  b: {c: d\n  e: f\n":          `3: this is no valid YAML: did not find expected ',' or '}': close the bracket, put a comma between two elements, or put quotes around a text that has brackets or commas in it`,
		"a: [\n  1,\n  2]\nb: [\n  3]\nc: *d\n":   `6: this is no valid YAML: an alias (*…) has no anchor: put quotes around a text that starts with *`,
		"a: 1\n\n\nb: \x01\n":                     `4: this is no valid YAML: control characters are not allowed: remove them, or save the file as UTF-8`,
		"a: 1\n- b\n":                             `2: this is no valid YAML: did not find expected key: mend the indentation, or close the quotes before it`,
		"a: \"b\" in c\n":                         `1: this is no valid YAML: did not find expected key: put all of the text in quotes, of the other kind than those that are in it: '"a" in b'`,
		"- {a: 'b' in c, d: e}\n":                 `1: this is no valid YAML: did not find expected ',' or '}': put all of the text in quotes, of the other kind than those that are in it: '"a" in b'`,
		"x: 1\na: {b: \"{c=~\"d\"}\"}\n":          `2: this is no valid YAML: found unexpected end of stream: put all of the text in quotes, of the other kind than those that are in it: '"a" in b'`,
		"a: !(\"b\" in c)\n":                      `1: this is no valid YAML: did not find expected whitespace or line break: put quotes around a text that starts with !, &, *, | or >`,
		"a: !b && c\n":                            `1: this is no valid YAML: did not find expected alphabetic or numeric character: put quotes around a text that starts with !, &, *, | or >`,
		"a: > 3\n":                                `1: this is no valid YAML: did not find expected comment or line break: put quotes around a text that starts with !, &, *, | or >`,
		"a: - b\n":                                `1: this is no valid YAML: block sequence entries are not allowed in this context: put quotes around a text that starts with "- " or "? ", or mend the indentation`,
		"a: {b: \"c\" , d: 'e''f', g: \"\\\"\"\n": `1: this is no valid YAML: did not find expected ',' or '}': close the bracket, put a comma between two elements, or put quotes around a text that has brackets or commas in it`,
	} {
		var got []string
		roots := Documents([]byte(text), Limits{Bytes: 1000, Documents: 1, Depth: 8}, func(line int, message string) {
			got = append(got, fmt.Sprintf("%d: %s", line, message))
		})
		require.Empty(t, roots, text)
		require.Equal(t, []string{want}, got, text)
	}
}

// TestFindingTheLineOfAMistakeIsBounded has documents that cost much to look
// into: after a while the line is what the YAML package says.
func TestFindingTheLineOfAMistakeIsBounded(t *testing.T) {
	text := strings.Repeat("---\na: [\n"+strings.Repeat("1,\n", 300), 60)
	var lines []int
	Documents([]byte(text), Limits{Bytes: len(text), Documents: 1000, Depth: 8}, func(line int, _ string) { lines = append(lines, line) })
	require.Len(t, lines, 60)
	require.Equal(t, 2, lines[0], "the bracket is opened there")
	require.NotEqual(t, 2, lines[59]%302, "and the last one is not looked for any more")
}

func TestAnElementOfAListThatIsEmptyIsAMistakeOnItsLine(t *testing.T) {
	var got []string
	report := func(line int, message string) { got = append(got, fmt.Sprintf("%d: %s", line, message)) }
	roots := Documents([]byte("list:\n  - a: 1\n  -\n"), Limits{Bytes: 1000, Documents: 1, Depth: 8}, report)
	m := Source{ValueBytes: 100, Report: report}.Map(roots[0], "the file")
	for i, n := range m.List("list") {
		one := m.Source().Map(n, fmt.Sprintf("element %d", i+1))
		require.Equal(t, i == 1, one.Bad())
		require.Equal(t, i+2, one.Line())
	}
	require.Equal(t, []string{"3: element 2 is empty: remove it"}, got)
	require.True(t, m.Bad())
}
