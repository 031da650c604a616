package redisstore

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/codec"
	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// rig is a grader on a server, a follower, and a client to do harm with.
type rig struct {
	*grader
	server   *redistest.Server
	options  Options
	follower *Store
	raw      *redis.Client
}

func newRig(t *testing.T, options ...redistest.Option) *rig {
	t.Helper()
	server, o := single(t, options...)
	raw := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	return &rig{
		grader: newGrader(t, unfollowed(t, withMetrics(o)), "a"), server: server, options: o,
		follower: open(t, withMetrics(o)), raw: raw,
	}
}

// TestEmptiedStore loses everything under a grader that goes on.
func TestEmptiedStore(t *testing.T) {
	for name, empty := range map[string]func(*rig){
		"flushed":         func(r *rig) { r.server.Do("FLUSHALL") },
		"restarted empty": func(r *rig) { r.server.Kill(); r.server.Restart() },
		"without its manifest": func(r *rig) {
			r.server.Do("DEL", r.store.keys.manifest())
		},
		"with another thing for a manifest": func(r *rig) {
			r.server.Do("SET", r.store.keys.manifest(), "x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for range 3 {
				r.take()
			}
			r.followedBy(r.follower)
			before := r.follower.Snapshot()
			empty(r)
			_ = r.follower.Sync(t.Context()) // it may say so
			require.Same(t, before, r.follower.Snapshot(), "readers keep what they have")

			eventually(t, patience, func() error { // the first answers may be those of lost connections
				if err := r.try(t.Context()); !isForgotten(err) {
					return fmt.Errorf("the pages are not asked for: %w", err)
				}
				return nil
			})
			r.acquire("a")
			r.takeEverything()
			after := r.requireStored(r.options)
			require.NotEqual(t, before.Incarnation, after.Incarnation)
			require.Equal(t, uint64(1), after.Generation)
			require.Equal(t, uint64(2), after.LastChange, "changes are counted anew")
			r.followedBy(r.follower)
			require.Equal(t, after.Incarnation, r.follower.Snapshot().Incarnation)
			changes, reset, err := r.follower.Changes(t.Context(), before.LastChange, 0)
			require.NoError(t, err)
			require.True(t, reset, "readers of the former incarnation begin anew")
			require.Len(t, changes, 2)
			r.take()
			r.requireStored(r.options)
		})
	}
}

// TestLostGeneration puts a store back to the generation before, as a failover
// does that lost the newest commit.
func TestLostGeneration(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.take()
	r.take()
	saved := r.dump()
	r.take()
	r.followedBy(r.follower)
	lost := r.follower.Snapshot()
	r.restore(saved)

	require.NoError(t, r.follower.Sync(t.Context()))
	require.Same(t, lost, r.follower.Snapshot(), "ticks do not go back")
	require.ErrorIs(t, r.try(t.Context()), scorecard.ErrForgotten, "its pages are lost")
	r.takeEverything()
	after := r.requireStored(r.options)
	require.NotEqual(t, lost.Incarnation, after.Incarnation, "what was told of the lost generation is not true any more")
	r.followedBy(r.follower)
	points, err := r.follower.History(t.Context(), keyOf(1), tickOf(0), tickOf(r.n), 0)
	require.NoError(t, err)
	require.Len(t, points, 3, "of the ticks 1, 2 and 4: history goes on")
}

// dump returns all keys as they are.
func (r *rig) dump() map[string]string {
	saved := map[string]string{}
	for _, key := range r.keysThere() {
		data, err := r.raw.Dump(r.tb.Context(), key).Result()
		require.NoError(r.tb, err)
		saved[key] = data
	}
	return saved
}

func (r *rig) restore(saved map[string]string) {
	require.NoError(r.tb, r.raw.FlushAll(r.tb.Context()).Err())
	for key, data := range saved {
		require.NoError(r.tb, r.raw.Restore(r.tb.Context(), key, 0, data).Err())
	}
}

func (r *rig) keysThere() []string {
	keys, err := r.raw.Keys(r.tb.Context(), "*").Result()
	require.NoError(r.tb, err)
	slices.Sort(keys)
	return keys
}

// TestWrongTypes puts something else under every key.
func TestWrongTypes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.take()
	r.take()
	r.followedBy(r.follower)
	keys := r.keysThere()
	require.Contains(t, keys, r.store.keys.objects(5))
	require.Contains(t, keys, r.store.keys.objects(headShard))
	for _, key := range keys {
		r.followedBy(r.follower)
		served := r.follower.Snapshot()
		r.server.Do("DEL", key)
		r.server.Do("RPUSH", key, "a stranger's")
		_ = r.follower.Sync(t.Context()) // it may say so
		require.Same(t, served, r.follower.Snapshot(), "with a wrong %s", key)
		if key == r.store.keys.lease() {
			require.ErrorIs(t, r.try(t.Context()), scorecard.ErrFenced)
			r.acquire("a")
		}
		r.takeAll()
		r.requireStored(r.options)
	}
	require.Positive(t, testutil.ToFloat64(r.store.metrics.corrupt.WithLabelValues("key")))
	r.followedBy(r.follower)
}

