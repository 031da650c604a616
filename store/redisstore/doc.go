// Package redisstore keeps scorecards, grading state, history, changes, the
// pages of the ledger and the grading lease in Redis: one server, Sentinel or
// Cluster. One process commits at a time, any number follow.
//
// A commit is staged, then flipped. Everything large is an immutable object
// under a name that holds the hash of its content; objects are written first,
// and nobody sees them. Then one script checks the lease and the tick, sets
// the manifest, which names the objects of the generation, and appends its
// changes. What no manifest names does not exist, so a commit that dies half
// way leaves nothing but garbage, which the next one sweeps.
//
//	{apgar}:lease     who may commit, and under which epoch
//	{apgar}:manifest  generation, tick, and the names of all objects
//	{apgar}:events    the newest changes, a batch an entry
//	{apgar.head}:objects          catalog, rubrics, sources
//	{apgar.00}:objects … .63      of each shard: scorecards, states, history, ledger
//
// Readers are served from memory: Run follows the manifest, fetches what has
// changed, and publishes whole generations. Only history, states and pages are
// read from Redis when they are asked for. docs/redis.md has every key.
package redisstore
