package golden

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Block is a fenced block of a page in Markdown.
type Block struct {
	Language string // what stands behind the fence
	Line     int    // of the page, on which Text begins
	Text     string
}

// Blocks returns the fenced blocks of a page, in order.
func Blocks(t *testing.T, page string) []Block {
	t.Helper()
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	var blocks []Block
	inside := false
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !inside:
			blocks = append(blocks, Block{Language: language, Line: number + 1})
			inside = true
		case fence:
			inside = false
		case inside:
			blocks[len(blocks)-1].Text += line
		}
	}
	require.False(t, inside, "the last block of %s does not end", page)
	return blocks
}
