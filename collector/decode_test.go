package collector

import "github.com/apgarhq/apgar/collector/promapi"

// series is a series with one value.
func series(names map[string]string, value float64) *promapi.Series {
	return promapi.NewSeries(names, []promapi.Point{{V: value}}, nil)
}
