package rubric

import (
	"embed"
	"slices"
	"strings"
)

//go:embed packs/*.yml
var packFiles embed.FS

// Packs returns the names of the packs that are shipped, sorted. The name of a
// pack is that of its file and of its rubric.
func Packs() []string {
	entries, err := packFiles.ReadDir("packs")
	if err != nil {
		return nil // the directory is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yml"))
	}
	slices.Sort(names)
	return names
}

// PackFile returns the file of a pack.
func PackFile(name string) (File, bool) {
	if !slices.Contains(Packs(), name) {
		return File{}, false
	}
	data, err := packFiles.ReadFile("packs/" + name + ".yml")
	if err != nil {
		return File{}, false
	}
	return File{Name: "packs/" + name + ".yml", Data: data, Pack: true}, true
}
