// Package file reads catalogs from files. It knows about paths; what a file
// means is for package catalog to say.
package file

import (
	"fmt"
	"io"
	"os"

	"github.com/apgarhq/apgar/catalog"
)

// Load reads the catalog files that patterns name, as Expand does, in its
// order. A file that cannot be read is a problem that names it; the others
// load.
func Load(patterns []string, base string) ([]catalog.Document, []catalog.Problem) {
	paths, problems := Expand(patterns, base)
	docs, found := LoadPaths(paths)
	return docs, append(problems, found...)
}

// LoadPaths is Load for paths that have been expanded.
func LoadPaths(paths []string) ([]catalog.Document, []catalog.Problem) {
	var problems []catalog.Problem
	docs := make([]catalog.Document, 0, len(paths))
	for _, path := range paths {
		data, err := Read(path)
		if err != nil {
			problems = append(problems, catalog.Problem{Position: catalog.Position{File: path}, Message: err.Error()})
			continue
		}
		doc, found := catalog.Parse(path, data)
		docs = append(docs, doc)
		problems = append(problems, found...)
	}
	return docs, problems
}

// Read returns the content of a regular file, or of the regular file behind a
// symbolic link, of at most catalog.MaxFileBytes. The error does not name the
// file.
func Read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading the file: it is %s, not a regular file", describe(info.Mode()))
	}
	if info.Size() > catalog.MaxFileBytes {
		return nil, fmt.Errorf("the file has %d bytes, but at most %d are read: split it into several files", info.Size(), catalog.MaxFileBytes)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", withoutPath(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, catalog.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", withoutPath(err))
	}
	return data, nil
}

func describe(mode os.FileMode) string {
	if mode.IsDir() {
		return "a directory"
	}
	return "a device, pipe or socket"
}
