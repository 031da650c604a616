// Package wire is the JSON of the API: the bytes of scorecards, services,
// rubrics, sources and history points, in a fixed order of fields. It is pure
// and deterministic: the same value gives the same bytes, so that the command
// line prints what the API serves. It knows nothing of HTTP, of paging or of
// how a snapshot came about.
package wire
