package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// How much goes over one connection at once.
const (
	pipelineBytes    = 1 << 20
	pipelineCommands = 500
	fetchAtOnce      = 16 // objects of one pipeline: what they weigh is not known before
	lanes            = 3  // pipelines at a time
)

// want is an object that is wanted: where it lies, and its name.
type want struct {
	shard int
	name  string
}

// missingError says that an object is not there, although a manifest names it.
type missingError struct{ want }

func (e *missingError) Error() string {
	return fmt.Sprintf("the object %s of shard %d is not there", e.name, e.shard)
}

// fetched is what came of a want.
type fetched struct {
	payload []byte
	err     error // a *missingError, codec.ErrCorrupt, or of Redis
}

// fetch reads objects, and returns their payloads in the order asked for. The
// first that is missing (a *missingError) or damaged is the error.
func (s *Store) fetch(ctx context.Context, wants []want) ([][]byte, error) {
	payloads := make([][]byte, len(wants))
	for i, f := range s.fetchEach(ctx, wants) {
		if f.err != nil {
			return nil, f.err
		}
		payloads[i] = f.payload
	}
	return payloads, nil
}

// fetchEach reads objects, each of which may fail for itself.
func (s *Store) fetchEach(ctx context.Context, wants []want) []fetched {
	out := make([]fetched, len(wants))
	var group errgroup.Group
	group.SetLimit(lanes)
	done := 0
	for part := range slices.Chunk(wants, fetchAtOnce) {
		into := out[done : done+len(part)]
		done += len(part)
		group.Go(func() error { s.fetchPart(ctx, part, into); return nil })
	}
	_ = group.Wait() // errors are those of the objects
	return out
}

func (s *Store) fetchPart(ctx context.Context, wants []want, into []fetched) {
	pipe := s.client.Pipeline()
	commands := make([]*redis.StringCmd, len(wants))
	for i, w := range wants {
		commands[i] = pipe.HGet(ctx, s.keys.objects(w.shard), w.name)
	}
	_, _ = pipe.Exec(ctx) // gives the first error only; each command has its own
	for i, c := range commands {
		into[i] = s.received(wants[i], c)
	}
	if !slices.ContainsFunc(into, func(f fetched) bool { return f.err != nil && !isLoss(f.err) }) {
		s.heard()
	}
}

func (s *Store) received(w want, c *redis.StringCmd) fetched {
	data, err := c.Bytes()
	if errors.Is(err, redis.Nil) || isWrongType(err) {
		return fetched{err: &missingError{w}}
	}
	var payload []byte
	if err == nil {
		payload, err = s.open(w.name, data)
	}
	if err != nil {
		return fetched{err: fmt.Errorf("read the object %s of shard %d: %w", w.name, w.shard, err)}
	}
	return fetched{payload: payload}
}

// open checks an object and returns its payload. A page of the ledger is named
// by its version, which its reader checks.
func (s *Store) open(name string, data []byte) ([]byte, error) {
	hash := hashIn(name)
	if kindIn(name) == kindPage {
		hash = ""
	}
	payload, err := s.codec.Open(hash, data)
	if future, ok := errors.AsType[*codec.FutureError](err); ok {
		// The manifest that leads to it is of this version, and so was it.
		err = fmt.Errorf("its schema is %d: %w", future.Version, codec.ErrCorrupt)
	}
	if err != nil {
		s.metrics.corrupt.WithLabelValues(string(kindIn(name))).Inc()
	}
	return payload, err
}

// object is something to be written.
type object struct {
	want
	data []byte
}

// batches cuts objects into pipelines.
func batches(objects []object) [][]object {
	var out [][]object
	start, size := 0, 0
	for i := range objects {
		if i > start && (size+len(objects[i].data) > pipelineBytes || i-start >= pipelineCommands) {
			out = append(out, objects[start:i])
			start, size = i, 0
		}
		size += len(objects[i].data)
	}
	if start < len(objects) {
		out = append(out, objects[start:])
	}
	return out
}

// write stores objects. It stops at the first that Redis does not take.
func (s *Store) write(ctx context.Context, objects []object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lanes)
	for _, batch := range batches(objects) {
		group.Go(func() error {
			pipe := s.client.Pipeline()
			commands := make([]*redis.IntCmd, len(batch))
			for i, o := range batch {
				commands[i] = pipe.HSet(ctx, s.keys.objects(o.shard), o.name, o.data)
			}
			_, _ = pipe.Exec(ctx)
			for i, c := range commands {
				if err := c.Err(); err != nil {
					return fmt.Errorf("write the object %s of shard %d: %w", batch[i].name, batch[i].shard, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// shards are all shards of services, and the head.
func shards() []int {
	all := []int{headShard}
	for i := range shardCount {
		all = append(all, i)
	}
	return all
}

// census counts the objects of every shard, and lists the names where their
// number is not the one that known has; a nil known lists all. What is no hash
// is deleted: it is under a name of ours, and in the way.
func (s *Store) census(ctx context.Context, known map[int]names) (map[int]names, error) {
	counts, err := eachShard(ctx, s, func(p redis.Pipeliner, key string) *redis.IntCmd { return p.HLen(ctx, key) })
	if err != nil {
		return nil, fmt.Errorf("count the objects: %w", err)
	}
	var changed []int
	for shard, n := range counts {
		if known == nil || int(n) != len(known[shard]) {
			changed = append(changed, shard)
		}
	}
	found := make(map[int]names, len(counts))
	for shard := range counts {
		found[shard] = known[shard]
	}
	pipe := s.client.Pipeline()
	lists := map[int]*redis.StringSliceCmd{}
	for _, shard := range changed {
		lists[shard] = pipe.HKeys(ctx, s.keys.objects(shard))
	}
	_, _ = pipe.Exec(ctx) // gives the first error only; each command has its own
	for shard, c := range lists {
		list, err := c.Result()
		if err != nil {
			return nil, fmt.Errorf("list the objects of shard %d: %w", shard, err)
		}
		found[shard] = namesOf(list)
	}
	return found, nil
}

// eachShard asks one counting command of the objects of every shard. A key of
// another type is deleted, and counts as empty.
func eachShard(ctx context.Context, s *Store, ask func(redis.Pipeliner, string) *redis.IntCmd) (map[int]int64, error) {
	pipe := s.client.Pipeline()
	commands := map[int]*redis.IntCmd{}
	for _, shard := range shards() {
		commands[shard] = ask(pipe, s.keys.objects(shard))
	}
	_, _ = pipe.Exec(ctx)
	counts := map[int]int64{}
	for shard, c := range commands {
		n, err := c.Result()
		if isWrongType(err) {
			s.metrics.corrupt.WithLabelValues("key").Inc()
			n, err = 0, s.client.Del(ctx, s.keys.objects(shard)).Err()
		}
		if err != nil {
			return nil, err
		}
		counts[shard] = n
	}
	return counts, nil
}

// sweep deletes objects that no generation names any more. What it cannot
// delete it will try again.
func (s *Store) sweep(ctx context.Context, garbage map[int][]string) error {
	pipe := s.client.Pipeline()
	n := 0
	for shard, list := range garbage {
		for part := range slices.Chunk(list, pipelineCommands) {
			pipe.HDel(ctx, s.keys.objects(shard), part...)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("delete objects that are no longer used: %w", err)
	}
	return nil
}

// names is a set of names of objects.
type names map[string]struct{}

func namesOf(list []string) names {
	set := make(names, len(list))
	for _, name := range list {
		set[name] = struct{}{}
	}
	return set
}

func (n names) has(name string) bool {
	_, ok := n[name]
	return ok
}
