package redisstore

import (
	"context"
	"sync"
)

// cacheHalf is how many objects either half of a cache holds: more than two
// generations of roots, or the blocks of three moments in the past.
const cacheHalf = 256

// cache keeps decoded objects by name; being immutable, none is ever out of
// date. When the newer half is full it becomes the older one, and what was
// there and not asked for since is let go.
type cache[T any] struct {
	mu           sync.Mutex
	newer, older map[string]T
}

func newCache[T any]() *cache[T] { return &cache[T]{newer: map[string]T{}} }

func (c *cache[T]) get(name string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok := c.newer[name]
	if !ok {
		if value, ok = c.older[name]; ok {
			c.enter(name, value)
		}
	}
	return value, ok
}

func (c *cache[T]) put(name string, value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(name, value)
}

// enter puts an object into the newer half. The caller has the lock.
func (c *cache[T]) enter(name string, value T) {
	if len(c.newer) >= cacheHalf {
		c.older, c.newer = c.newer, map[string]T{}
	}
	c.newer[name] = value
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
			c.put(lacking[i].name, into.value)
		}
	}
	return out
}
