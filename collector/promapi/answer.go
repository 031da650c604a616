package promapi

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
)

const (
	// maxToken is the largest single JSON token read, in bytes. The decoder holds a token in memory, and white space too.
	maxToken = 1 << 20
	// maxElement is the largest element of a result, in bytes on the wire: a series with all its points.
	maxElement = 16 << 20
)

// answer is the body of a response on its way to the decoder. It counts, and ends the reading at the first of the limits:
// of the whole, of one token, of one element.
type answer struct {
	src   io.Reader
	limit int64
	// read counts the bytes given to the decoder.
	read int64
	// settled is how far the decoder has got; nil if nobody says.
	settled func() int64
	// element is where the element of the result being read began, or 0.
	element int64
	// fault is the limit that was hit.
	fault *Error
	// broken is why the body ended before its end.
	broken error
}

// newAnswer reads a response through the given buffer, unpacking it if the server compressed it unasked.
func newAnswer(resp *http.Response, limit int64, buffer *bufio.Reader) (*answer, *Error) {
	a := &answer{limit: limit}
	wire := &wireReader{src: resp.Body, answer: a}
	switch encoding := resp.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		buffer.Reset(wire)
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(wire)
		switch {
		case a.broken != nil:
			return nil, &Error{Kind: kindBroken, err: a.broken}
		case err != nil:
			return nil, faultf(KindMalformed, "the answer says it is compressed by gzip but is not")
		}
		buffer.Reset(unpacked)
	default:
		return nil, faultf(KindMalformed, "the answer is compressed in a way that was not asked for")
	}
	a.src = buffer
	return a, nil
}

// Read gives at most one byte more than the limit before it says so.
func (a *answer) Read(p []byte) (int, error) {
	if a.fault == nil {
		a.fault = a.exceeded()
	}
	if a.fault != nil {
		return 0, a.fault
	}
	if room := a.limit + 1 - a.read; int64(len(p)) > room {
		p = p[:room]
	}
	n, err := a.src.Read(p)
	a.read += int64(n)
	if a.read > a.limit {
		a.fault = a.exceeded()
		return 0, a.fault
	}
	return n, err
}

func (a *answer) exceeded() *Error {
	if a.read > a.limit {
		return faultf(KindResponseTooLarge, "the answer is larger than %d bytes", a.limit)
	}
	if a.settled == nil {
		return nil
	}
	settled := a.settled()
	switch {
	case a.read-settled > maxToken:
		return faultf(KindMalformed, "a single value of the answer, or white space in it, is larger than %d bytes", maxToken)
	case a.element > 0 && settled-a.element > maxElement:
		return faultf(KindResponseTooLarge, "a single series of the answer is larger than %d bytes", maxElement)
	}
	return nil
}

// wireReader remembers that the connection broke, which the layers above it may word in their own way.
type wireReader struct {
	src    io.Reader
	answer *answer
}

func (w *wireReader) Read(p []byte) (int, error) {
	n, err := w.src.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.answer.broken = err
	}
	return n, err
}

// isCompressionFault says that the bytes arrived but are no valid gzip.
func isCompressionFault(err error) bool {
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return true
	}
	return errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader)
}
