package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/rubric"
)

func TestEveryLoaderHasASchema(t *testing.T) {
	require.Equal(t, slices.Sorted(maps.Keys(loaders(t))), Names())
	for _, name := range Names() {
		compile(t, name)
	}
	_, err := JSON("../schema")
	require.EqualError(t, err, `there is no schema "../schema": there are catalog, config, rubrics, tests, waivers`)
}

// stray is a field that no loader knows and that is near to none.
const stray = "zzzzzzzzzzzz"

var knownFields = regexp.MustCompile(`^unknown field "` + stray + `" in .*; the fields are (.*)$`)

// TestASchemaHasTheFieldsOfItsLoader asks the loaders themselves which fields
// they read: into every mapping of documents that use everything, a stray field
// is put, and the loader says which ones there are. The schema must have the
// same fields at that place, no more and no less; and where the loader takes
// any field, so must the schema. No mapping of a schema may be left out.
func TestASchemaHasTheFieldsOfItsLoader(t *testing.T) {
	for name, load := range loaders(t) {
		t.Run(name, func(t *testing.T) {
			root := compile(t, name)
			visited := map[string]bool{}
			for _, doc := range full(t, name) {
				walk(doc, nil, func(n *yaml.Node, path []any) {
					if n.Kind != yaml.MappingNode {
						return
					}
					place := fmt.Sprint(path)
					want, strict := fieldsOf(t, load, doc, path)
					closed := closedAt(root, instance(doc), path)
					require.Equal(t, strict, len(closed) > 0, "whether a stray field is a mistake at %s", place)
					if !strict {
						return
					}
					got := map[string]bool{}
					for _, s := range closed {
						_, at, _ := strings.Cut(s.Location, "#")
						visited[at] = true
						for field := range s.Properties {
							got[field] = true
						}
					}
					require.Equal(t, want, slices.Sorted(maps.Keys(got)), "the fields at %s", place)
				})
			}
			require.Equal(t, closedIn(raw(t, name), ""), slices.Sorted(maps.Keys(visited)), "the mappings of the schema that testdata/%s.yml uses", name)
		})
	}
}

// fieldsOf returns the fields that a loader knows at a place; strict is false
// where it takes any.
func fieldsOf(t *testing.T, load load, doc *yaml.Node, path []any) (fields []string, strict bool) {
	t.Helper()
	changed := copied(doc)
	m := at(changed, path)
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: stray}, &yaml.Node{Kind: yaml.ScalarNode, Value: "1"})
	for _, message := range load.mistakes(t, changed) {
		if match := knownFields.FindStringSubmatch(message); match != nil {
			return strings.Split(match[1], ", "), true
		}
		// The decoder of Prometheus refuses the field, and names no others.
		if strings.Contains(message, `unknown field "`+stray+`"`) {
			return prometheusFields(t, path), true
		}
	}
	return nil, false
}

// prometheusFields returns the fields of a section that Prometheus' own code
// decodes, from the types that it decodes into.
func prometheusFields(t *testing.T, path []any) []string {
	t.Helper()
	var at reflect.Type
	for _, step := range path {
		key, _ := step.(string)
		switch {
		case key == "http_config":
			at = reflect.TypeFor[config.HTTPClientConfig]()
		case at == nil && key == "tls_config":
			at = reflect.TypeFor[config.TLSConfig]()
		case at != nil:
			at = fieldType(at, key)
			require.NotNil(t, at, "%v", path)
		}
	}
	require.NotNil(t, at, "%v", path)
	return slices.Sorted(maps.Keys(yamlFields(at)))
}

// fieldType returns the type of a field of a struct, or of a value of a map.
func fieldType(s reflect.Type, key string) reflect.Type {
	if field, ok := yamlFields(s)[key]; ok {
		return field
	}
	if s.Kind() == reflect.Struct && s.NumField() == 1 && s.Field(0).Type.Kind() == reflect.Map {
		return s.Field(0).Type.Elem() // a mapping of its own fields only
	}
	return nil
}

// yamlFields returns the fields of a struct by the names that YAML has for
// them.
func yamlFields(s reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range s.NumField() {
		f := s.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		switch {
		case options == "inline" && kind.Kind() == reflect.Struct:
			maps.Copy(out, yamlFields(kind))
		case name != "" && f.IsExported():
			out[name] = kind
		}
	}
	return out
}

// closedAt returns the schemas without further fields that apply to the mapping
// at a place of an instance.
func closedAt(root *jsonschema.Schema, in any, path []any) []*jsonschema.Schema {
	here := []*jsonschema.Schema{root}
	for _, step := range path {
		var next []*jsonschema.Schema
		for _, s := range applied(here, in) {
			next = append(next, below(s, step)...)
		}
		switch step := step.(type) {
		case string:
			in = in.(map[string]any)[step]
		case int:
			in = in.([]any)[step]
		}
		here = next
	}
	var closed []*jsonschema.Schema
	for _, s := range applied(here, in) {
		if s.AdditionalProperties == false {
			closed = append(closed, s)
		}
	}
	return closed
}