// harms are what may become of a field of a hash.
func harms() map[string]func(*rig, string, string, string) {
	set := func(r *rig, key, field, value string) {
		require.NoError(r.tb, r.raw.HSet(r.tb.Context(), key, field, value).Err())
	}
	return map[string]func(r *rig, key, field, value string){
		"flipped": func(r *rig, key, field, value string) {
			data := []byte(value)
			data[len(data)/2] ^= 0x10
			set(r, key, field, string(data))
		},
		"truncated": func(r *rig, key, field, value string) { set(r, key, field, value[:len(value)/2]) },
		"emptied":   func(r *rig, key, field, _ string) { set(r, key, field, "") },
		"deleted": func(r *rig, key, field, _ string) {
			require.NoError(r.tb, r.raw.HDel(r.tb.Context(), key, field).Err())
		},
		"of a later schema": func(r *rig, key, field, value string) { set(r, key, field, "\x02"+value[1:]) },
	}
}

// TestDamagedObjects damages every object of a generation in every way: readers
// keep what they have, and the next commit heals it.
func TestDamagedObjects(t *testing.T) {
	for name, harm := range harms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for range 3 {
				r.take()
			}
			r.followedBy(r.follower)
			served := r.follower.Snapshot()
			for _, shard := range shards() {
				key := r.store.keys.objects(shard)
				fields, err := r.raw.HGetAll(t.Context(), key).Result()
				require.NoError(t, err)
				for field, value := range fields {
					harm(r, key, field, value)
				}
			}
			blind := unfollowed(t, withMetrics(r.options))
			require.Error(t, blind.Sync(t.Context()))
			states, err := blind.States(t.Context())
			require.NoError(t, err, "what is lost is left out")
			require.Empty(t, states)
			r.follower.doubted.Store(true)
			require.Error(t, r.follower.Sync(t.Context()))
			require.Same(t, served, r.follower.Snapshot())
			if name != "deleted" {
				require.Positive(t, testutil.ToFloat64(blind.metrics.corrupt.WithLabelValues("cards")))
				require.Positive(t, testutil.ToFloat64(blind.metrics.corrupt.WithLabelValues("root")))
			}
			// Another grader finds nothing that it could go on with.
			successor := unfollowed(t, r.options)
			require.NoError(t, successor.Pages(t.Context(), nil, func(p slo.Page) error {
				return fmt.Errorf("a page came: %v", p.PageKey)
			}))
			require.NoError(t, r.store.Release(t.Context(), r.lease))
			r.store = successor
			r.acquire("b")
			r.takeAll()
			r.requireStored(r.options)
			r.followedBy(r.follower)
		})
	}
}

// TestLostPages damages pages of the ledger, which readers are told of and the
// grader is asked for.
func TestLostPages(t *testing.T) {
	for name, harm := range harms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for range 3 {
				r.take()
			}
			reader := unfollowed(t, r.options)
			key, page := r.store.keys.objects(5), r.pages[slo.PageKey{Shard: 5, Name: "head"}]
			name := r.store.base.roots[5].Ledger["head"]
			value, err := r.raw.HGet(t.Context(), key, name).Result()
			require.NoError(t, err)
			harm(r, key, name, value)
			got := map[slo.PageKey]slo.Page{}
			require.NoError(t, reader.Pages(t.Context(), nil, func(p slo.Page) error { got[p.PageKey] = p; return nil }))
			want := maps.Clone(r.pages)
			want[page.PageKey] = slo.Page{PageKey: page.PageKey, Version: page.Version}
			require.Equal(t, want, got, "a page that is lost has its version and no data")

			// Once in 64 generations, or at once if it is gone, that is found out.
			asked := false
			for range slo.Shards {
				c := r.commit(r.n + 1)
				c.Ledger = nil
				if err := r.store.Commit(t.Context(), c); err != nil {
					require.ErrorIs(t, err, scorecard.ErrForgotten)
					asked = true
					c = r.everything(c)
					require.NoError(t, r.store.Commit(t.Context(), c))
				}
				r.took(r.n+1, c)
			}
			require.True(t, asked)
			r.requireStored(r.options)
		})
	}
}

// TestLaterSchema finds what a later version of Apgar has written: it is served
// from memory, and neither read nor written.
func TestLaterSchema(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.take()
	r.take()
	r.followedBy(r.follower)
	r.server.Do("HSET", r.store.keys.manifest(), "schema", "2", "commit", "a later one's", "body", "\x02?")
	r.server.Do("HSET", r.store.keys.objects(3), "cards/of a later version", "?")
	before := r.dump()

	future := &codec.FutureError{}
	require.ErrorAs(t, r.follower.Sync(t.Context()), &future)
	r.requireServed(r.follower)
	successor := unfollowed(t, withMetrics(r.options))
	for _, s := range []*Store{r.store, successor} {
		err := s.Commit(t.Context(), r.commit(r.n+1))
		require.ErrorAs(t, err, &future)
		require.ErrorContains(t, err, "upgrade this Apgar")
		require.ErrorAs(t, s.Pages(t.Context(), nil, func(slo.Page) error { return nil }), &future)
		require.Positive(t, failed(s, "commit", classFuture))
	}
	lease := r.store.keys.lease()
	after := r.dump()
	delete(before, lease) // in which commits note their names
	delete(after, lease)
	require.Equal(t, before, after, "nothing of it was touched")
}
