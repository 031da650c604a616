package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A reader reads one JSON value that a writer wrote. Its first error sticks,
// and says where; everything after it reads as nothing.
type reader struct {
	decoder *jsontext.Decoder
	texts   map[string]string // by what stands in the payload: each text is held once
	scratch []byte
	err     error
}

func newReader(payload []byte) *reader {
	return &reader{
		// Names that are given twice do no harm here, and looking for them takes time.
		decoder: jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowDuplicateNames(true)),
		texts:   map[string]string{},
	}
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("at %q, byte %d: %w: %w", string(r.decoder.StackPointer()), r.decoder.InputOffset(), err, ErrCorrupt)
	}
}

// end holds that nothing follows the value, and returns the first error.
func (r *reader) end() error {
	if r.err == nil {
		switch _, err := r.decoder.ReadToken(); {
		case err == nil:
			r.fail(errors.New("something follows the end"))
		case !errors.Is(err, io.EOF):
			r.fail(err)
		}
	}
	return r.err
}

// fields reads an object. For every field, read reads the value, or returns
// false for a name that it does not know. name is good until read reads.
func (r *reader) fields(read func(name []byte) bool) {
	if !r.token('{') {
		return
	}
	for r.err == nil && r.decoder.PeekKind() != '}' {
		name := r.value('"')
		if r.err != nil {
			return
		}
		if !read(name[1:len(name)-1]) && r.err == nil {
			if err := r.decoder.SkipValue(); err != nil {
				r.fail(err)
			}
		}
	}
	r.token('}')
}

// items reads an array; read reads one item of it.
func (r *reader) items(read func()) {
	if !r.token('[') {
		return
	}
	for r.more() {
		read()
	}
	r.token(']')
}

// more reports whether another item of an array follows.
func (r *reader) more() bool { return r.err == nil && r.decoder.PeekKind() != ']' }

func (r *reader) token(kind jsontext.Kind) bool {
	if r.err != nil {
		return false
	}
	token, err := r.decoder.ReadToken()
	switch {
	case err != nil:
		r.fail(err)
	case token.Kind() != kind:
		r.fail(fmt.Errorf("there is %s where %s is due", token.Kind(), kind))
	}
	return r.err == nil
}

// value returns a string or number as it stands, good until the next read.
func (r *reader) value(kind jsontext.Kind) []byte {
	if r.err != nil {
		return nil
	}
	if got := r.decoder.PeekKind(); got != kind && got != 0 {
		r.fail(fmt.Errorf("there is %s where %s is due", got, kind))
		return nil
	}
	value, err := r.decoder.ReadValue()
	if err != nil {
		r.fail(err)
		return nil
	}
	return value
}

// maxShared is the length up to which texts are looked for among those before:
// longer ones hardly ever repeat.
const maxShared = 64

func (r *reader) text() string {
	raw := r.value('"')
	if r.err != nil {
		return ""
	}
	if len(raw) <= maxShared {
		if s, ok := r.texts[string(raw)]; ok {
			return s
		}
	}
	unquoted, err := jsontext.AppendUnquote(r.scratch[:0], raw)
	if err != nil {
		r.fail(err)
		return ""
	}
	r.scratch = unquoted
	s := string(unquoted)
	if len(raw) <= maxShared {
		r.texts[string(raw)] = s
	}
	return s
}

func (r *reader) bool() bool {
	if r.err != nil {
		return false
	}
	token, err := r.decoder.ReadToken()
	switch {
	case err != nil:
		r.fail(err)
	case token.Kind() == 't':
		return true
	case token.Kind() != 'f':
		r.fail(fmt.Errorf("there is %s where true or false is due", token.Kind()))
	}
	return false
}

func (r *reader) int() int {
	raw := r.value('0')
	if r.err != nil {
		return 0
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		r.fail(err)
	}
	return n
}

func (r *reader) number() float64 {
	raw := r.value('0')
	if r.err != nil {
		return 0
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		r.fail(err)
	}
	return x
}

func (r *reader) time() time.Time {
	raw := r.value('"')
	if r.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(raw[1:len(raw)-1]))
	if err != nil {
		r.fail(err)
		return time.Time{}
	}
	return t.UTC()
}

func (r *reader) duration() time.Duration {
	raw := r.value('0')
	if r.err != nil {
		return 0
	}
	d, err := parseSeconds(raw)
	if err != nil {
		r.fail(err)
	}
	return d
}
