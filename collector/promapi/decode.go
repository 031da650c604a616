package promapi

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxDepth is how deep values that are skipped may nest.
	maxDepth = 64
	// maxNotes is how many warnings, and how many infos, are kept.
	maxNotes = 32
	// readBuffer is the size in which bodies are read.
	readBuffer = 64 << 10
	// keepElement is the size up to which the memory of a series is kept for the next answer.
	keepElement = 1 << 20
)

// kindBroken marks, inside this package only, an answer whose connection broke.
const kindBroken Kind = "broken"

// decoder reads one answer of the API as a stream. Members of objects may come in any order: series are handed on as
// they are met, and what the rest of the envelope says of them is known only at the end.
type decoder struct {
	json   *jsontext.Decoder
	in     *answer
	series *Series
	want   resultType
	sink   Sink
	limit  int
	clean  sanitizer
	env    envelope

	key     []byte // the name of the member being read
	text    []byte // the string being read
	lastRaw []byte // the time read last, as text and as milliseconds: in an answer, times repeat
	lastMS  int64
}

// scratch is the memory one answer needs, kept for the next one.
type scratch struct {
	json   *jsontext.Decoder
	buffer *bufio.Reader
	series Series
}

func (s *Source) borrow() *scratch {
	if tools, ok := s.scratch.Get().(*scratch); ok {
		return tools
	}
	nothing := strings.NewReader("")
	return &scratch{json: jsontext.NewDecoder(nothing), buffer: bufio.NewReaderSize(nothing, readBuffer)}
}

func (s *Source) giveBack(tools *scratch) {
	nothing := strings.NewReader("")
	tools.json.Reset(nothing)
	tools.buffer.Reset(nothing)
	series := &tools.series
	if cap(series.text)+16*(cap(series.points)+cap(series.labels))+32*cap(series.buckets)+64*cap(series.histograms) > keepElement {
		tools.series = Series{}
	}
	s.scratch.Put(tools)
}

func newDecoder(in *answer, tools *scratch, want resultType, sink Sink, limit int, clean sanitizer) *decoder {
	// Duplicate names are let through by the parser, since a check of every label would be dear; those that matter are
	// found here. Invalid UTF-8 becomes U+FFFD: one bad label value must not make a whole source unreadable.
	tools.json.Reset(in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	in.settled = tools.json.InputOffset
	return &decoder{json: tools.json, in: in, series: &tools.series, want: want, sink: sink, limit: limit, clean: clean}
}

// decode reads the answer to its end.
func (d *decoder) decode() *Error {
	err := d.object("the answer", d.envelopeField)
	if err == nil {
		err = d.end()
	}
	if err == nil {
		err = asError(d.env.verdict(d.want))
	}
	if err == nil {
		return nil
	}
	fault, ok := errors.AsType[*Error](err)
	if !ok {
		fault = faultf(KindMalformed, "%s", d.clean.clean(err.Error()))
	}
	return fault
}

// end makes sure that nothing follows the envelope.
func (d *decoder) end() error {
	_, err := d.json.ReadToken()
	switch {
	case err == nil:
		return faultf(KindMalformed, "something follows the JSON of the answer")
	case errors.Is(err, io.EOF) && d.in.fault == nil && d.in.broken == nil:
		return nil
	}
	return d.failed(err)
}

// object reads an object and calls field for every member. The name it gets is valid until the next name is read; field
// reads the value.
func (d *decoder) object(what string, field func(name []byte) error) error {
	if err := d.begin(jsontext.KindBeginObject, what); err != nil {
		return err
	}
	for d.json.PeekKind() != jsontext.KindEndObject {
		raw, err := d.json.ReadValue()
		if err != nil {
			return d.failed(err)
		}
		d.key = unquote(d.key[:0], raw)
		if err := field(d.key); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return d.failed(err)
}

// array reads an array and calls element for every element, which it reads.
func (d *decoder) array(what string, element func() error) error {
	if err := d.begin(jsontext.KindBeginArray, what); err != nil {
		return err
	}
	for d.json.PeekKind() != jsontext.KindEndArray {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return d.failed(err)
}

func (d *decoder) begin(kind jsontext.Kind, what string) error {
	if d.json.PeekKind() != kind {
		return d.unexpected(what, kind)
	}
	_, err := d.json.ReadToken()
	return d.failed(err)
}

func (d *decoder) finish(kind jsontext.Kind, what string) error {
	if d.json.PeekKind() != kind {
		return d.unexpected("the rest of "+what, kind)
	}
	_, err := d.json.ReadToken()
	return d.failed(err)
}

// string reads a string. The result is valid until the next one is read.
func (d *decoder) string(what string) ([]byte, error) {
	if d.json.PeekKind() != jsontext.KindString {
		return nil, d.unexpected(what, jsontext.KindString)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return nil, d.failed(err)
	}
	d.text = unquote(d.text[:0], raw)
	return d.text, nil
}

// skip reads over a value of any kind.
func (d *decoder) skip() error {
	depth := d.json.StackDepth()
	for {
		if _, err := d.json.ReadToken(); err != nil {
			return d.failed(err)
		}
		switch now := d.json.StackDepth(); {
		case now <= depth:
			return nil
		case now > maxDepth:
			return faultf(KindMalformed, "the JSON of the answer nests deeper than %d levels", maxDepth)
		}
	}
}

// unexpected explains that the next value is not of the kind wanted, or why there is none.
func (d *decoder) unexpected(what string, want jsontext.Kind) error {
	found := d.json.PeekKind()
	if found == jsontext.KindInvalid {
		_, err := d.json.ReadToken()
		return d.failed(err)
	}
	return faultf(KindMalformed, "%s is %s, not %s", what, kindName(found), kindName(want))
}

// failed turns a failure of the parser into ours; nil stays nil.
func (d *decoder) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case d.in.fault != nil:
		return d.in.fault
	case d.in.broken != nil:
		return &Error{Kind: kindBroken, err: d.in.broken}
	case isCompressionFault(err):
		return faultf(KindMalformed, "the compressed answer is corrupt")
	case d.in.read == 0:
		return faultf(KindMalformed, "the answer is empty")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return faultf(KindMalformed, "the JSON of the answer ends early, after %d bytes", d.in.read)
	case d.json.InputOffset() == 0:
		return faultf(KindMalformed, "the answer is not JSON")
	}
	return faultf(KindMalformed, "the answer is not valid JSON: %s", d.clean.clean(strings.TrimPrefix(err.Error(), "jsontext: ")))
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindEndArray, jsontext.KindEndObject:
		return "missing"
	}
	return "nothing"
}

// unquote appends what a valid JSON string says. Its only error is invalid UTF-8, which it has replaced.
func unquote(dst []byte, raw jsontext.Value) []byte {
	dst, _ = jsontext.AppendUnquote(dst, raw)
	return dst
}
