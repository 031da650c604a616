package schema

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// structural matches what loaders say about mistakes that are in the structure
// of a file: a schema must find them too. What a value means, and what values
// say about each other, is for the loaders alone.
var structural = regexp.MustCompile(strings.Join([]string{
	`^unknown field `, ` must be (a|true or false|on one line)\b`, `^each element of .* must be a text`,
	`^(name|id|reason|requester|approver|created|expires|rubric|metric|query|threshold|bad|services|waivers|rubrics) is missing`,
	` has none of `, ` has no checks`, `give it exactly one`, ` does not stand here in `, ` means nothing in `,
	`^replica .* needs 1 to 10`, ` is an empty list`, ` has no value`,
}, "|"))

// judge is one schema with its loader.
type judge struct {
	name   string
	schema *jsonschema.Schema
	load   load
}

// compare holds the schema against the loader on one document and returns
// whether the loader takes it: what it takes, the schema takes, and what it
// refuses for its structure, the schema refuses.
func (j judge) compare(t *testing.T, doc *yaml.Node, what string) (taken bool) {
	t.Helper()
	mistakes := j.load.mistakes(t, doc)
	invalid := j.schema.Validate(instance(doc))
	if len(mistakes) == 0 {
		if invalid != nil {
			t.Fatalf("%s: the loader of %s takes this, and the schema does not: %v\n%s", what, j.name, invalid, text(doc))
		}
		return true
	}
	for _, m := range mistakes {
		if invalid == nil && structural.MatchString(m) {
			t.Fatalf("%s: the loader of %s says %q, and the schema nothing\n%s", what, j.name, m, text(doc))
		}
	}
	return false
}

func text(doc *yaml.Node) string {
	data, _ := yaml.Marshal(doc)
	return string(data)
}

func judges(t *testing.T) map[string]judge {
	t.Helper()
	out := map[string]judge{}
	for name, load := range loaders(t) {
		out[name] = judge{name, compile(t, name), load}
	}
	return out
}

// of returns which schema a document of an unnamed file is for, or "".
func of(doc *yaml.Node) string {
	if doc.Kind != yaml.MappingNode {
		return ""
	}
	fields := map[string]*yaml.Node{}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		fields[doc.Content[i].Value] = doc.Content[i+1]
	}
	switch {
	case fields["tests"] != nil:
		return "tests"
	case fields["waivers"] != nil:
		return "waivers"
	case fields["apiVersion"] != nil:
		return "catalog"
	case fields["rubrics"] != nil && fields["rubrics"].Kind == yaml.SequenceNode:
		return "rubrics"
	case fields["sources"] != nil || fields["catalog"] != nil || fields["rubrics"] != nil || fields["redis"] != nil || fields["global"] != nil:
		return "config"
	}
	return ""
}

// single returns documents with one element each of the lists of a document, so
// that one mistake does not hide what is said about the others.
func single(doc *yaml.Node) []*yaml.Node {
	out := []*yaml.Node{doc}
	if doc.Kind != yaml.MappingNode {
		return out
	}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if list := doc.Content[i+1]; list.Kind == yaml.SequenceNode && len(list.Content) > 1 {
			for _, element := range list.Content {
				one := copied(doc)
				one.Content[i+1].Content = []*yaml.Node{copied(element)}
				out = append(out, one)
			}
		}
	}
	return out
}

// TestTheExamplesAreValid holds the schemas against what people copy.
func TestTheExamplesAreValid(t *testing.T) {
	js, files := judges(t), 0
	for _, pattern := range []string{"../../examples/*.yml", "../../examples/*/*.yml", "../../rubric/packs/*.yml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "prometheus.yml") {
				continue // Prometheus' own
			}
			files++
			for _, doc := range documents(readFile(t, path)) {
				j, ok := js[of(doc)]
				require.True(t, ok, path)
				require.True(t, j.compare(t, doc, path), path)
			}
		}
	}
	require.GreaterOrEqual(t, files, 7)
}

// TestSchemasAndLoadersAgreeOnAllTestdata holds them against every file that
// any test of this repository reads, sound and broken ones.
func TestSchemasAndLoadersAgreeOnAllTestdata(t *testing.T) {
	js := judges(t)
	taken, refused := map[string]int{}, map[string]int{}
	compare := func(path string, data []byte) {
		for _, whole := range documents(data) {
			j, ok := js[of(whole)]
			if !ok {
				continue
			}
			for i, doc := range single(whole) {
				if j.compare(t, doc, fmt.Sprintf("%s, %d", path, i)) {
					taken[j.name]++
				} else {
					refused[j.name]++
				}
			}
		}
	}
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2:
			return filepath.SkipDir
		case !strings.Contains(path, "testdata"):
			return nil
		case strings.HasSuffix(path, ".yml"):
			compare(path, readFile(t, path))
		case strings.HasSuffix(path, ".txtar"):
			for _, f := range txtar.Parse(readFile(t, path)).Files {
				if strings.HasSuffix(f.Name, ".yml") {
					compare(path+", "+f.Name, f.Data)
				}
			}
		}
		return nil
	}))
	for name := range js {
		require.GreaterOrEqual(t, taken[name], 5, name)
		require.GreaterOrEqual(t, refused[name], 10, name)
	}
}

// TestSchemasAndLoadersAgreeOnDamagedFiles takes documents that use everything,
// and damages each value of each in every way that is a matter of structure.
func TestSchemasAndLoadersAgreeOnDamagedFiles(t *testing.T) {
	values := []string{"null", "[]", "{}", `""`, "x", "7", "-1", "0.5", "true", "[x]", "[[]]", "[null]", "{x: y}", "{x: [y]}", "30d", "99.9%", "2026-11-23"}
	for name, j := range judges(t) {
		t.Run(name, func(t *testing.T) {
			for _, doc := range full(t, name) {
				require.True(t, j.compare(t, doc, "testdata/"+name+".yml"))
				refused := 0
				walk(doc, nil, func(n *yaml.Node, path []any) {
					if len(path) == 0 {
						return
					}
					for _, value := range values {
						changed := copied(doc)
						*at(changed, path) = *documentOf(t, value)
						if !j.compare(t, changed, fmt.Sprintf("%v: %s", path, value)) {
							refused++
						}
					}
					changed := copied(doc)
					remove(at(changed, path[:len(path)-1]), path[len(path)-1])
					if !j.compare(t, changed, fmt.Sprintf("without %v", path)) {
						refused++
					}
				})
				require.Positive(t, refused)
			}
		})
	}
}

func documentOf(t *testing.T, value string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.NewDecoder(bytes.NewReader([]byte(value))).Decode(&doc))
	return doc.Content[0]
}

// remove takes a field out of a mapping, or an element out of a list.
func remove(n *yaml.Node, step any) {
	switch step := step.(type) {
	case int:
		n.Content = append(n.Content[:step:step], n.Content[step+1:]...)
	case string:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
				return
			}
		}
	}
}
