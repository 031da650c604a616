package redisstore

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// checkup looks whether Redis is set up as a store needs it. What it may not
// ask (managed servers forbid some commands) it does not hold against anybody.
// It returns whether keys may be evicted, and logs it unless it was so before.
func (s *Store) checkup(ctx context.Context, before bool) (evicts bool) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	began := s.o.Now()
	if theirs, err := s.client.Time(ctx).Result(); err == nil {
		ours := began.Add(s.o.Now().Sub(began) / 2)
		s.metrics.skew.Set(theirs.Sub(ours).Seconds())
	}
	for _, info := range s.memoryInfo(ctx) {
		evicts = evicts || mayEvict(info)
	}
	if !evicts {
		s.metrics.evicts.Set(0)
		return false
	}
	s.metrics.evicts.Set(1)
	if !before {
		s.o.Logger.Warn("redis may evict what the store needs when its memory is full: set maxmemory-policy to noeviction")
	}
	return true
}

// memoryInfo returns what each server says of its memory.
func (s *Store) memoryInfo(ctx context.Context) []string {
	var (
		mu    sync.Mutex
		infos []string
	)
	ask := func(ctx context.Context, c *redis.Client) error {
		info, err := c.Info(ctx, "memory").Result()
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			infos = append(infos, info)
		}
		return nil
	}
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		_ = c.ForEachMaster(ctx, ask)
	case *redis.Client:
		_ = ask(ctx, c)
	}
	return infos
}

// mayEvict reads a server's memory section: with a limit, any policy that takes
// keys without an expiry, as all of ours are, may take them.
func mayEvict(info string) bool {
	limited, evicting := false, false
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "maxmemory":
			limited = value != "0"
		case "maxmemory_policy":
			evicting = strings.HasPrefix(value, "allkeys-")
		}
	}
	return limited && evicting
}
