// Package store is the home of the places where scorecards are kept. It has no
// code of its own: memstore keeps everything in the memory of one process, and
// storetest is the suite that every store has to pass, so that graders and
// readers need not know which one they have.
//
// All stores keep the same promises. A lease makes one grader the only one
// whose commits are taken; fencing compares epoch and owner and never a clock.
// A commit is taken whole or not at all, and is one generation: a snapshot, the
// changes that led to it, one point of history per scorecard, and the grading
// state. Readers are served the newest snapshot without waiting for anything.
//
// A store knows nothing of how a score comes about, and nothing of catalogs,
// rubrics or Prometheus beyond the types of package scorecard.
package store
