package listing

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The bounds of what a client may ask.
const (
	DefaultLimit  = 100
	MaxLimit      = 500
	maxValues     = 50  // of one parameter
	maxValueRunes = 128 // of one value
)

// Query is what a client asks of a list.
type Query struct {
	// Filter may be narrowed after parsing: cursors stay good.
	Filter Filter
	Order  Order
	Limit  int    // 1 to MaxLimit
	list   string // what cursors are good for
	after  *position
}

// Spec is what may be asked of a list.
type Spec struct {
	List   string   // names the list that cursors are good for
	Fields []string // the fields to filter by
	Orders []Order  // those that sort may ask for; none: sort may not be given
	Search bool     // q may be given
	Since  bool     // changed_since may be given
	Whole  bool     // the list is given whole: neither limit nor cursor
}

// Params returns the names of the parameters that may be given.
func (s Spec) Params() []string {
	params := append([]string(nil), s.Fields...)
	for _, p := range []struct {
		name string
		has  bool
	}{{"q", s.Search}, {"changed_since", s.Since}, {"sort", len(s.Orders) > 0}, {"limit", !s.Whole}, {"cursor", !s.Whole}} {
		if p.has {
			params = append(params, p.name)
		}
	}
	return params
}

// ParamError is a parameter that cannot be served. Reason says what is
// allowed.
type ParamError struct {
	Param  string
	Reason string
}

func (e *ParamError) Error() string { return fmt.Sprintf("parameter %q: %s", e.Param, e.Reason) }

// Parse reads a query string. Its error is a *ParamError or a *CursorError.
func (s Spec) Parse(values url.Values) (Query, error) {
	q := Query{Limit: DefaultLimit, Filter: Filter{Fields: map[string][]string{}}}
	if err := KnownParams(values, s.Params()); err != nil {
		return q, err
	}
	for _, name := range s.Fields {
		list, err := parseField(name, values[name])
		if err != nil {
			return q, err
		}
		if len(list) > 0 {
			q.Filter.Fields[name] = list
		}
	}
	if err := q.parseSearch(values); err != nil {
		return q, err
	}
	if err := q.parsePage(values, s.Orders); err != nil {
		return q, err
	}
	q.list = s.fingerprint(q)
	if text := values.Get("cursor"); text != "" {
		after, err := q.parseCursor(text)
		if err != nil {
			return q, err
		}
		q.after = after
	}
	return q, nil
}

// KnownParams refuses a parameter that is not among the allowed ones.
func KnownParams(values url.Values, allowed []string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(allowed, name) {
			continue
		}
		if len(allowed) == 0 {
			return &ParamError{Param: clip(name), Reason: "there is no such parameter here; none is allowed"}
		}
		return &ParamError{Param: clip(name), Reason: "there is no such parameter here; allowed are " + strings.Join(allowed, ", ")}
	}
	return nil
}

func (q *Query) parseSearch(values url.Values) error {
	text, err := parseText("q", values.Get("q"))
	if err != nil {
		return err
	}
	q.Filter.Text = strings.ToLower(text)
	if text := values.Get("changed_since"); text != "" {
		at, err := ParseTime("changed_since", text)
		if err != nil {
			return err
		}
		q.Filter.Since = at
	}
	return nil
}

func (q *Query) parsePage(values url.Values, orders []Order) error {
	if text := values.Get("sort"); text != "" {
		order, ok := parseOrder(text, orders)
		if !ok {
			return &ParamError{Param: "sort", Reason: fmt.Sprintf("%q is no order; allowed are %s", clip(text), strings.Join(orderNames(orders), ", "))}
		}
		q.Order = order
	}
	if text := values.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > MaxLimit {
			return &ParamError{Param: "limit", Reason: fmt.Sprintf("%q is no limit; allowed is a whole number from 1 to %d", clip(text), MaxLimit)}
		}
		q.Limit = limit
	}
	return nil
}

// ParseTime reads an instant: RFC 3339 or seconds since 1970, between the
// years 1970 and 9999. Its error is a *ParamError.
func ParseTime(param, text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil && at.Unix() >= 0 {
		return at.UTC(), nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 && seconds < 253_402_300_800 {
		return time.Unix(seconds, 0).UTC(), nil
	}
	return time.Time{}, &ParamError{
		Param:  param,
		Reason: fmt.Sprintf("%q is no time; allowed are RFC 3339, like 2026-11-23T12:00:00Z, and seconds since 1970", clip(text)),
	}
}

// parseText refuses what no name or search can be.
func parseText(param, text string) (string, error) {
	if n := len([]rune(text)); n > maxValueRunes {
		return "", &ParamError{Param: param, Reason: fmt.Sprintf("it has %d characters; allowed are up to %d", n, maxValueRunes)}
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return "", &ParamError{Param: param, Reason: "it holds a control character or is no UTF-8; allowed is printable text"}
		}
	}
	return text, nil
}

// clip shortens what a client sent, for a message.
func clip(s string) string {
	if runes := []rune(s); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return s
}
