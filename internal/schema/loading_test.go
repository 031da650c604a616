package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/internal/rubrictest"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/waiver"
)

// noLoader keeps the tests from fetching anything.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, errors.New(url + " is not part of the schema")
}

// compile compiles a schema, which is checked against its meta-schema thereby.
func compile(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	require.NoError(t, compiler.AddResource("schema.json", raw(t, name)))
	s, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	require.Equal(t, 2020, s.DraftVersion)
	return s
}

// raw returns a schema as JSON.
func raw(t testing.TB, name string) any {
	t.Helper()
	data, err := JSON(name)
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal(data, &doc))
	return doc
}

// load is a loader: it returns what it says about a document.
type load func(data []byte) []catalog.Problem

// loaders are those that the schemas are held against, by name of the schema.
func loaders(t testing.TB) map[string]load {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	return map[string]load{
		"config": func(data []byte) []catalog.Problem {
			_, problems := config.Parse("test.yml", data)
			return problems
		},
		"catalog": func(data []byte) []catalog.Problem {
			_, problems := catalog.Parse("test.yml", data)
			return problems
		},
		"rubrics": func(data []byte) []catalog.Problem {
			_, problems := rubric.Load(env, identities, rubric.File{Name: "test.yml", Data: data})
			return problems
		},
		"waivers": func(data []byte) []catalog.Problem {
			_, problems := waiver.Load(env, waiver.File{Name: "test.yml", Data: data})
			return problems
		},
		"tests": func(data []byte) []catalog.Problem {
			_, problems := rubrictest.Parse("test.yml", data)
			return problems
		},
	}
}

// mistakes returns the messages of the problems that are more than warnings.
func (l load) mistakes(t testing.TB, doc *yaml.Node) []string {
	t.Helper()
	data, err := yaml.Marshal(doc)
	require.NoError(t, err)
	var out []string
	for _, p := range l(data) {
		if !p.Warning {
			out = append(out, p.Message)
		}
	}
	return out
}

// instance turns a YAML document into what a schema validates, as an editor
// does: a date is a text.
func instance(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = instance(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = instance(c)
		}
		return out
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		_ = n.Decode(&b)
		return b
	case "!!int", "!!float":
		var f float64
		if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return n.Value
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
	}
	return n.Value
}

// documents parses the documents of a file that a YAML parser can read.
func documents(data []byte) []*yaml.Node {
	var out []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			return out
		}
		if len(doc.Content) == 1 && doc.Content[0].ShortTag() != "!!null" {
			out = append(out, doc.Content[0])
		}
	}
}

// full returns the documents under testdata that use everything that a schema
// has.
func full(t testing.TB, name string) []*yaml.Node {
	t.Helper()
	docs := documents(readFile(t, filepath.Join("testdata", name+".yml")))
	require.NotEmpty(t, docs)
	return docs
}

// copied returns a deep copy of a document.
func copied(n *yaml.Node) *yaml.Node {
	own := *n
	own.Content = make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		own.Content[i] = copied(c)
	}
	return &own
}

// at returns the node at a path of keys (string) and places (int).
func at(n *yaml.Node, path []any) *yaml.Node {
	for _, step := range path {
		switch step := step.(type) {
		case int:
			n = n.Content[step]
		case string:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					n = n.Content[i+1]
					break
				}
			}
		}
	}
	return n
}

// walk visits every node of a document with its path.
func walk(n *yaml.Node, path []any, visit func(n *yaml.Node, path []any)) {
	visit(n, path)
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(n.Content[i+1], append(path[:len(path):len(path)], n.Content[i].Value), visit)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			walk(c, append(path[:len(path):len(path)], i), visit)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}
