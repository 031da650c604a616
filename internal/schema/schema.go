// Package schema ships JSON Schemas of the files that Apgar reads, so that
// editors complete, explain and check them while they are written. A schema
// knows the structure of a file and says what each field means; what fields say
// about each other, and the languages inside of them (CEL, PromQL), are for the
// loaders. Tests hold the schemas against the loaders, which the package does
// not know.
package schema

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed json/*.json
var files embed.FS

// Names lists the schemas, sorted.
func Names() []string {
	entries, err := files.ReadDir("json")
	if err != nil {
		return nil // the directory is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(names)
	return names
}

// JSON returns a schema, of JSON Schema's draft 2020-12, in keywords that draft
// 7 has too where editors need them.
func JSON(name string) ([]byte, error) {
	data, err := files.ReadFile("json/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return data, nil
}
