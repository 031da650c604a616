// Package agenda remembers what of the past was asked, so that each slot is asked
// about once and what failed is asked again: the stretches that are done, for all
// services and for those that came late; the holes that some source left; and
// what it still owes. It makes a page of that, which is kept beside the ledger.
//
// It asks nothing itself and holds no answers. Times are in Unix seconds, and a
// slot goes by its end.
package agenda
