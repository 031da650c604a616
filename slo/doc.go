// Package slo is the arithmetic of service levels: counts of bad and total
// events, the ledger that keeps them per slot, windows over them, error
// budgets and burn rates, and the fact blocks that carry a source's answers
// to the ledger.
//
// It is pure: no I/O, no clock, no context, and it knows neither services nor
// rubrics beyond their names. Its rules are those of the grading
// specification: a gap is never zero, counts are kept and never ratios, and
// every window says what it covers.
package slo
