package app

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// bar tells how much of the past has been asked about: on a terminal as a bar
// that grows, elsewhere as one line at the end.
type bar struct {
	out      io.Writer
	terminal bool
}

func newBar(out io.Writer) bar {
	f, _ := out.(*os.File)
	return bar{out, f != nil && isatty.IsTerminal(f.Fd())}
}

// show draws the bar anew.
func (b bar) show(done, all int) {
	const width = 30
	switch {
	case b.terminal:
		filled := width * done / max(1, all)
		_, _ = fmt.Fprintf(b.out, "\r[%s%s] asked about the past: %d of %d ranges", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, all)
	case done == all:
		_, _ = fmt.Fprintf(b.out, "asked about the past: %d of %d ranges", done, all)
	}
	if done == all {
		_, _ = fmt.Fprintln(b.out)
	}
}
