// Package scorecard grades: facts and the previous state in, a scorecard and
// the next state out. It also holds what a grader, a store and its readers
// share: the snapshot, changes, history points and commits.
//
// It is pure: no I/O, no clock, no context. The same facts and state give the
// same scorecard, so that a grade can be tested, replayed and explained.
// Missing data never counts as good or bad. A result that cannot be had anew is
// carried for a while; then it is unknown, which is published as coverage and
// bounds, and counts as it was last seen: losing data moves no score.
package scorecard
