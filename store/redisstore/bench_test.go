package redisstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
	"github.com/apgarhq/apgar/store/redisstore/codec"
	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

// meter tells what a part of a benchmark cost this process and the server.
type meter struct {
	b      *testing.B
	server *redistest.Server
	own    time.Duration
	theirs time.Duration
}

func startMeter(b *testing.B, server *redistest.Server) *meter {
	b.Helper()
	m := &meter{b: b, server: server}
	m.own, m.theirs = m.read()
	b.ResetTimer()
	return m
}

func (m *meter) read() (own, theirs time.Duration) {
	m.b.Helper()
	var usage syscall.Rusage
	require.NoError(m.b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	own = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(infoText(m.b, m.server, "cpu", name), 64)
		require.NoError(m.b, err)
		theirs += time.Duration(seconds * float64(time.Second))
	}
	return own, theirs
}

// report is per operation.
func (m *meter) report() {
	own, theirs := m.read()
	n := float64(m.b.N)
	m.b.ReportMetric((own-m.own).Seconds()*1000/n, "own-CPU-ms/op")
	m.b.ReportMetric((theirs-m.theirs).Seconds()*1000/n, "redis-CPU-ms/op")
}

// benchRig is a fleet that is committed to a store.
type benchRig struct {
	b       *testing.B
	server  *redistest.Server
	options Options
	store   *Store
	lease   scorecard.Lease
	fleet   *fleet
	last    *scorecard.Snapshot
}

func newBenchRig(b *testing.B) *benchRig {
	b.Helper()
	server := redistest.Start(b)
	r := &benchRig{b: b, server: server, options: at(server.Addr()), fleet: newFleet()}
	r.store = unfollowed(b, r.options)
	var err error
	r.lease, err = r.store.Acquire(b.Context(), "a", time.Hour)
	require.NoError(b, err)
	return r
}

func (r *benchRig) prepare() scorecard.Commit {
	snap, states := r.fleet.next()
	r.last = snap
	c := scorecard.Commit{Epoch: r.lease.Epoch, Owner: r.lease.Owner, Snapshot: snap, States: states}
	for i := range 50 { // one in a hundred
		c.Changes = append(c.Changes, scorecard.Change{Time: snap.Tick, Kind: scorecard.GradeChanged, Key: snap.Scorecards[i].Key(), From: "A", To: "B"})
	}
	return c
}

func (r *benchRig) take() {
	r.b.Helper()
	require.NoError(r.b, r.store.Commit(r.b.Context(), r.prepare()))
}

// BenchmarkCommit commits 5,000 scorecards, of which every one has changed.
func BenchmarkCommit(b *testing.B) {
	r := newBenchRig(b)
	r.take()
	commits := make([]scorecard.Commit, 10)
	for i := range commits {
		commits[i] = r.prepare()
	}
	m := startMeter(b, r.server)
	n := 0
	for b.Loop() {
		c := commits[n%len(commits)]
		n++
		snap := *c.Snapshot
		snap.Tick = noon().Add(time.Hour + time.Duration(n)*fleetInterval)
		c.Snapshot = &snap
		require.NoError(b, r.store.Commit(b.Context(), c))
	}
	m.report()
	b.ReportMetric(testutil.ToFloat64(r.store.metrics.commitBytes)/1e6, "stored-MB/op")
}

// BenchmarkMemory tells what the server holds after so many commits, a tick
// apart.
func BenchmarkMemory(b *testing.B) {
	for _, commits := range []int{1, 2, 120} {
		b.Run(fmt.Sprint(commits), func(b *testing.B) {
			used := 0
			for b.Loop() {
				r := newBenchRig(b)
				empty := infoField(b, r.server, "memory", "used_memory")
				for range commits {
					r.take()
				}
				used = infoField(b, r.server, "memory", "used_memory") - empty
			}
			b.ReportMetric(float64(used)/1e6, "redis-MB")
		})
	}
}

// BenchmarkFollower has a follower read a generation in which everything has
// changed.
func BenchmarkFollower(b *testing.B) {
	r := newBenchRig(b)
	r.take()
	follower := unfollowed(b, r.options)
	require.NoError(b, follower.Sync(b.Context()))
	m := startMeter(b, r.server)
	for b.Loop() {
		follower.doubted.Store(true)
		require.NoError(b, follower.Sync(b.Context()))
	}
	m.report()
	require.Len(b, follower.Snapshot().Scorecards, fleetSize)
}

