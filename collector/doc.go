// Package collector is the engine: it plans the queries that a set of
// rubrics needs, asks every source at every tick, gathers the answers into
// fact blocks, keeps the ledger, grades, and commits the scorecards.
//
// It has two roles, in one process by default. The Gatherer asks sources and
// makes blocks; it is what costs. The Grader takes the blocks of a tick in
// the order of the plan, never in that of arrival, and has one active holder.
// What is asked of the two is in their types; how a source is spoken to is in
// promapi, what a number means in slo and scorecard. The package knows no
// store, no API and no file: it is given ports.
package collector
