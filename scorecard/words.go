package scorecard

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// share says how many of the events were bad. It is told apart from bounds
// that read alike.
func (j *judgement) share(c slo.Counts, bounds ...*float64) string {
	what := " failed"
	if h := j.check.Histogram; h != nil {
		what = " exceeded " + threshold(h)
	}
	return quantity(plainShare(c), "ratio", bounds...) + " of " + j.counted(c.Total) + what
}

// counted writes a number of events with their noun.
func (j *judgement) counted(n float64) string {
	text, noun := count(n), j.events()
	if text == "1" {
		noun = singular(noun)
	}
	return text + " " + noun
}

func singular(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(noun, "s")
}

// threshold writes the bound of a histogram in the unit that its name ends in.
func threshold(h *rubric.Histogram) string {
	switch {
	case strings.HasSuffix(h.Metric, "_seconds"):
		return seconds(h.Threshold)
	case strings.HasSuffix(h.Metric, "_milliseconds"), strings.HasSuffix(h.Metric, "_ms"):
		return seconds(h.Threshold / 1e3)
	case strings.HasSuffix(h.Metric, "_bytes"):
		return number(h.Threshold) + " bytes"
	}
	return number(h.Threshold)
}

// seconds writes a time as Prometheus does, or in plain seconds where that has
// no digit for it.
func seconds(s float64) string {
	ms := math.Round(s * 1e3)
	if ms >= 1 && ms < 1e12 && slo.AtLeast(s*1e3, ms) && slo.AtMost(s*1e3, ms) {
		return FormatDuration(time.Duration(ms) * time.Millisecond)
	}
	return number(s) + "s"
}

// events names what is counted, by the metric's own last noun.
func (j *judgement) events() string {
	metric := ""
	switch {
	case j.check.Events != nil:
		metric = strings.TrimSuffix(j.check.Events.Total.Metric, "_total")
	case j.check.Histogram != nil:
		metric = j.check.Histogram.Metric
		for _, suffix := range []string{"_bytes", "_seconds", "_milliseconds", "_ms", "_duration", "_latency"} {
			metric = strings.TrimSuffix(metric, suffix)
		}
	}
	switch noun := metric[strings.LastIndexByte(metric, '_')+1:]; noun {
	case "request", "call", "job", "message", "command", "operation", "transaction":
		return noun + "s"
	case "query":
		return "queries"
	case "errors", "failures", "bytes", "seconds":
		return "events"
	default:
		if plural(noun) {
			return noun
		}
		return "events"
	}
}

// plural reports that a word is likely the plural of a noun.
func plural(word string) bool {
	stem, ok := strings.CutSuffix(word, "s")
	return ok && len(stem) > 2 && !strings.ContainsAny(stem[len(stem)-1:], "aisu")
}

// FormatDuration writes a duration in Prometheus' notation down to
// milliseconds, in days where it can: 30d, 16h50m, 5m. Weeks and years are not
// used, so that a period reads as its author wrote it.
func FormatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-max(d, -math.MaxInt64))
	}
	text := ""
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / u.size; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + u.name
			d -= n * u.size
		}
	}
	return cmp.Or(text, "0s")
}

// percent writes a ratio with two significant digits, and as many nines as
// it takes near 100 %, so that only all is 100 % and only nothing is 0 %.
func percent(ratio float64) string {
	const mostDecimals = 12
	p := 100 * ratio
	switch {
	case math.Abs(p) >= 1000:
		return count(p) + " %"
	case slo.AtLeast(p, 100) && slo.AtMost(p, 100):
		return "100 %"
	}
	decimals := 0
	switch gap := math.Min(math.Abs(p), math.Abs(100-p)); {
	case gap == 0 || gap >= 10:
	case gap >= 1:
		decimals = 1
	default:
		decimals = min(mostDecimals, 1-int(math.Floor(math.Log10(gap))))
	}
	text := strconv.FormatFloat(p, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if p != 0 && (text == "0" || text == "-0") || p != 100 && text == "100" {
		return "almost " + strings.TrimPrefix(text, "-") + " %"
	}
	return text + " %"
}

// number writes three significant digits, and whole numbers above 100.
func number(x float64) string {
	if math.Abs(x) >= 100 {
		return count(x)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// count writes a number of events, in groups of three digits: whole, or with
// two digits where it is small and is not.
func count(x float64) string {
	const mostGrouped = 1e15
	size := math.Abs(x)
	switch {
	case size >= mostGrouped || math.IsNaN(x):
		return strconv.FormatFloat(x, 'g', 3, 64)
	case size < 10 && math.Abs(x-math.Round(x)) > 0.05:
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	digits := strconv.FormatFloat(math.Round(size), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if x <= -0.5 {
		digits = "-" + digits
	}
	return digits
}

// quantity writes a gauge with its unit. Where it would read like one of the
// bounds but is another number, it gets more digits.
func quantity(x float64, unit string, bounds ...*float64) string {
	text := plainQuantity(x, unit)
	for _, bound := range bounds {
		if bound == nil || plainQuantity(*bound, unit) != text || slo.AtLeast(x, *bound) && slo.AtMost(x, *bound) {
			continue
		}
		if unit == "ratio" {
			return strconv.FormatFloat(100*x, 'g', 10, 64) + " %"
		}
		return strings.TrimSpace(strconv.FormatFloat(x, 'g', -1, 64) + " " + unit)
	}
	return text
}

func plainQuantity(x float64, unit string) string {
	switch unit {
	case "ratio":
		return percent(x)
	case "":
		return number(x)
	}
	return number(x) + " " + unit
}
