package promserver

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// earliest and latest are the bounds that Prometheus itself uses for "all of time"; clients send them as text.
func earliest() time.Time { return time.Unix(math.MinInt64/1000+62135596801, 0).UTC() }

func latest() time.Time { return time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC() }

func invalidParam(name string, err error) error {
	return fmt.Errorf("invalid parameter %q: %w", name, err)
}

// timeParam reads a time of the form: seconds since 1970 or RFC 3339.
func timeParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}, invalidParam(name, err)
	}
	return t, nil
}

func parseTime(text string) (time.Time, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(f) || f < float64(earliest().Unix()) || f > float64(latest().Unix()) {
			return time.Time{}, fmt.Errorf("%q is out of the range of times", text)
		}
		whole, part := math.Modf(f)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	switch text {
	case earliest().Format(time.RFC3339Nano):
		return earliest(), nil
	case latest().Format(time.RFC3339Nano):
		return latest(), nil
	default:
		return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", text)
	}
}

func durationParam(r *http.Request, name string, otherwise time.Duration) (time.Duration, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	d, err := parseDuration(text)
	if err != nil {
		return 0, invalidParam(name, err)
	}
	return d, nil
}

// parseDuration reads seconds, or a duration as Prometheus writes it.
func parseDuration(text string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		ns := f * float64(time.Second)
		if math.IsNaN(ns) || math.Abs(ns) >= math.MaxInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", text)
		}
		return time.Duration(ns), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("cannot parse %q to a valid duration", text)
	}
	return time.Duration(d), nil
}

// countParam reads a number that is zero or more; zero, the default, means no limit.
func countParam(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, invalidParam(name, fmt.Errorf("%q is not a number", text))
	}
	if n < 0 {
		return 0, invalidParam(name, errors.New("limit must be non-negative"))
	}
	return n, nil
}

func rangeParams(r *http.Request) (span, error) {
	start, err := parseTime(r.FormValue("start"))
	if err != nil {
		return span{}, invalidParam("start", err)
	}
	end, err := parseTime(r.FormValue("end"))
	if err != nil {
		return span{}, invalidParam("end", err)
	}
	if end.Before(start) {
		return span{}, invalidParam("end", errors.New("end timestamp must not be before start time"))
	}
	step, err := parseDuration(r.FormValue("step"))
	if err != nil {
		return span{}, invalidParam("step", err)
	}
	if step <= 0 {
		return span{}, invalidParam("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if end.Sub(start)/step > maxPoints {
		return span{}, errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
	}
	return span{start: start, end: end, step: step}, nil
}
