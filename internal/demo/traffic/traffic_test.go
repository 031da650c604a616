package traffic_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/internal/demo/traffic"
)

func anchor() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func someLoad(t *rapid.T) traffic.Load {
	ratio := rapid.Float64Range(0, 0.9)
	load := traffic.Load{
		Rate:            rapid.Float64Range(0, 500).Draw(t, "rate"),
		Daily:           rapid.Float64Range(0, 0.7).Draw(t, "daily"),
		Ripple:          rapid.Float64Range(0, 0.25).Draw(t, "ripple"),
		RipplePeriod:    17 * time.Minute,
		PeakHour:        rapid.Float64Range(0, 24).Draw(t, "peak"),
		ErrorRatio:      ratio.Draw(t, "errors"),
		NotFoundRatio:   ratio.Draw(t, "not found"),
		SlowRatio:       ratio.Draw(t, "slow"),
		DescriptorShare: 0.3,
		MaxDescriptors:  1024,
		Uptime:          48 * time.Hour,
		Version:         "1.2.3",
	}
	if rapid.Bool().Draw(t, "idle") {
		load.IdleCycle, load.Busy = time.Hour, 0.4
	}
	return load
}

func someEpisodes(t *rapid.T) []traffic.Episode {
	var episodes []traffic.Episode
	at := anchor().Add(-3 * time.Hour)
	for range rapid.IntRange(0, 4).Draw(t, "episodes") {
		from := at.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "pause")) * time.Second)
		at = from.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "length")) * time.Second)
		episodes = append(episodes, traffic.Episode{
			From: from, To: at,
			ErrorRatio: rapid.Float64Range(0, 1).Draw(t, "episode errors"),
			SlowRatio:  rapid.Float64Range(0, 1).Draw(t, "episode slow"),
		})
	}
	return episodes
}

func TestEveryReadingAgreesWithItselfAndNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := traffic.NewMeter(someLoad(t), anchor(), someEpisodes(t))
		at := anchor().Add(-4 * time.Hour)
		before := m.Read(at)
		for range 200 {
			at = at.Add(time.Duration(rapid.IntRange(50, 200_000).Draw(t, "wait")) * time.Millisecond)
			now := m.Read(at)
			count := now.Buckets[traffic.BucketCount-1]
			require.Equal(t, count, now.OK+now.NotFound+now.Failed, "requests by code and observations differ")
			for k := 1; k < traffic.BucketCount; k++ {
				require.GreaterOrEqual(t, now.Buckets[k], now.Buckets[k-1], "a bucket is smaller than a lower one")
			}
			require.GreaterOrEqual(t, now.OK, before.OK, "code 200 went back")
			require.GreaterOrEqual(t, now.NotFound, before.NotFound, "code 404 went back")
			require.GreaterOrEqual(t, now.Failed, before.Failed, "code 500 went back")
			require.GreaterOrEqual(t, now.Sum, before.Sum, "the sum went back")
			for k := range now.Buckets {
				require.GreaterOrEqual(t, now.Buckets[k], before.Buckets[k], "a bucket went back")
			}
			require.LessOrEqual(t, now.OpenDescriptors, now.MaxDescriptors)
			before = now
		}
	})
}

func TestAnEpisodeChangesNothingBeforeItBegins(t *testing.T) {
	load := traffic.Load{Rate: 30, Daily: 0.4, ErrorRatio: 0.001, SlowRatio: 0.01, MaxDescriptors: 100, Uptime: 240 * time.Hour}
	without := traffic.NewMeter(load, anchor(), nil)
	with := traffic.NewMeter(load, anchor(), []traffic.Episode{{From: anchor(), To: anchor().Add(time.Minute), ErrorRatio: 0.5}})
	for back := time.Millisecond; back < 100*time.Hour; back *= 3 {
		require.Equal(t, without.Read(anchor().Add(-back)), with.Read(anchor().Add(-back)))
	}
	require.Equal(t, without.Read(anchor()), with.Read(anchor()))
	require.Greater(t, with.Read(anchor().Add(10*time.Second)).Failed, without.Read(anchor().Add(10*time.Second)).Failed)
}

func TestAnEpisodeShowsInTheReadingAndEnds(t *testing.T) {
	load := traffic.Load{
		Rate: 100, ErrorRatio: 0.0001, SlowRatio: 0.002, DescriptorShare: 0.2, MaxDescriptors: 1000,
		Uptime: time.Hour, Version: "1.4.2",
	}
	from, to := anchor(), anchor().Add(3*time.Minute)
	m := traffic.NewMeter(load, anchor(), []traffic.Episode{
		{From: from, To: to, ErrorRatio: 0.5, SlowRatio: 0.8, DescriptorShare: 0.98, Version: "1.5.0"},
		{From: from.Add(time.Minute), To: to.Add(time.Hour), ErrorRatio: 0.9},
	})
	begin, end, later := m.Read(from), m.Read(to), m.Read(to.Add(10*time.Minute))
	requests := float64(end.Buckets[6] - begin.Buckets[6])
	require.InDelta(t, 100*180, requests, 2)
	require.InDelta(t, 0.5, float64(end.Failed-begin.Failed)/requests, 0.001)
	require.InDelta(t, 0.2, float64(end.Buckets[3]-begin.Buckets[3])/requests, 0.001, "share of requests within 500 ms")
	require.InDelta(t, 980, m.Read(from.Add(time.Minute)).OpenDescriptors, 3)
	require.Equal(t, "1.5.0", m.Read(from.Add(time.Minute)).Version)
	require.Less(t, float64(later.Failed-end.Failed)/float64(later.Buckets[6]-end.Buckets[6]), 0.0002, "the episode that overlaps is ignored")
	require.Equal(t, "1.4.2", later.Version)
	require.Equal(t, []string{"1.4.2", "1.5.0"}, m.Versions())
}

func TestAnIdleInstanceServesNothingForAPartOfItsCycle(t *testing.T) {
	m := traffic.NewMeter(traffic.Load{Rate: 10, IdleCycle: time.Hour, Busy: 0.25, Uptime: 5 * time.Hour}, anchor(), nil)
	requests := func(at time.Duration) uint64 { return m.Read(anchor().Add(at)).OK }
	require.Equal(t, uint64(9000), requests(15*time.Minute)-requests(0))
	require.Equal(t, uint64(0), requests(60*time.Minute)-requests(15*time.Minute))
	require.Zero(t, m.Read(anchor().Add(-6*time.Hour)).OK, "before the process started")
}
