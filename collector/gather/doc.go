// Package gather puts the questions of a plan to sources and makes fact blocks of
// the answers, one for each source and instant. It cuts a query that a source
// cannot answer at once into pieces, and finds out which bounds a histogram has
// where it lacks one. What fails is a fault in its column, never an error: a block
// always comes, and no source harms those of others.
//
// What is asked is in question, how a source is spoken to in promapi. The package
// keeps no facts, and knows no ledger and no store.
package gather
