package layers

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkFile returns what breaks the rules in one file.
func (r Rules) checkFile(f file) []Finding {
	var found []Finding
	report := func(line int, format string, args ...any) {
		found = append(found, Finding{File: f.name, Line: line, Text: fmt.Sprintf(format, args...)})
	}
	if base := path.Base(f.dir); slices.Contains(r.Vague, base) {
		report(1, "a package called %s says nothing about its purpose: name it after its noun, or put the code with its only user", base)
	}
	if f.lines > r.MaxLines && !f.test && !f.generated {
		report(r.MaxLines+1, "the file has %d lines, more than %d: look for a second noun in it", f.lines, r.MaxLines)
	}
	room, known := r.roomOf(f.dir)
	if !known {
		report(1, "%s is in no room: add it to the table in internal/layers/table.go, or move the file to the room it belongs to", f.dir)
	}
	for _, imported := range f.imports {
		if known {
			if text := r.checkRoom(f, room, imported.name); text != "" {
				report(imported.line, "%s", text)
			}
		}
		if text := r.checkTechnology(f, imported.name); text != "" {
			report(imported.line, "%s", text)
		}
	}
	if room.Pure && !f.test {
		for _, text := range r.impurities(f, room) {
			report(text.line, "%s", text.name)
		}
	}
	return found
}

// checkRoom returns what is wrong with an import as the rooms see it, or "".
func (r Rules) checkRoom(f file, from Room, imported string) string {
	if !within(imported, r.Module) {
		return ""
	}
	dir := strings.TrimPrefix(strings.TrimPrefix(imported, r.Module), "/")
	to, known := r.roomOf(dir)
	if !known {
		return fmt.Sprintf("%s imports %s, which is in no room: add it to the table in internal/layers/table.go", from.Path, dir)
	}
	allowed := from.MayImport
	if f.test {
		allowed = slices.Concat(from.MayImport, from.ForTests, r.TestRooms)
	}
	if within(to.Path, from.Path) || within(from.Path, to.Path) || slices.Contains(allowed, to.Path) {
		return ""
	}
	return fmt.Sprintf("%s imports %s; %s may import %s", from.Path, dir, from.Path, listRooms(allowed))
}

// checkTechnology returns what is wrong with an import as the fixed places of
// technologies see it, or "".
func (r Rules) checkTechnology(f file, imported string) string {
	for _, t := range r.Technologies {
		switch {
		case !withinAny(imported, t.Packages) || withinAny(imported, t.Except):
		case t.InTests && f.test:
		case !withinAny(f.dir, t.Homes):
			where := "nowhere"
			if len(t.Homes) > 0 {
				where = "in " + strings.Join(t.Homes, ", ")
			}
			if t.InTests {
				where += " (and in tests)"
			}
			return fmt.Sprintf("%s imports %s; %s may be imported %s", f.dir, imported, t.Name, where)
		}
	}
	return ""
}

// impurities returns what a file of a pure room must not touch.
func (r Rules) impurities(f file, room Room) []use {
	var found []use
	for _, imported := range f.imports {
		if slices.Contains(r.Impure.Packages, imported.name) {
			text := fmt.Sprintf("%s is pure and imports %s: let the caller pass what it needs as a value", room.Path, imported.name)
			found = append(found, use{text, imported.line})
		}
	}
	for _, used := range f.times {
		if slices.Contains(r.Impure.Clock, used.name) {
			text := fmt.Sprintf("%s is pure and uses time.%s: let the caller pass the time", room.Path, used.name)
			found = append(found, use{text, used.line})
		}
	}
	return found
}

// roomOf returns the room of a folder: the one with the longest fitting path.
func (r Rules) roomOf(dir string) (Room, bool) {
	var best Room
	for _, room := range r.Rooms {
		if within(dir, room.Path) && len(room.Path) > len(best.Path) {
			best = room
		}
	}
	return best, best.Path != ""
}

// within tells whether a path is the folder or below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// withinAny tells whether a path is one of the folders or below one of them.
func withinAny(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return within(name, folder) })
}

// listRooms writes the rooms that may be imported as a message has them.
func listRooms(paths []string) string {
	if len(paths) == 0 {
		return "no other room, except those above and below it"
	}
	return strings.Join(paths, ", ")
}
