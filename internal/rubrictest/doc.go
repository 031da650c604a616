// Package rubrictest runs unit tests of rubrics: a test file gives series in
// Prometheus' test notation and a catalog, and says how services are graded at
// given times, be it that sources fail. The questions are planned by the collector, answered by
// Prometheus' query engine over the series, and graded tick by tick as the
// service does.
//
// It knows nothing of the network or the clock. A test file cannot make it use
// more memory or time than the limits below.
package rubrictest

import "time"

// What a test file may ask for.
const (
	maxFileBytes  = 4 << 20
	maxFileDepth  = 16
	maxTextBytes  = 64 << 10
	maxTests      = 500       // of a file
	maxSeries     = 10_000    // of a test
	maxSamples    = 4_000_000 // of a file; a histogram counts for its size
	maxTicks      = 20_000    // that are graded in a test
	maxTime       = 100 * 24 * time.Hour
	maxSources    = 20
	maxFaults     = 1000       // of a test
	querySamples  = 20_000_000 // in memory at once for one query
	queryTimeout  = 30 * time.Second
	lookbackDelta = 5 * time.Minute
)
