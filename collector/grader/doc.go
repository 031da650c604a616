// Package grader enters fact blocks into the ledger and judges services by it: the
// second of the collector's two roles. It takes the blocks of a tick in the order
// of the sources, never in that of arrival, and merges what the identities, the
// cells and the sources say of a service.
//
// What a number means is in slo and scorecard. The package asks no source, knows
// no store and reads no clock.
package grader
