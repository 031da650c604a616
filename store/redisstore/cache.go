package redisstore

import (
	"context"
	"sync"
)

// cacheHalf is how many bytes of payload either half of a cache holds: at 5,000
// services, the history of the moments that scores are compared with, an hour,
// a day and a week ago. Decoded it takes about twice as much memory.
const cacheHalf = 16 << 20

// cache keeps decoded objects by name; being immutable, none is ever out of
// date. When the newer half is full it becomes the older one, and what was
// there and not asked for since is let go.
type cache[T any] struct {
	mu           sync.Mutex
	newer, older map[string]weighed[T]
	weight       int // of the newer half
}

// weighed is an object and the length of its payload.
type weighed[T any] struct {
	value  T
	weight int
}

func newCache[T any]() *cache[T] { return &cache[T]{newer: map[string]weighed[T]{}} }

func (c *cache[T]) get(name string) (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.newer[name]
	if !ok {
		if found, ok = c.older[name]; ok {
			c.enter(name, found)
		}
	}
	return found.value, ok
}

func (c *cache[T]) put(name string, value T, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(name, weighed[T]{value, weight})
}

// enter puts an object into the newer half. The caller has the lock.
func (c *cache[T]) enter(name string, object weighed[T]) {
	if c.weight += object.weight; c.weight > cacheHalf {
		c.older, c.newer, c.weight = c.newer, map[string]weighed[T]{}, object.weight
	}
	c.newer[name] = object
}

// decoded is what came of an object that was wanted.
type decoded[T any] struct {
	value T
	err   error // as of fetched
}

// decodeEach reads and decodes objects, each of which may fail for itself. What
// is in the cache is not read.
func decodeEach[T any](ctx context.Context, s *Store, c *cache[T], wants []want, decode func([]byte) (T, error)) []decoded[T] {
	out := make([]decoded[T], len(wants))
	var (
		lacking []want
		places  []int
	)
	for i, w := range wants {
		value, ok := c.get(w.name)
		if !ok {
			lacking, places = append(lacking, w), append(places, i)
		}
		out[i].value = value
	}
	for i, f := range s.fetchEach(ctx, lacking) {
		into := &out[places[i]]
		if into.err = f.err; f.err != nil {
			continue
		}
		if into.value, into.err = decode(f.payload); into.err == nil {
			c.put(lacking[i].name, into.value, len(f.payload))
		}
	}
	return out
}
