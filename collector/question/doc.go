// Package question says what is asked of sources: it makes the plan of a set of
// rubrics and a catalog, the distinct questions in it, and the queries that put
// them to one source, in that source's words. What is only a part of a plan, some
// services or some SLIs, and which instants an answer is about are here as well.
//
// A plan is immutable and safe for concurrent use, as are queries and pieces.
// Nothing here asks a source or knows the time. Places are indexes into the lists
// of a plan, from 0; times are in Unix seconds where they are numbers.
package question
