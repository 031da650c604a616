package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apgarhq/apgar/catalog"
)

// Expand turns patterns into the paths of files. A pattern is a file, a
// directory (all *.yml and *.yaml below it) or a glob, in which ** stands for
// any number of directories; relative ones start at base. Hidden files and
// directories are skipped unless the pattern names them, so that a mounted
// ConfigMap is read once. Files come in the order of the patterns, sorted
// within each, and once. A pattern that matches nothing is a problem.
func Expand(patterns []string, base string) ([]string, []catalog.Problem) {
	return expandAll(patterns, base, every, none)
}

// ExpandOnly is Expand where folders and globs lead only to what is wanted; a
// file that is named is always taken.
func ExpandOnly(patterns []string, base string, wanted func(path string) bool) ([]string, []catalog.Problem) {
	return expandAll(patterns, base, wanted, none)
}

func every(string) bool { return true }

func none(string) bool { return false }

// ExpandOptional is Expand for files of which there may be none: a glob that
// matches nothing is a warning only.
func ExpandOptional(patterns []string, base string) ([]string, []catalog.Problem) {
	return expandAll(patterns, base, every, isGlob)
}

// expandAll expands patterns, of which some may match nothing.
func expandAll(patterns []string, base string, wanted, mayBeNone func(string) bool) ([]string, []catalog.Problem) {
	var paths []string
	var problems []catalog.Problem
	seen := map[string]bool{}
	for _, pattern := range patterns {
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(base, full)
		}
		found, err := expand(full)
		found = slices.DeleteFunc(found, func(path string) bool { return path != full && !wanted(path) })
		switch at := (catalog.Position{File: full}); {
		case err != nil:
			problems = append(problems, catalog.Problem{Position: at, Message: err.Error()})
		case len(found) == 0:
			problems = append(problems, catalog.Problem{Position: at, Message: "no file matches: mend the path, or remove it", Warning: mayBeNone(pattern)})
		}
		for _, path := range found {
			if !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	return paths, problems
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// expand returns the files of one absolute or base-relative pattern, sorted.
func expand(pattern string) ([]string, error) {
	if !isGlob(pattern) {
		return below(pattern)
	}
	segments := strings.Split(filepath.Clean(pattern), string(filepath.Separator))
	for _, s := range segments {
		if _, err := filepath.Match(s, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: close its brackets", s)
		}
	}
	root := "."
	if segments[0] == "" {
		root, segments = string(filepath.Separator), segments[1:]
	}
	matches, err := match(root, segments)
	var files []string
	for _, m := range matches {
		found, belowErr := below(m)
		err = errors.Join(err, belowErr)
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), err
}

// match returns the paths under root whose names match the segments. The
// errors of directories that cannot be read are joined.
func match(root string, segments []string) ([]string, error) {
	if len(segments) == 0 {
		return []string{root}, nil
	}
	segment, rest := segments[0], segments[1:]
	if !strings.ContainsAny(segment, "*?[") {
		next := filepath.Join(root, segment)
		if _, err := os.Stat(next); err != nil {
			return nil, nil //nolint:nilerr // what is not there does not match
		}
		return match(next, rest)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, ignoreAbsent(root, err)
	}
	var out []string
	var errs error
	collect := func(paths []string, err error) {
		out, errs = append(out, paths...), errors.Join(errs, err)
	}
	if segment == "**" {
		collect(match(root, rest))
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(segment, ".") {
			continue
		}
		switch next := filepath.Join(root, name); {
		case segment == "**" && entry.IsDir():
			collect(match(next, segments))
		case segment != "**" && matches(segment, name):
			collect(match(next, rest))
		}
	}
	return out, errs
}

func matches(pattern, name string) bool {
	ok, err := filepath.Match(pattern, name)
	return ok && err == nil
}

// ignoreAbsent drops the errors of a path that is absent or no directory.
func ignoreAbsent(path string, err error) error {
	info, statErr := os.Stat(path)
	if statErr != nil || !info.IsDir() {
		return nil
	}
	return fmt.Errorf("reading the directory %s: %w", path, withoutPath(err))
}

// below returns path itself when it is a file, and the YAML files under it
// when it is a directory.
func below(path string) ([]string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking at the path: %w", withoutPath(err))
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	root := path + string(filepath.Separator) // so that a link to a directory is followed here
	err = filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading %s: %w", p, withoutPath(err))
		}
		if p != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if isYAML(p) && isFile(p, entry) {
			files = append(files, p)
		}
		return nil
	})
	return files, err
}

func isYAML(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yml" || ext == ".yaml"
}

// isFile follows symbolic links to files, and not to directories: those could
// go in circles. A link that leads nowhere counts as a file, so that it is
// reported when it is read.
func isFile(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return !entry.IsDir()
	}
	info, err := os.Stat(path)
	return err != nil || !info.IsDir()
}

// withoutPath strips the path that the os package puts into its errors, where
// the position of the problem names it already.
func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
