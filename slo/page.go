package slo

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
)

// Shards is into how many parts what is stored is cut, by service. It is part
// of the stored form: another number is another schema.
const Shards = 64

// ShardOf returns the shard of a service, "namespace/name": 0 to Shards-1.
func ShardOf(service string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(service)) // a hash takes everything
	return int(h.Sum32() % Shards)
}

// PageKey names a page of the ledger.
type PageKey struct {
	Shard int    // 0 to Shards-1
	Name  string // unique within its shard: letters, digits, "/", "-", "." and "_"
}

// Page is a part of the ledger in its stored form, of all services of a shard.
// It is immutable.
type Page struct {
	PageKey
	// Version is a hash of Data; "" where the page is no more, and Data is nil.
	Version string
	Data    []byte
}

// NewPage returns the page with this content, which it takes over; nil says
// that the page is no more.
func NewPage(key PageKey, data []byte) Page {
	if data == nil {
		return Page{PageKey: key}
	}
	sum := sha256.Sum256(data)
	return Page{PageKey: key, Version: hex.EncodeToString(sum[:16]), Data: data}
}
