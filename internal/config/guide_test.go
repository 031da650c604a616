package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/internal/golden"
	"github.com/apgarhq/apgar/rubric"
)

// The rubric author's guide is held to what the loaders say.
const guide = "../../docs/rubrics.md"

// example is a block of YAML of the guide.
type example struct {
	line int // of the page
	name string
	text string
	// mistakes are the messages that follow it; none for a sound one.
	mistakes string
	node     *yaml.Node
}

// examplesOf returns the blocks of YAML of a page. A block of text that follows
// one and begins with file:line: has its mistakes.
func examplesOf(t *testing.T, page string) []*example {
	t.Helper()
	var out []*example
	place := regexp.MustCompile(`^\S+\.yml:[0-9]+: `)
	for _, block := range golden.Blocks(t, page) {
		switch {
		case block.Language == "yaml":
			e := &example{line: block.Line, text: block.Text, name: "rubrics/unnamed.yml"}
			if name, ok := strings.CutPrefix(strings.SplitN(e.text, "\n", 2)[0], "# "); ok {
				e.name = name
			}
			var doc yaml.Node
			require.NoError(t, yaml.Unmarshal([]byte(e.text), &doc), "line %d", e.line)
			e.node = doc.Content[0]
			out = append(out, e)
		case place.MatchString(block.Text):
			require.NotEmpty(t, out)
			require.Empty(t, out[len(out)-1].mistakes, "line %d has two lists of mistakes", out[len(out)-1].line)
			out[len(out)-1].mistakes = block.Text
		}
	}
	require.NotEmpty(t, out)
	return out
}

// has reports whether a block has a field at its top.
func (e *example) has(field string, kind yaml.Kind) bool {
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		if e.node.Kind == yaml.MappingNode && e.node.Content[i].Value == field {
			return e.node.Content[i+1].Kind == kind
		}
	}
	return false
}

// written writes an example into a folder, under its name.
func (e *example) written(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("line-%d", e.line), e.name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(e.text), 0o600))
	return path
}

// TestTheExamplesOfTheGuideAreWhatItSays loads every block of YAML: the sound
// ones without a word, the others with the messages that the guide shows.
func TestTheExamplesOfTheGuideAreWhatItSays(t *testing.T) {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	dir, all := t.TempDir(), examplesOf(t, guide)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	var rubrics []*rubric.Rubric
	seen := map[string]int{}
	for _, e := range all { // configurations first: rubrics name their identities
		if e.has("identities", yaml.MappingNode) {
			seen["configuration"]++
			c, problems := Load(e.written(t, dir))
			require.Empty(t, problems, "line %d", e.line)
			identities, problems = c.LoadIdentities(env)
			require.Empty(t, problems, "line %d", e.line)
		}
	}
	for _, e := range all {
		text := e.text
		switch {
		case e.node.Kind == yaml.SequenceNode: // checks, without their rubric
			seen["checks"]++
			text = fmt.Sprintf("rubrics:\n- name: line-%d\n  levels: [bronze, silver, gold]\n  checks:\n%s", e.line, indented(e.text))
		case e.has("rubrics", yaml.SequenceNode):
			seen["rubrics"]++
		default:
			continue
		}
		loaded, problems := rubric.Load(env, identities, rubric.File{Name: e.name, Data: []byte(text)})
		require.Equal(t, e.mistakes, messages(problems), "line %d", e.line)
		rubrics = append(rubrics, loaded...)
	}
	for _, e := range all {
		if e.has("apiVersion", yaml.ScalarNode) {
			seen["catalogs"]++
			overridden(t, e, e.written(t, dir), rubrics)
		}
	}
	require.Len(t, all, seen["configuration"]+seen["checks"]+seen["rubrics"]+seen["catalogs"], "every block is held against a loader")
	require.Len(t, seen, 4)
}

// overridden applies the overrides of a catalog to the rubrics of the guide.
func overridden(t *testing.T, e *example, path string, rubrics []*rubric.Rubric) {
	t.Helper()
	docs, problems := file.Load([]string{path}, "")
	snapshot, more := catalog.Merge(docs...)
	require.Empty(t, append(problems, more...), "line %d", e.line)
	problems = rubric.CheckOverrides(rubrics, snapshot.Services())
	catalog.Problems(problems).Sort()
	require.Equal(t, e.mistakes, strings.ReplaceAll(messages(problems), path, e.name), "line %d", e.line)
	if e.mistakes != "" {
		return
	}
	for _, s := range snapshot.Services() {
		changed := 0
		for _, r := range rubrics {
			own, err := r.For(s)
			require.NoError(t, err)
			for i, c := range own.Checks {
				if c.Hash != r.Checks[i].Hash {
					changed++
				}
			}
		}
		require.Equal(t, len(s.Annotations), changed, "checks that %s overrides", s.ID)
	}
}

func messages(problems []catalog.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintln(&b, p.Error())
	}
	return b.String()
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}
