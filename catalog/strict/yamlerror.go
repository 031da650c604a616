package strict

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// locateBytes is how much of a file is parsed again to find out where mistakes
// of its YAML are.
const locateBytes = 1 << 20

// noYAML is a mistake that the YAML package has found in a part of a file.
type noYAML struct {
	part
	read     int // bytes, when it was found
	reported int // the line that the package names: that of what is unfinished, or the one before
}

// line returns the line, from 1, with which the part stops being YAML: that
// after the longest beginning, in lines, that is sound. budget is how many bytes
// may be parsed for that, and is used up. It is the line that is reported when
// the budget ends before.
func (e noYAML) line(budget *int) int {
	ends := []int{0} // of the beginnings
	for i, c := range e.text[:e.read] {
		if c == '\n' && i+1 < e.read {
			ends = append(ends, i+1)
		}
	}
	for n := len(ends) - 1; n >= 0; n-- {
		if *budget -= ends[n]; *budget < 0 {
			return e.reported
		}
		if isYAML(e.text[:ends[n]]) {
			return n + 1
		}
	}
	return 1
}

func isYAML(text []byte) bool {
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc)
	return err == nil || errors.Is(err, io.EOF)
}

// textOf returns a line of the part, by its number from 1; "" if there is none.
func (p part) textOf(line int) string {
	for text := range bytes.Lines(p.text) {
		if line--; line == 0 {
			return string(text)
		}
	}
	return ""
}

// cure says what to write instead of what the YAML package complains of, or "".
// text is its complaint, line the text of the line that it is about.
func cure(text, line string) string {
	indented := line[:len(line)-len(strings.TrimLeft(line, " \t-"))]
	switch {
	case strings.Contains(text, "tab character"), strings.Contains(indented, "\t"):
		return "indent with spaces, not with tabs"
	case quotedPart.MatchString(line):
		return `put all of the text in quotes, of the other kind than those that are in it: '"a" in b'`
	}
	for _, c := range [][2]string{
		{"cannot start any token", "put quotes around a text that starts with @, % or `"},
		{"mapping values are not allowed", `put quotes around a text that has ": " in it, or mend the indentation`},
		{"expected ',' or", "close the bracket, put a comma between two elements, or put quotes around a text that has brackets or commas in it"},
		{"could not find expected ':'", `write "name: value", or mend the indentation`},
		{"or line break", "put quotes around a text that starts with !, &, *, | or >"},
		{"alphabetic or numeric", "put quotes around a text that starts with !, &, *, | or >"},
		{"not allowed in this context", `put quotes around a text that starts with "- " or "? ", or mend the indentation`},
		{"expected key", "mend the indentation, or close the quotes before it"},
		{"'-' indicator", "mend the indentation, or close the quotes before it"},
		{"node content", "write a value, in quotes if it starts with a bracket or a comma, or close the bracket"},
		{"unexpected end of stream", "close the quotes that are open"},
		{"unexpected document indicator", "close the quotes that are open"},
		{"escape character", `write \\ for a backslash, or use single quotes`},
		{"hexdecimal", `write \\ for a backslash, or use single quotes`},
		{"control characters", "remove them, or save the file as UTF-8"},
		{"exceeded max depth", "nest less deeply"},
	} {
		if strings.Contains(text, c[0]) {
			return c[1]
		}
	}
	return ""
}

// quotedPart matches a text that goes on after the quotes with which it starts,
// as conditions do that nobody has put in quotes.
var quotedPart = regexp.MustCompile(`(^|[\s{,\[-])[\w."'/-]+:\s+("([^"\\]|\\.)*"|'[^']*')\s*[^\s,}\]#'":]`)
