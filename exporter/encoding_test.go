package exporter

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGzipIsSentToThoseWhoTakeIt(t *testing.T) {
	for _, tc := range []struct {
		name    string
		headers []string
		want    bool
	}{
		{"no header", nil, false},
		{"an empty header", []string{""}, false},
		{"gzip", []string{"gzip"}, true},
		{"gzip among others", []string{"br, GZIP;q=0.5, deflate"}, true},
		{"gzip in a second header", []string{"br", "gzip"}, true},
		{"its old name", []string{"x-gzip"}, true},
		{"gzip refused", []string{"gzip;q=0"}, false},
		{"gzip refused with many digits", []string{"gzip; q=0.000, br"}, false},
		{"anything", []string{"*"}, true},
		{"anything but gzip", []string{"*, gzip;q=0"}, false},
		{"nothing else", []string{"identity, *;q=0"}, false},
		{"something like gzip", []string{"gzipped"}, false},
		{"a weight that is none", []string{"gzip;q=high"}, false},
		{"a weight out of range", []string{"gzip;q=2"}, false},
		{"a weight that is not a number", []string{"gzip;q=NaN"}, false},
		{"another parameter", []string{"gzip;level=9"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, acceptsGzip(tc.headers))
		})
	}
}

func FuzzAcceptsGzip(f *testing.F) {
	for _, header := range []string{"", "gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0", ";;==,,", "*;q=NaN"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if acceptsGzip([]string{header}) {
			named := strings.Contains(strings.ToLower(header), "gzip") || strings.Contains(header, "*")
			require.True(t, named, "nobody gets what it has not named")
			require.False(t, acceptsGzip([]string{"gzip;q=0"}))
		}
		for item := range strings.SplitSeq(header, ",") {
			_, weight := parseCoding(item)
			require.True(t, weight >= 0 && weight <= 1, "%v", weight)
		}
	})
}
