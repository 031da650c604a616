// Package api serves what Apgar knows over HTTP: the JSON API described by
// openapi.yaml, and the pages that a person sees first.
//
// Every answer but history comes from one immutable snapshot in memory, so no
// request waits for Prometheus or a store; when the snapshot is old, the
// answer says so. The package knows the vocabulary (catalog, rubric,
// scorecard) and Gin. It may not know where snapshots come from, how they are
// stored, or how the process is configured; the listener belongs to its owner.
package api
