package codec

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A writer appends one JSON value to a buffer. Fields that hold nothing are
// left out. Its first error sticks, and names the field; what is in the buffer
// after an error is of no use.
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
	if s == "" {
		return
	}
	w.key(name)
	w.quote(s)
}

func (w *writer) bool(name string, b bool) {
	if b {
		w.key(name)
		w.buf = append(w.buf, "true"...)
	}
}

func (w *writer) boolOrNil(name string, b *bool) {
	if b != nil {
		w.key(name)
		w.buf = strconv.AppendBool(w.buf, *b)
	}
}

func (w *writer) int(name string, n int) {
	if n != 0 {
		w.key(name)
		w.buf = strconv.AppendInt(w.buf, int64(n), 10)
	}
}

// number leaves out 0, but not -0.
func (w *writer) number(name string, x float64) {
	if math.Float64bits(x) != 0 {
		w.numberOrNil(name, &x)
	}
}

func (w *writer) numberOrNil(name string, x *float64) {
	if x == nil {
		return
	}
	w.key(name)
	w.float(name, *x)
}

// float appends a number that reads back bit for bit; name is for errors.
func (w *writer) float(name string, x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		w.fail(name, fmt.Errorf("%v cannot be stored: unknown numbers must be nil", x))
		return
	}
	if n := int64(x); float64(n) == x && n > -1e6 && n < 1e6 && (n != 0 || !math.Signbit(x)) {
		w.buf = strconv.AppendInt(w.buf, n, 10) // as below, and faster
		return
	}
	w.buf = strconv.AppendFloat(w.buf, x, 'g', -1, 64)
}

// time leaves out the zero time.
func (w *writer) time(name string, t time.Time) {
	if !t.IsZero() {
		w.instant(name, t)
	}
}

// instant writes any time of the years 0 to 9999, in UTC.
func (w *writer) instant(name string, t time.Time) {
	w.key(name)
	w.timeText(name, t)
}

// timeText appends a time; name is for errors.
func (w *writer) timeText(name string, t time.Time) {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		w.fail(name, fmt.Errorf("the year %d cannot be stored", year))
		return
	}
	w.buf = append(w.buf, '"')
	w.buf = t.AppendFormat(w.buf, time.RFC3339Nano)
	w.buf = append(w.buf, '"')
}

func (w *writer) duration(name string, d time.Duration) {
	if d != 0 {
		w.key(name)
		w.buf = appendSeconds(w.buf, d)
	}
}

func (w *writer) fail(field string, err error) {
	if w.err == nil {
		w.err = fmt.Errorf("field %q: %w", field, err)
	}
}

// appendSeconds writes a duration as a decimal number of seconds, exactly.
func appendSeconds(dst []byte, d time.Duration) []byte {
	nanos := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		nanos = -nanos
	}
	dst = strconv.AppendUint(dst, nanos/1e9, 10)
	rest := nanos % 1e9
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := uint64(1e8); rest > 0; unit /= 10 {
		dst = append(dst, '0'+byte(rest/unit))
		rest %= unit
	}
	return dst
}

// parseSeconds reads what appendSeconds wrote.
func parseSeconds(text []byte) (time.Duration, error) {
	const nanosPerSecond = uint64(time.Second)
	whole, fraction, found := strings.Cut(string(text), ".")
	digits, negative := strings.CutPrefix(whole, "-")
	seconds, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || seconds > math.MaxInt64/nanosPerSecond || found && fraction == "" || len(fraction) > 9 {
		return 0, fmt.Errorf("%.40q is no duration in seconds", text)
	}
	nanos := seconds * nanosPerSecond
	if found {
		rest, err := strconv.ParseUint(fraction+"000000000"[len(fraction):], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%.40q is no duration in seconds", text)
		}
		nanos += rest
	}
	switch {
	case negative && nanos <= -math.MinInt64:
		return -time.Duration(nanos), nil
	case !negative && nanos <= math.MaxInt64:
		return time.Duration(nanos), nil
	}
	return 0, errors.New("the duration is too long")
}
