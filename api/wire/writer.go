package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apgarhq/apgar/scorecard"
)

// Time is the layout of every instant of the API: UTC, whole seconds.
const Time = "2006-01-02T15:04:05Z"

// A writer appends one JSON value to a buffer. Its first error sticks, and
// names the field; what is in the buffer after an error is of no use.
type writer struct {
	buf []byte
	err error
}

// next puts the comma that separates a value from the one before it.
func (w *writer) next() {
	if n := len(w.buf); n > 0 {
		switch w.buf[n-1] {
		case '{', '[', ':':
		default:
			w.buf = append(w.buf, ',')
		}
	}
}

func (w *writer) key(name string) {
	w.next()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

func (w *writer) open(c byte)  { w.buf = append(w.buf, c) }
func (w *writer) close(c byte) { w.buf = append(w.buf, c) }

func (w *writer) null(name string) {
	w.key(name)
	w.buf = append(w.buf, "null"...)
}

// quote appends s as a JSON string; bytes that are no UTF-8 become U+FFFD.
func (w *writer) quote(s string) {
	quoted, err := jsontext.AppendQuote(w.buf, s)
	if err != nil {
		quoted, err = jsontext.AppendQuote(w.buf, strings.ToValidUTF8(s, "\uFFFD"))
	}
	if err != nil {
		w.fail("a string", err)
		return
	}
	w.buf = quoted
}

func (w *writer) text(name, s string) {
	w.key(name)
	w.quote(s)
}

// textOrNull writes null for the empty string.
func (w *writer) textOrNull(name, s string) {
	if s == "" {
		w.null(name)
		return
	}
	w.text(name, s)
}

func (w *writer) texts(name string, list []string) {
	w.key(name)
	w.open('[')
	for _, s := range list {
		w.next()
		w.quote(s)
	}
	w.close(']')
}

func (w *writer) bool(name string, b bool) {
	w.key(name)
	w.buf = strconv.AppendBool(w.buf, b)
}

func (w *writer) boolOrNull(name string, b *bool) {
	if b == nil {
		w.null(name)
		return
	}
	w.bool(name, *b)
}

func (w *writer) int(name string, n int64) {
	w.key(name)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// number writes a float with no more digits than it needs, null for nil.
func (w *writer) number(name string, x *float64) { w.float(name, x, appendNumber) }

// decimal writes a float with at least one decimal, null for nil.
func (w *writer) decimal(name string, x *float64) { w.float(name, x, appendDecimal) }

// score writes a score with one decimal, null for nil.
func (w *writer) score(name string, x *float64) {
	w.float(name, x, func(dst []byte, x float64) []byte { return append(dst, scorecard.RoundScore(x)...) })
}

// points writes a difference of scores with one decimal, null for nil.
func (w *writer) points(name string, x *float64) {
	w.float(name, x, func(dst []byte, x float64) []byte { return append(dst, scorecard.RoundPoints(x)...) })
}

func (w *writer) float(name string, x *float64, format func([]byte, float64) []byte) {
	if x == nil {
		w.null(name)
		return
	}
	if !finite(*x) {
		w.fail(name, fmt.Errorf("%v is no number of JSON; unknown numbers must be nil", *x))
		return
	}
	w.key(name)
	w.buf = format(w.buf, *x)
}

// time writes an instant, null for the zero time.
func (w *writer) time(name string, t time.Time) {
	if t.IsZero() {
		w.null(name)
		return
	}
	w.key(name)
	w.buf = append(w.buf, '"')
	w.buf = t.UTC().AppendFormat(w.buf, Time)
	w.buf = append(w.buf, '"')
}

// duration writes a duration as Prometheus does, null for zero.
func (w *writer) duration(name string, d time.Duration) {
	if d == 0 {
		w.null(name)
		return
	}
	w.text(name, scorecard.FormatDuration(d))
}

func (w *writer) fail(field string, err error) {
	if w.err == nil {
		w.err = fmt.Errorf("field %q: %w", field, err)
	}
}
