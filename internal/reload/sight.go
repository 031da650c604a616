package reload

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks are followed on one path, as Linux does.
const maxLinks = 40

// sight is where changes of some files would show: directories, without links
// in their paths, and what in each of them matters. It is found by following
// every path step by step, because a link anywhere on it can be pointed
// elsewhere: a mounted ConfigMap is changed by renaming one link.
//
// It may see too much or too little: what has changed is for the digests to
// say, and polling finds what was not seen.
type sight struct {
	views map[string]*view
	real  map[string]string // directory → where it really is, "" when it is not there
	limit int               // of views; what lies beyond is left to polling
	cut   bool              // there was more
}

// view is one directory.
type view struct {
	all    bool            // whatever happens in it matters
	names  map[string]bool // otherwise: what happens to these does
	needed bool            // changes are missed without it; false for the far ancestors of a file
}

// newSight returns where changes of files show, and of what patterns stand for,
// in at most limit directories: those of the files first.
func newSight(files, patterns []string, limit int) *sight {
	s := &sight{limit: limit, views: map[string]*view{}, real: map[string]string{}}
	for _, path := range files {
		s.file(path)
	}
	for _, pattern := range patterns {
		s.pattern(pattern)
	}
	return s
}

// matters reports whether something that happened at path may have changed a
// file.
func (s *sight) matters(path string) bool {
	path = filepath.Clean(path)
	if _, ok := s.views[path]; ok {
		return true // the directory itself was removed, moved or became readable
	}
	v, ok := s.views[filepath.Dir(path)]
	return ok && (v.all || v.names[filepath.Base(path)])
}

// file follows a path of a file, which need not exist.
func (s *sight) file(path string) {
	if dir := s.directory(filepath.Dir(path)); dir != "" {
		s.walk(dir, []string{filepath.Base(path)}, maxLinks)
	}
}

// directory returns where a directory really is, "" when it is not there.
func (s *sight) directory(path string) string {
	found, ok := s.real[path]
	if !ok {
		found = s.walk(string(filepath.Separator), split(path), maxLinks)
		s.real[path] = found
	}
	return found
}

// walk goes from a directory without links along steps, and returns where they
// lead, "" when they lead nowhere. Every step is seen on the way.
func (s *sight) walk(dir string, steps []string, links int) string {
	for len(steps) > 0 {
		step := steps[0]
		steps = steps[1:]
		switch step {
		case "", ".":
			continue
		case "..":
			dir = filepath.Dir(dir)
			continue
		}
		v := s.see(dir)
		if v == nil {
			return ""
		}
		v.names[step] = true
		full := filepath.Join(dir, step)
		info, err := os.Lstat(full)
		if err != nil {
			v.needed = true // it may appear
			return ""
		}
		if info.Mode()&os.ModeSymlink == 0 {
			v.needed = v.needed || len(steps) == 0
			dir = full
			continue
		}
		v.needed = true
		target, err := os.Readlink(full)
		if links--; err != nil || links < 0 {
			return ""
		}
		if filepath.IsAbs(target) {
			dir = string(filepath.Separator)
		}
		steps = append(split(target), steps...)
	}
	return dir
}

// see returns the view of a directory, nil when there are too many.
func (s *sight) see(dir string) *view {
	v := s.views[dir]
	if v != nil {
		return v
	}
	if len(s.views) >= s.limit {
		s.cut = true
		return nil
	}
	v = &view{names: map[string]bool{}}
	s.views[dir] = v
	return v
}

// seeAll sees whatever happens in a directory.
func (s *sight) seeAll(dir string) bool {
	v := s.see(dir)
	if v == nil {
		return false
	}
	v.all, v.needed = true, true
	return true
}

// pattern sees the directories in which a pattern could begin to match: those
// of its files are seen by following the files.
func (s *sight) pattern(pattern string) {
	s.segments(string(filepath.Separator), split(filepath.Clean(pattern)))
}

func (s *sight) segments(dir string, segments []string) {
	if len(segments) == 0 {
		s.tree(dir)
		return
	}
	if fixed := slices.IndexFunc(segments, isWild); fixed != 0 {
		if fixed < 0 {
			fixed = len(segments)
		}
		if next := s.walk(dir, segments[:fixed], maxLinks); next != "" {
			s.segments(next, segments[fixed:])
		}
		return
	}
	segment, rest := segments[0], segments[1:]
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || !s.seeAll(dir) {
		return
	}
	if segment == "**" {
		s.segments(dir, rest)
	}
	for _, name := range folders(dir) {
		matches, err := filepath.Match(segment, name)
		switch {
		case segment == "**":
			s.segments(filepath.Join(dir, name), segments)
		case matches && err == nil:
			s.segments(filepath.Join(dir, name), rest)
		}
	}
}

func isWild(segment string) bool { return strings.ContainsAny(segment, "*?[") }

// tree sees a directory and all below it; a file is seen already.
func (s *sight) tree(dir string) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || !s.seeAll(dir) {
		return
	}
	for _, name := range folders(dir) {
		s.tree(filepath.Join(dir, name))
	}
}

// folders returns the names of the directories in a directory that are not
// hidden. Links to directories are not among them: what is found behind one is
// followed as a file.
func folders(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // watching it fails, too, and is reported
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	return names
}

func split(path string) []string {
	return strings.Split(path, string(filepath.Separator))
}