// BenchmarkPast reads scores and histories.
func BenchmarkPast(b *testing.B) {
	r := newBenchRig(b)
	for range 125 {
		r.take()
	}
	then, key := r.last.Tick.Add(-time.Hour), r.last.Scorecards[17].Key()
	forget := func() { r.store.rootCache, r.store.blockCache = newCache[*root](), newCache[*codec.History]() }
	for _, c := range []struct {
		name string
		read func(b *testing.B)
	}{
		{"ScoresAt", func(b *testing.B) {
			scores, err := r.store.ScoresAt(b.Context(), then)
			require.NoError(b, err)
			require.Len(b, scores, fleetSize)
		}},
		{"History", func(b *testing.B) {
			points, err := r.store.History(b.Context(), key, noon(), r.last.Tick, 0)
			require.NoError(b, err)
			require.Len(b, points, 125)
		}},
	} {
		b.Run(c.name+"/cold", func(b *testing.B) {
			m := startMeter(b, r.server)
			for b.Loop() {
				forget()
				c.read(b)
			}
			m.report()
		})
		b.Run(c.name+"/warm", func(b *testing.B) {
			m := startMeter(b, r.server)
			for b.Loop() {
				c.read(b)
			}
			m.report()
		})
	}
}

// BenchmarkHistorySize tells what 90 days of history take, from blocks that are
// filled as commits fill them: the points of each tier, for its whole span.
func BenchmarkHistorySize(b *testing.B) {
	c, err := codec.New()
	require.NoError(b, err)
	for _, moving := range []int{3, 10} {
		b.Run(fmt.Sprintf("%d0%% of scores move", moving), func(b *testing.B) {
			var sizes [history.TierCount]int
			var points int
			for b.Loop() {
				sizes, points = historySize(b, c, moving)
			}
			total := 0
			for tier, size := range sizes {
				total += size
				b.ReportMetric(float64(size)/shardServices, fmt.Sprintf("B/card-tier-%d", tier))
			}
			b.ReportMetric(float64(total)/shardServices, "B/card")
			b.ReportMetric(float64(total)/shardServices/float64(points), "B/point")
		})
	}
}

const shardServices = fleetSize / shardCount

// historySize fills the blocks of one shard, newest tick at noon.
func historySize(b *testing.B, c *codec.Codec, moving int) (sizes [history.TierCount]int, points int) {
	b.Helper()
	f := newFleet()
	newest := noon().Unix()
	for tier, t := range history.Tiers() {
		width := max(t.Width, int64(fleetInterval/time.Second))
		var block *codec.History
		end := int64(0)
		flush := func() {
			if block != nil {
				sealed, err := c.Seal(block.Encode())
				require.NoError(b, err)
				sizes[tier] += len(sealed.Data)
			}
		}
		for at := newest - t.Span + width; at <= newest; at += width {
			if e := blockEnd(tier, at); e != end {
				flush()
				block, end = codec.NewHistory(), e
			}
			row := make([]scorecard.KeyedPoint, shardServices)
			for i := range row {
				if f.chance.IntN(10) < moving {
					f.scores[i] = min(100, f.scores[i]+f.chance.NormFloat64()/10)
				}
				row[i] = scorecard.KeyedPoint{Key: keyOf(i), Score: new(f.scores[i]), Coverage: 1, Level: "silver"}
			}
			require.NoError(b, block.Add(at, row))
			points++
		}
		flush()
	}
	return sizes, points
}

// plainCard is how long the JSON of a scorecard is, as the API has it.
const plainCard = 3389

// BenchmarkPlain is what to compare with: 5,000 texts of the length of a
// scorecard, each under a key of its own. Nothing is decoded.
func BenchmarkPlain(b *testing.B) {
	r := newBenchRig(b)
	snap, _ := r.fleet.next()
	values, keys := make([]any, 0, 2*fleetSize), make([]string, 0, fleetSize)
	size := 0
	for _, card := range snap.Scorecards {
		text, err := json.Marshal(card)
		require.NoError(b, err)
		text = text[:plainCard]
		size += len(text)
		keys = append(keys, "plain:"+card.Service.ID.String())
		values = append(values, keys[len(keys)-1], text)
	}
	raw := redis.NewClient(&redis.Options{Addr: r.server.Addr()})
	b.Cleanup(func() { require.NoError(b, raw.Close()) })
	const batch = 500
	for _, c := range []struct {
		name string
		run  func(b *testing.B)
	}{
		{"MSET of 500", func(b *testing.B) {
			for at := 0; at < len(values); at += 2 * batch {
				require.NoError(b, raw.MSet(b.Context(), values[at:at+2*batch]...).Err())
			}
		}},
		{"SET in pipelines of 500", func(b *testing.B) {
			for at := 0; at < len(values); at += 2 * batch {
				pipe := raw.Pipeline()
				for i := at; i < at+2*batch; i += 2 {
					pipe.Set(b.Context(), keys[i/2], values[i+1], 0)
				}
				_, err := pipe.Exec(b.Context())
				require.NoError(b, err)
			}
		}},
		{"MGET of 500", func(b *testing.B) {
			for at := 0; at < fleetSize; at += batch {
				got, err := raw.MGet(b.Context(), keys[at:at+batch]...).Result()
				require.NoError(b, err)
				require.Len(b, got, batch)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := startMeter(b, r.server)
			for b.Loop() {
				c.run(b)
			}
			m.report()
			b.ReportMetric(float64(size)/1e6, "stored-MB/op")
			b.ReportMetric(float64(infoField(b, r.server, "memory", "used_memory"))/1e6, "redis-MB")
		})
	}
}
