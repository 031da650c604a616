package redisstore

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The scripts say in their own words what their KEYS and ARGV are.
var (
	//go:embed lua/lease.lua
	leaseSource string
	//go:embed lua/begin.lua
	beginSource string
	//go:embed lua/commit.lua
	commitSource string
)

// scripts are the compiled scripts. Each is sent by its hash, and whole when
// the server does not know it.
type scripts struct{ lease, begin, commit *redis.Script }

func newScripts() scripts {
	return scripts{
		lease: redis.NewScript(leaseSource), begin: redis.NewScript(beginSource), commit: redis.NewScript(commitSource),
	}
}

// verdict is the answer of a script: a word, and what goes with it.
type verdict []string

// run runs a script and returns its answer, which has at least a word.
func run(ctx context.Context, c redis.Scripter, s *redis.Script, keys []string, args ...any) (verdict, error) {
	answer, err := s.Run(ctx, c, keys, args...).StringSlice()
	if err != nil {
		return nil, err
	}
	if len(answer) == 0 {
		return nil, fmt.Errorf("the script %s answered nothing: is this Redis 6.2 or later?", s.Hash())
	}
	return answer, nil
}

func (v verdict) word() string { return v[0] }

// text returns the n-th word after the first, or "".
func (v verdict) text(n int) string {
	if n < len(v) {
		return v[n]
	}
	return ""
}

// number returns the n-th word after the first as a number, or 0.
func (v verdict) number(n int) uint64 {
	x, err := strconv.ParseUint(v.text(n), 10, 64)
	if err != nil {
		return 0
	}
	return x
}
