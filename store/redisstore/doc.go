// Package redisstore keeps scorecards, grading state, history, changes, the
// pages of the ledger and the grading lease in Redis: one server, Sentinel or
// Cluster. One process commits at a time, any number follow.
//
// A commit begins, is staged, and is flipped. A script checks the lease, notes
// the commit's name there and returns the manifest to build upon. Everything
// large is an immutable object under a name that holds the hash of its content;
// objects are written next, and nobody sees them. Then one script checks lease
// and name again, sets the manifest, which names the objects of the generation,
// and appends its changes. What no manifest names does not exist, so a commit
// that dies half way leaves nothing but garbage, which the next one sweeps.
//
// What Redis has lost, with a server or by damage, is found out by the next
// commit: derived objects are written with every commit anyway, and for the
// pages of the ledger, of which only changes are committed, the grader is asked
// once to hand over all (scorecard.ErrForgotten). A generation that was lost
// after it was told of begins a new incarnation.
//
//	{apgar}:lease     who may commit, under which epoch, and the commit begun last
//	{apgar}:manifest  a hash of schema, commit, committed_at, hash and body, which is
//	                  sealed JSON: generation, tick, and the names of all objects
//	{apgar}:events    the newest changes, a batch an entry
//	{apgar.head}:objects          catalog, rubrics, sources
//	{apgar.00}:objects … .63      of each shard: scorecards, states, history, ledger
//
// Readers are served from memory: Run follows the manifest, fetches what has
// changed, and publishes whole generations. Only history, states and pages are
// read from Redis when they are asked for. docs/redis.md has every key.
package redisstore
