package layers

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// file is what the rules need to know of one Go file.
type file struct {
	name      string // from the root of the tree, with slashes
	dir       string // "." for the root
	test      bool
	generated bool
	lines     int
	imports   []use
	times     []use // uses of package time: the name after the dot
}

// use is a name and the line it stands on.
type use struct {
	name string
	line int
}

// scan reads the Go files of the tree, in the order of their names.
func scan(tree fs.FS) ([]file, error) {
	var files []file
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("looking for Go files in %s: %w", name, err)
		case entry.IsDir() && skipped(tree, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		f, err := read(tree, name)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// skipped tells whether the go command would leave a folder out of "./...".
func skipped(tree fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

// read parses one file.
func read(tree fs.FS, name string) (file, error) {
	source, err := fs.ReadFile(tree, name)
	if err != nil {
		return file{}, fmt.Errorf("reading %s to check its imports: %w", name, err)
	}
	positions := token.NewFileSet()
	syntax, err := parser.ParseFile(positions, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, fmt.Errorf("parsing %s to check its imports: %w", name, err)
	}
	f := file{
		name:      name,
		dir:       path.Dir(name),
		test:      strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(syntax),
		lines:     countLines(source),
	}
	clock := "" // what this file calls package time
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("reading the import %s of %s: %w", spec.Path.Value, name, err)
		}
		f.imports = append(f.imports, use{imported, positions.Position(spec.Pos()).Line})
		if imported == "time" {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	f.times = selected(syntax, positions, clock)
	return f, nil
}

// countLines counts a last line without an end as a line.
func countLines(source []byte) int {
	lines := bytes.Count(source, []byte("\n"))
	if !bytes.HasSuffix(source, []byte("\n")) {
		lines++
	}
	return lines
}

// selected returns every name that the file takes from the package it calls
// by the given name. After a dot import any plain name may come from it.
func selected(syntax *ast.File, positions *token.FileSet, pkg string) []use {
	if pkg == "" || pkg == "_" {
		return nil
	}
	var uses []use
	add := func(name *ast.Ident) {
		uses = append(uses, use{name.Name, positions.Position(name.Pos()).Line})
	}
	ast.Inspect(syntax, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr:
			if from, ok := n.X.(*ast.Ident); ok && from.Name == pkg {
				add(n.Sel)
			}
			return pkg != "."
		case *ast.Ident:
			if pkg == "." {
				add(n)
			}
		}
		return true
	})
	return uses
}

// compareFindings orders by file, then by line.
func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}
