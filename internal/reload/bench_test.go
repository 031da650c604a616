package reload

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkALook measures what polling costs: 5,000 files of 1 KiB in 100
// folders.
func BenchmarkALook(b *testing.B) {
	root := b.TempDir()
	content := make([]byte, 1024)
	for i := range 5000 {
		dir := makeDir(b, root, fmt.Sprint("team", i%100))
		write(b, filepath.Join(dir, fmt.Sprintf("s%d.yml", i)), string(content))
	}
	files := expand([]string{root})
	b.Run("directories", func(b *testing.B) {
		for b.Loop() {
			newSight(files, []string{root}, defaultLimit)
		}
	})
	b.Run("contents", func(b *testing.B) {
		for b.Loop() {
			digestsOf(files)
		}
	})
}
