// Package collector is the engine: it asks every source at every tick, has the
// answers gathered into fact blocks, keeps the ledger, grades, and commits the
// scorecards.
//
// It has two roles, in one process by default. The Gatherer asks sources and
// makes blocks; it is what costs. The Grader takes the blocks of a tick in the
// order of the sources, never in that of arrival, and has one active holder.
//
// Its rooms, each of which knows only those that it is made of here:
//
//	question  what is asked: plan, queries, the part of a plan    (imports none)
//	gather    asking, and making fact blocks of answers           (question, promapi)
//	agenda    what was asked of the past, and what is yet to be   (question)
//	grader    ledger and judgement                                (question)
//	promapi   how a source is spoken to                           (imports none)
//
// What remains is the engine itself: the schedule of ticks and of the past, the
// lease, standing by and taking over, the commit, the hand-over to the next
// configuration, and evaluating one tick from nothing. What a number means is in
// slo and scorecard. The package knows no store, no API and no file: it is given
// ports.
package collector
