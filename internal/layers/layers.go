// Package layers holds the tree to the import diagram of the design: which
// room may import which, where a technology lives, and what a pure room must
// not touch. It reads source files and runs no tool; it knows no room but by
// its name in the table, and imports none.
//
// It is used by its own test only, so that a line in the wrong room fails
// `go test` with the place and the rule. A new room is one line in Apgar.
package layers

import (
	"fmt"
	"io/fs"
	"slices"
)

// Rules say what a tree may look like. They are not changed by Check.
type Rules struct {
	Module       string       // import path of the module, without a trailing slash
	Rooms        []Room       // every room there is; the longest path that fits a package is its room
	TestRooms    []string     // rooms that any test file may import
	Technologies []Technology // packages from elsewhere that have a fixed place
	Impure       Impurity     // what the pure rooms must not touch
	Vague        []string     // names no package may have, since they say nothing
	MaxLines     int          // of a file that is neither a test nor generated
}

// Room is a folder with one purpose, and all packages below it that are not
// rooms themselves. Packages of one room may import each other; a room may
// import the rooms below it, and those above it (adapters import their port).
type Room struct {
	Path      string   // from the module's root, with slashes
	MayImport []string // paths of further rooms
	ForTests  []string // paths of further rooms, in test files
	Pure      bool     // no I/O, clock, context or chance; tests are free
}

// Technology is a set of packages of the standard library or of other modules
// that may be imported in some places only.
type Technology struct {
	Name     string
	Packages []string // import paths; those below them belong to it
	Except   []string // import paths that do not belong to it, with those below them
	Homes    []string // folders where it may be imported, with those below them
	InTests  bool     // whether any test file may import it
}

// Impurity is what a pure room must not touch.
type Impurity struct {
	Packages []string // import paths, exactly
	Clock    []string // functions of package time
}

// Finding is one place that breaks a rule.
type Finding struct {
	File string // from the module's root, with slashes
	Line int    // from 1
	Text string // what is wrong there, and what would be right
}

// String returns "file:line: text".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text)
}

// Check reads every Go file of the tree, whatever its build tags, and returns
// what breaks the rules, ordered by file and line. Folders that the go command
// does not look into (testdata, vendor, names that begin with a dot or an
// underscore) and those that are modules of their own are left out. The error
// is about a file that cannot be read or parsed, or about the rules themselves.
func Check(tree fs.FS, rules Rules) ([]Finding, error) {
	if err := rules.validate(); err != nil {
		return nil, err
	}
	files, err := scan(tree)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, f := range files {
		found = append(found, rules.checkFile(f)...)
	}
	slices.SortStableFunc(found, compareFindings)
	return found, nil
}

// validate refuses a table that names a room it does not have.
func (r Rules) validate() error {
	known := make(map[string]bool, len(r.Rooms))
	for _, room := range r.Rooms {
		if known[room.Path] {
			return fmt.Errorf("checking the layers' table: the room %s is there twice: merge the two", room.Path)
		}
		known[room.Path] = true
	}
	for _, room := range r.Rooms {
		for _, path := range slices.Concat(room.MayImport, room.ForTests, r.TestRooms) {
			if !known[path] {
				return fmt.Errorf("checking the layers' table: %s may import %s, which is no room: add it or mend its name", room.Path, path)
			}
		}
	}
	return nil
}
