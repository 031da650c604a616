// Package codec is the stored form of what Apgar keeps in Redis: pure functions
// from values to bytes and back. It knows no Redis, no keys and no clock; package
// redisstore says where the bytes go.
//
// Every value is encoded into a payload by the functions of this package, and
// every payload is sealed into an Object by a Codec. Payloads are JSON, so that
// they can be read by people, except for histories, which are columns of
// numbers:
//
//	redis-cli --raw -D '' HGET … | tail -c +3 | zstd -d
//
// (objects of less than 1 KiB are plain: leave zstd out.)
//
// The same values give the same bytes, and so the same hash. A field that a
// later version of Apgar adds to a payload is passed over by an earlier one;
// what an earlier one would misread needs a new schema version, which it
// refuses to read (FutureError). Floats, times and durations come back exactly,
// times in UTC. Text that is no UTF-8 comes back with U+FFFD in its place. Empty
// lists come back as nil.
package codec