// applied adds the schemas that the given ones refer to, or are made of.
func applied(schemas []*jsonschema.Schema, in any) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	for _, s := range schemas {
		if s == nil {
			continue
		}
		out = append(out, s)
		parts := slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf, s.AnyOf, s.OneOf)
		if s.If != nil && s.If.Validate(in) == nil {
			parts = append(parts, s.Then)
		} else if s.If != nil {
			parts = append(parts, s.Else)
		}
		out = append(out, applied(parts, in)...)
	}
	return out
}

// below returns the schemas for a part of an instance.
func below(s *jsonschema.Schema, step any) []*jsonschema.Schema {
	key, isKey := step.(string)
	if !isKey {
		return []*jsonschema.Schema{s.Items2020}
	}
	if p, ok := s.Properties[key]; ok {
		return []*jsonschema.Schema{p}
	}
	if more, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		return []*jsonschema.Schema{more}
	}
	return nil
}

// closedIn returns the places of a schema that take no further fields, sorted.
func closedIn(node any, place string) []string {
	var out []string
	switch node := node.(type) {
	case map[string]any:
		if node["additionalProperties"] == false {
			out = append(out, place)
		}
		for key, value := range node {
			out = append(out, closedIn(value, place+"/"+strings.ReplaceAll(key, "/", "~1"))...)
		}
	case []any:
		for i, value := range node {
			out = append(out, closedIn(value, fmt.Sprintf("%s/%d", place, i))...)
		}
	}
	slices.Sort(out)
	return out
}

func TestThePacksOfTheSchemaAreThoseThatAreShipped(t *testing.T) {
	packs := raw(t, "config").(map[string]any)["properties"].(map[string]any)["rubrics"].(map[string]any)["properties"].(map[string]any)["packs"].(map[string]any)
	var want []any
	for _, name := range append(rubric.Packs(), "auto") {
		want = append(want, name)
	}
	require.ElementsMatch(t, want, packs["items"].(map[string]any)["enum"])
}

// TestEveryFieldIsExplained holds that an editor has something to show for
// every field, and that the manual has it too.
func TestEveryFieldIsExplained(t *testing.T) {
	manual := ""
	for _, page := range []string{"configuration", "rubrics", "rubric-tests", "waivers"} {
		manual += string(readFile(t, "../../docs/"+page+".md"))
	}
	for _, name := range Names() {
		fields := 0
		properties(raw(t, name), "", func(place, field string, s map[string]any) {
			fields++
			text, _ := s["description"].(string)
			require.NotEmpty(t, text, "%s of %s in %s has no description", field, place, name)
			require.True(t, strings.HasSuffix(text, ".") || strings.HasSuffix(text, "}."), "the description of %s of %s in %s is no sentence: %s", field, place, name, text)
			if strings.Contains(place, "$defs/http") || strings.Contains(place, "$defs/tls") || strings.Contains(place, "$defs/entity") {
				return // the manuals of Prometheus and Backstage have them
			}
			require.Regexp(t, `[^a-z_]`+regexp.QuoteMeta(field)+`[^a-z_]`, manual, "the manual says nothing about %s of %s in %s", field, place, name)
		})
		require.Greater(t, fields, 10)
	}
}

// properties visits every field that a schema explains.
func properties(node any, place string, visit func(place, field string, s map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		fields, _ := node["properties"].(map[string]any)
		for field, s := range fields {
			// Under if, then, oneOf and the like, fields are conditions only.
			if s, ok := s.(map[string]any); ok && !regexp.MustCompile(`/(if|then|else|oneOf|allOf|not)(/|$)`).MatchString(place) {
				visit(place, field, s)
			}
		}
		for key, value := range node {
			properties(value, place+"/"+key, visit)
		}
	case []any:
		for _, value := range node {
			properties(value, place+"/", visit)
		}
	}
}

// TestTheSchemasUseWhatEditorsKnow holds the schemas to the keywords of draft
// 7, which is as far as the language server of most editors goes; $defs is
// reached by plain references.
func TestTheSchemasUseWhatEditorsKnow(t *testing.T) {
	known := strings.Fields(`$schema $id $ref $defs title description default type enum const properties patternProperties additionalProperties
		propertyNames required minProperties maxProperties items minItems maxItems uniqueItems minLength maxLength pattern minimum maximum
		exclusiveMinimum exclusiveMaximum anyOf oneOf allOf not if then else`)
	for _, name := range Names() {
		keywords(raw(t, name), func(keyword string) {
			require.Contains(t, known, keyword, name)
		})
		data, err := JSON(name)
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(data, []byte("}\n")))
		require.True(t, json.Valid(data))
	}
}

func keywords(s any, visit func(keyword string)) {
	object, ok := s.(map[string]any)
	if !ok {
		return
	}
	for keyword, value := range object {
		visit(keyword)
		switch keyword {
		case "properties", "patternProperties", "$defs":
			for _, part := range value.(map[string]any) {
				keywords(part, visit)
			}
		case "anyOf", "oneOf", "allOf":
			for _, part := range value.([]any) {
				keywords(part, visit)
			}
		case "additionalProperties", "propertyNames", "items", "not", "if", "then", "else":
			keywords(value, visit)
		}
	}
}
