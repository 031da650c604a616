package listing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strconv"
)

// cursorKey makes a changed cursor recognisable. It protects nothing secret:
// a cursor holds a place in a list that its reader may read anyway. It is
// fixed so that a cursor outlives a restart and is good at every replica; its
// version changes with the format.
const (
	cursorKey      = "apgar cursor v1"
	cursorSumBytes = 8
	maxCursorBytes = 1024
)

// CursorError says why a cursor was refused.
type CursorError struct{ Reason string }

func (e *CursorError) Error() string {
	return "the cursor cannot be used: " + e.Reason + "; start again without it"
}

// token is what a cursor holds: the list it belongs to and the last row given.
type token struct {
	List  string   `json:"l"`
	After position `json:"a"`
}

// cursor returns the cursor of the page after position p.
func (q Query) cursor(p position) string {
	payload, err := json.Marshal(token{List: q.list, After: p})
	if err != nil { // a position holds strings and finite numbers only
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorSum(payload), payload...))
}

// parseCursor returns the position that text stands for, if it was made by a
// list with the same filter and order as q.
func (q Query) parseCursor(text string) (*position, error) {
	if len(text) > maxCursorBytes {
		return nil, &CursorError{Reason: fmt.Sprintf("it is longer than %d characters", maxCursorBytes)}
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	// Decoding skips line ends and spare bits; only what encodes back is ours.
	if err != nil || len(raw) < cursorSumBytes || base64.RawURLEncoding.EncodeToString(raw) != text {
		return nil, &CursorError{Reason: "it is none of ours"}
	}
	sum, payload := raw[:cursorSumBytes], raw[cursorSumBytes:]
	if !hmac.Equal(sum, cursorSum(payload)) {
		return nil, &CursorError{Reason: "it was changed on its way, or is of another version"}
	}
	var t token
	if err := decodeStrict(payload, &t); err != nil {
		return nil, &CursorError{Reason: "it is of another version"}
	}
	if t.List != q.list {
		return nil, &CursorError{Reason: "it belongs to a list with another filter or order"}
	}
	return &t.After, nil
}

func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows")
	}
	return nil
}

func cursorSum(payload []byte) []byte {
	mac := hmac.New(sha256.New, []byte(cursorKey))
	mac.Write(payload)
	return mac.Sum(nil)[:cursorSumBytes]
}

// fingerprint names the list that a query is about: all of it but the page.
func (s Spec) fingerprint(q Query) string {
	h := fnv.New64a()
	part := func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }
	part(s.List)
	part(q.Order.String())
	for _, name := range slices.Sorted(maps.Keys(q.Filter.Fields)) {
		part(name)
		for _, v := range slices.Sorted(slices.Values(q.Filter.Fields[name])) {
			part(v)
		}
	}
	part(q.Filter.Text)
	part(strconv.FormatInt(q.Filter.Since.UnixNano(), 36))
	return strconv.FormatUint(h.Sum64(), 36)
}
