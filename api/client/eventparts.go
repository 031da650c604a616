package client

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"time"
)

// maxLine is the longest line of a stream that is read.
const maxLine = 4 << 20

// lineReader reads the lines of a stream, which end with a line feed, or with
// a carriage return and one.
type lineReader struct{ scanner *bufio.Scanner }

func newLineReader(r io.Reader) *lineReader {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	return &lineReader{scanner: s}
}

// next returns the next line, good until the one after it; io.EOF at the end.
func (l *lineReader) next() ([]byte, error) {
	if l.scanner.Scan() {
		return l.scanner.Bytes(), nil
	}
	if err := l.scanner.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// eventParts are the fields of the event that is being read.
type eventParts struct {
	id    *string
	name  string
	data  []byte
	retry time.Duration
}

// add takes a line and reports whether it ends the event.
func (p *eventParts) add(line []byte) bool {
	if len(line) == 0 {
		return true
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			id := string(value)
			p.id = &id
		}
	case "event":
		p.name = string(value)
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			p.retry = time.Duration(ms) * time.Millisecond
		}
	case "data":
		if p.data != nil {
			p.data = append(p.data, '\n')
		}
		p.data = append(p.data, value...)
	}
	return false
}

// clear makes room for the next event.
func (p *eventParts) clear() { *p = eventParts{} }
