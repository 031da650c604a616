package redisstore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// TestRandomDamage damages what it meets, again and again. After each next
// commit a store that knows nothing finds exactly what was committed.
func TestRandomDamage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	chance := rand.New(rand.NewPCG(3, 1))
	r.take()
	kinds := slices.Sorted(maps.Keys(harms()))
	const rounds = 200
	for round := range rounds {
		var done []string
		for range 1 + chance.IntN(6) {
			done = append(done, r.damage(chance, kinds))
		}
		r.recover()
		if !t.Failed() {
			r.requireStored(r.options)
		}
		if t.Failed() {
			t.Fatalf("round %d, after %s", round, strings.Join(done, "; "))
		}
	}
	r.followedBy(r.follower)
}

// recover commits as a collector does: with a new lease if it must, with all
// pages once it is asked for them or finds that some are lost.
func (r *rig) recover() {
	r.tb.Helper()
	all := false
	for range 4 {
		c := r.commit(r.n + 1)
		if all {
			c = r.everything(c)
		}
		err := r.store.Commit(r.tb.Context(), c)
		switch {
		case err == nil && (all || !r.lacksPages()):
			r.took(r.n+1, c)
			return
		case err == nil:
			r.took(r.n+1, c)
			all = true
		case isForgotten(err):
			all = true
		default:
			require.ErrorIs(r.tb, err, scorecard.ErrFenced)
			r.regain()
		}
	}
	require.Fail(r.tb, "the store does not recover")
}

// lacksPages reports whether a reader finds pages lost.
func (r *rig) lacksPages() (lost bool) {
	reader, err := New(r.options)
	require.NoError(r.tb, err)
	defer func() { require.NoError(r.tb, reader.Close()) }()
	require.NoError(r.tb, reader.Pages(r.tb.Context(), nil, func(p slo.Page) error {
		lost = lost || p.Data == nil
		return nil
	}))
	return lost
}

// regain acquires the lease, even if what holds it is no owner at all.
func (r *rig) regain() {
	lease, err := r.store.Acquire(r.tb.Context(), r.lease.Owner, leaseTime)
	if err != nil {
		require.ErrorIs(r.tb, err, scorecard.ErrFenced)
		r.server.Do("DEL", r.store.keys.lease())
		lease, err = r.store.Acquire(r.tb.Context(), r.lease.Owner, leaseTime)
	}
	require.NoError(r.tb, err)
	r.lease = lease
}

// damage does some harm, and says what.
func (r *rig) damage(chance *rand.Rand, kinds []string) string {
	keys := r.keysThere()
	if len(keys) == 0 {
		return "nothing is there"
	}
	key := keys[chance.IntN(len(keys))]
	if chance.IntN(3) == 0 { // what all depends on comes more often than by chance
		key = r.store.keys.manifest()
	}
	ctx := r.tb.Context()
	switch chance.IntN(12) {
	case 0:
		r.raw.Del(ctx, key)
		return "DEL " + key
	case 1:
		r.raw.Del(ctx, key)
		r.raw.Set(ctx, key, "x", 0)
		return "SET " + key
	}
	fields, err := r.raw.HGetAll(ctx, key).Result()
	if err != nil {
		last := r.raw.XRevRangeN(ctx, key, "+", "-", 1).Val()
		for _, entry := range last {
			r.raw.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: strings.TrimSuffix(entry.ID, "-0") + "9-0", Values: []string{"a", "stranger's"}})
		}
		return "XADD " + key
	}
	names := slices.Sorted(maps.Keys(fields))
	if len(names) == 0 {
		return "nothing is in " + key
	}
	name, kind := names[chance.IntN(len(names))], kinds[chance.IntN(len(kinds))]
	if fields[name] == "" || name == "schema" { // that of a later version stops commits, as it should
		return "nothing to harm in " + key
	}
	harms()[kind](r, key, name, fields[name])
	return fmt.Sprintf("%s %s %s", key, name, kind)
}
