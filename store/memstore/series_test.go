package memstore

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	rules "github.com/apgarhq/apgar/store/history"
)

func TestAPointTakes16Bytes(t *testing.T) {
	require.Equal(t, uintptr(16), unsafe.Sizeof(point{}))
}

// TestSeriesKeepsWhatTheRuleSays holds a series against the rule applied to
// all points that ever were.
func TestSeriesKeepsWhatTheRuleSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			s   series
			all []point
			now = rapid.Int64Range(1_700_000_000, 1_700_007_200).Draw(t, "start")
		)
		gap := rapid.OneOf(rapid.Int64Range(1, 90), rapid.Int64Range(60, 7200), rapid.Int64Range(3600, 20*24*3600))
		interval := rapid.SampledFrom([]int64{1, 15, 60, 300}).Draw(t, "interval")
		for range rapid.IntRange(1, 300).Draw(t, "ticks") {
			now += gap.Draw(t, "gap")
			p := point{at: uint32(now), score: float64(len(all))}
			all = append(all, p)
			s.expire(now)
			s.add(p, interval)
		}
		from := now - rapid.Int64Range(-10, 100*24*3600).Draw(t, "from")
		to := now - rapid.Int64Range(-10, 100*24*3600).Draw(t, "to")
		var got []point
		s.between(from, to, now, func(p *point) { got = append(got, *p) })
		require.Equal(t, keptByRule(all, from, to, now), got)
	})
}

func keptByRule(all []point, from, to, newest int64) []point {
	var kept []point
	for i, p := range all {
		at := int64(p.at)
		for _, tier := range rules.Tiers() {
			last := i+1 == len(all) || tier.Bucket(int64(all[i+1].at)) != tier.Bucket(at)
			if last && at > newest-tier.Span && at > from && at <= to {
				kept = append(kept, p)
				break
			}
		}
	}
	return kept
}

func TestASeriesInSteadyStateHasNoRoomToSpare(t *testing.T) {
	var s series
	for at := uint32(1_700_000_040); at < 1_700_000_040+92*24*3600; at += 60 {
		s.expire(int64(at))
		s.add(point{at: at}, 60)
	}
	points, room := 0, 0
	for i := range s.rings {
		points += s.rings[i].n
		room += len(s.rings[i].buf)
	}
	require.InDelta(t, 120+576+2160, points, 2)
	require.LessOrEqual(t, room-points, 5)
}

func TestASeriesGivesItsMemoryBackOnceItIsOld(t *testing.T) {
	var s series
	for at := int64(1_700_000_000); at < 1_700_010_000; at += 60 {
		s.add(point{at: uint32(at)}, 60)
	}
	require.True(t, s.expire(1_700_010_000+3*24*3600))
	require.Nil(t, s.rings[0].buf)
	require.Nil(t, s.rings[1].buf)
	require.NotNil(t, s.rings[2].buf)
	require.False(t, s.expire(1_700_010_000+91*24*3600))
	require.Equal(t, series{}, s)
}

func TestRingKeepsItsOrderWhileItGrowsBeyondItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			r     ring
			model []uint32
			bound = rapid.IntRange(1, 12).Draw(t, "bound")
		)
		for at := range uint32(rapid.IntRange(1, 80).Draw(t, "pushes")) {
			r.push(point{at: at}, bound)
			model = append(model, at)
			if drop := rapid.IntRange(-1, int(at)).Draw(t, "drop until"); drop%3 == 0 {
				r.dropUntil(int64(drop))
				for len(model) > 0 && int(model[0]) <= drop {
					model = model[1:]
				}
			}
			require.Equal(t, len(model), r.n)
			for i, want := range model {
				require.Equal(t, want, r.get(i).at)
				require.Equal(t, i+1, r.countUntil(int64(want)))
			}
		}
	})
}
