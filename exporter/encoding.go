package exporter

import (
	"strconv"
	"strings"
)

// acceptsGzip reports whether the values of the Accept-Encoding header allow
// gzip (RFC 9110, section 12.5.3): it is named, or covered by "*", with a
// weight above 0. No header is none.
func acceptsGzip(headers []string) bool {
	named, other := -1.0, -1.0
	for _, header := range headers {
		for item := range strings.SplitSeq(header, ",") {
			coding, weight := parseCoding(item)
			switch {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				named = max(named, weight)
			case coding == "*":
				other = max(other, weight)
			}
		}
	}
	if named >= 0 {
		return named > 0
	}
	return other > 0
}

// parseCoding splits "gzip;q=0.5" into the coding and its weight, 0 to 1. A
// weight that is none counts as 0: the plain page is never wrong.
func parseCoding(item string) (coding string, weight float64) {
	coding, params, _ := strings.Cut(item, ";")
	weight = 1
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			q = 0
		}
		weight = q
	}
	return strings.TrimSpace(coding), weight
}
