// Package scorecard grades: facts and the previous state in, a scorecard and
// the next state out. It also holds what a grader, a store and its readers
// share: the snapshot, changes, history points and commits.
//
// It is pure: no I/O, no clock, no context. The same facts and state give the
// same scorecard, so that a grade can be tested, replayed and explained.
// Missing data never counts as good or bad: it makes a result unknown, and
// what is unknown is published as coverage and bounds.
package scorecard
