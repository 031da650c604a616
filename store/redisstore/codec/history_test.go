package codec

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/store/history"
)

// model is a history as simple as can be.
type model struct {
	ticks  []int64
	points map[scorecard.Key]map[int64]scorecard.KeyedPoint
}

func newModel() *model { return &model{points: map[scorecard.Key]map[int64]scorecard.KeyedPoint{}} }

func (m *model) add(tick int64, points []scorecard.KeyedPoint) {
	if n := len(m.ticks); n > 0 && m.ticks[n-1] == tick {
		for _, series := range m.points {
			delete(series, tick)
		}
	} else {
		m.ticks = append(m.ticks, tick)
	}
	for _, p := range points {
		if m.points[p.Key] == nil {
			m.points[p.Key] = map[int64]scorecard.KeyedPoint{}
		}
		m.points[p.Key][tick] = p
	}
}

func (m *model) choose(keep func(series map[int64]scorecard.KeyedPoint, tick int64) bool) *model {
	out := newModel()
	for key, series := range m.points {
		for tick, p := range series {
			if keep(series, tick) {
				if out.points[key] == nil {
					out.points[key] = map[int64]scorecard.KeyedPoint{}
				}
				out.points[key][tick] = p
			}
		}
	}
	return out
}

func (m *model) cut(from, to int64) *model {
	return m.choose(func(_ map[int64]scorecard.KeyedPoint, tick int64) bool { return tick > from && tick <= to })
}

func (m *model) thin(width int64) *model {
	return m.choose(func(series map[int64]scorecard.KeyedPoint, tick int64) bool {
		for other := range series {
			if other > tick && (other-1)/width == (tick-1)/width {
				return false
			}
		}
		return true
	})
}

func (m *model) scoreAt(key scorecard.Key, at, reach int64) (float64, bool) {
	for _, tick := range slices.Backward(slices.Sorted(maps.Keys(m.points[key]))) {
		if p := m.points[key][tick]; tick > at-reach && tick <= at && p.Score != nil {
			return *p.Score, true
		}
	}
	return 0, false
}

// require holds a history to the model.
func (m *model) require(t *rapid.T, h *History) {
	keys := slices.DeleteFunc(slices.SortedFunc(maps.Keys(m.points), compareKeys), func(k scorecard.Key) bool { return len(m.points[k]) == 0 })
	require.Equal(t, keys, nilWhenEmptyOr(h.Keys(), keys))
	require.Equal(t, len(keys), h.Len())
	from := rapid.Int64Range(0, 400).Draw(t, "from")
	to := rapid.Int64Range(0, 400).Draw(t, "to")
	for _, key := range keys {
		m.requirePoints(t, h, key, 0, maxTick)
		m.requirePoints(t, h, key, from, to)
		want, known := m.scoreAt(key, to, from)
		got, ok := h.ScoreAt(key, to, from)
		require.Equal(t, known, ok)
		require.Equal(t, math.Float64bits(want), math.Float64bits(got))
	}
	scores := maps.Collect(h.Scores(to, from))
	for _, key := range keys {
		want, known := m.scoreAt(key, to, from)
		got, ok := scores[key]
		require.Equal(t, known, ok)
		require.Equal(t, math.Float64bits(want), math.Float64bits(got))
	}
}

// nilWhenEmptyOr returns want when both are empty.
func nilWhenEmptyOr(got, want []scorecard.Key) []scorecard.Key {
	if len(got) == 0 && len(want) == 0 {
		return want
	}
	return got
}

func (m *model) requirePoints(t *rapid.T, h *History, key scorecard.Key, from, to int64) {
	var want []string
	for _, tick := range slices.Sorted(maps.Keys(m.points[key])) {
		if tick > from && tick <= to {
			p := m.points[key][tick]
			want = append(want, fmt.Sprint(tick, scoreBits(p.Score), history.PackCoverage(p.Coverage), p.Level))
		}
	}
	var got []string
	for p := range h.Points(key, from, to) {
		got = append(got, fmt.Sprint(p.Tick, math.Float64bits(p.Score), history.PackCoverage(p.Coverage), p.Level))
	}
	require.Equal(t, want, got)
}

func drawPoints(t *rapid.T) []scorecard.KeyedPoint {
	var points []scorecard.KeyedPoint
	for range rapid.IntRange(0, 5).Draw(t, "points") {
		p := scorecard.KeyedPoint{
			Key: scorecard.Key{
				Rubric:  rapid.SampledFrom([]string{"http", "meta"}).Draw(t, "rubric"),
				Service: catalog.ID{Namespace: "default", Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")},
			},
			Coverage: rapid.SampledFrom([]float64{1, 1, 1, 0.8, 0.99999, 0, 1.0 / 3}).Draw(t, "coverage"),
			Level:    rapid.SampledFrom([]string{"", "", "gold", "silver"}).Draw(t, "level"),
		}
		if rapid.IntRange(0, 4).Draw(t, "known") > 0 {
			p.Score = new(rapid.SampledFrom([]float64{100, 100, 59, 97.3333, 1.0 / 3, 0, math.Copysign(0, -1)}).Draw(t, "score"))
		}
		points = append(points, p)
	}
	return points
}

func stored(t require.TestingT, h *History) *History {
	payload := h.Encode()
	got, err := DecodeHistory(payload)
	require.NoError(t, err)
	require.Equal(t, payload, got.Encode())
	require.Equal(t, h.Newest(), got.Newest())
	require.Equal(t, h.Oldest(), got.Oldest())
	require.Equal(t, h.Ticks(), got.Ticks())
	return got
}

func TestAHistoryIsWhatTheModelIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, m := NewHistory(), newModel()
		tick := int64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				tick = max(1, tick+rapid.SampledFrom([]int64{0, 1, 1, 1, 2, 10, 60}).Draw(t, "step"))
				points := drawPoints(t)
				require.NoError(t, h.Add(tick, points))
				m.add(tick, points)
				require.Equal(t, tick, h.Newest())
			},
			"store": func(t *rapid.T) { h = stored(t, h) },
			"thin": func(t *rapid.T) {
				width := rapid.SampledFrom([]int64{1, 2, 5, 60}).Draw(t, "width")
				before := h.Encode()
				thinned := h.Thin(width)
				m.thin(width).require(t, thinned)
				require.Equal(t, h.Newest(), thinned.Newest())
				require.Equal(t, before, h.Encode(), "the history itself stays as it is")
				require.Equal(t, thinned.Encode(), thinned.Thin(width).Encode(), "thinning again takes nothing away")
				stored(t, thinned)
			},
			"cut and append": func(t *rapid.T) {
				at := rapid.Int64Range(0, 200).Draw(t, "at")
				head, tail := h.Cut(0, at), h.Cut(at, maxTick)
				m.cut(0, at).require(t, head)
				m.cut(at, maxTick).require(t, tail)
				require.NoError(t, head.Append(tail))
				m.require(t, head)
				stored(t, head)
			},
			"": func(t *rapid.T) { m.require(t, h) },
		})
	})
}

func point(name string, score float64) scorecard.KeyedPoint {
	return scorecard.KeyedPoint{
		Key: scorecard.Key{Rubric: "http", Service: catalog.ID{Namespace: "default", Name: name}}, Score: &score, Coverage: 1, Level: "gold",
	}
}

func TestAHistoryTakesLaterTicksOnly(t *testing.T) {
	h := NewHistory()
	require.NoError(t, h.Add(100, []scorecard.KeyedPoint{point("a", 90), point("b", 80)}))
	require.ErrorContains(t, h.Add(99, nil), "older than the newest there, 100")
	require.ErrorContains(t, h.Add(0, nil), "not within 1 to")
	require.ErrorContains(t, h.Add(maxTick+1, nil), "not within 1 to")
	require.NoError(t, h.Add(100, []scorecard.KeyedPoint{point("a", 91)}))
	require.Equal(t, 1, h.Len(), "the tick is replaced")

	other := NewHistory()
	require.NoError(t, other.Add(100, nil))
	require.ErrorContains(t, h.Append(other), "not later than the newest tick there, 100")
	require.NoError(t, h.Append(NewHistory()))
}

func TestAHistoryWithTooManyLevelsSaysSoAndStaysAsItWas(t *testing.T) {
	h := NewHistory()
	for i := range maxLevels {
		p := point("a", 90)
		p.Level = fmt.Sprint(i)
		require.NoError(t, h.Add(int64(i+1), []scorecard.KeyedPoint{p}))
	}
	before := h.Encode()
	p := point("a", 90)
	require.ErrorContains(t, h.Add(maxLevels+1, []scorecard.KeyedPoint{p}), "no room for another")
	require.Equal(t, before, h.Encode())
	next := NewHistory()
	require.NoError(t, next.Add(maxLevels+1, []scorecard.KeyedPoint{p}))
	require.ErrorContains(t, h.Append(next), "no room for another")
	require.Equal(t, before, h.Encode())
	stored(t, h)
}

func TestScoresThatAreNoNumbersAreUnknown(t *testing.T) {
	h := NewHistory()
	require.NoError(t, h.Add(1, []scorecard.KeyedPoint{point("a", math.Inf(1)), point("b", math.NaN()), point("c", 50)}))
	require.Equal(t, map[scorecard.Key]float64{point("c", 0).Key: 50}, maps.Collect(stored(t, h).Scores(1, 1)))
}

func TestDamagedHistoriesAreRefused(t *testing.T) {
	payload := realistic(6, 20, 60).Encode()
	for at := range payload {
		_, err := DecodeHistory(payload[:at])
		require.ErrorIs(t, err, ErrCorrupt, "cut at %d", at)
	}
	_, err := DecodeHistory(append(slices.Clone(payload), 0))
	require.ErrorIs(t, err, ErrCorrupt)
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	for name, bad := range map[string][]byte{
		"huge count of ticks":  huge,
		"a tick twice":         {2, 1, 0, 0, 0, 0},
		"huge count of texts":  append([]byte{0}, huge...),
		"huge text":            append([]byte{0, 1}, huge...),
		"huge count of series": append([]byte{0, 0}, huge...),
		"a text that is not":   {1, 1, 1, 1, 'a', 1, 0, 0, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"an empty series":      {1, 1, 1, 1, 'a', 1, 0, 0, 0, 0, 0},
		"huge count of runs":   append([]byte{1, 1, 1, 1, 'a', 1, 0, 0, 0, 1}, huge...),
		"a run beyond the end": {1, 1, 1, 1, 'a', 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"a coverage of 6.5":    {1, 1, 1, 1, 'a', 1, 0, 0, 0, 1, 1, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
		"a score of infinity":  {1, 1, 1, 1, 'a', 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0},
		"another kind of NaN":  {1, 1, 1, 1, 'a', 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0x7f, 0xf8, 0, 0, 0, 0, 0, 2},
	} {
		_, err := DecodeHistory(bad)
		require.ErrorIs(t, err, ErrCorrupt, name)
	}
	good, err := DecodeHistory([]byte{1, 1, 1, 1, 'a', 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1})
	require.NoError(t, err, "the bad ones are bad for one reason only")
	require.Equal(t, 1, good.Len())
}

func FuzzDecodeHistory(f *testing.F) {
	f.Add(NewHistory().Encode())
	f.Add(realistic(2, 5, 60).Encode())
	f.Add(realistic(3, 12, 300).Thin(3600).Encode())
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := DecodeHistory(payload)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		h = stored(t, h)
		for _, key := range h.Keys() {
			before := int64(0)
			for p := range h.Points(key, 0, maxTick) {
				require.Greater(t, p.Tick, before)
				before = p.Tick
			}
			require.NotZero(t, before)
		}
		stored(t, h.Thin(3600))
	})
}

// realistic returns the history of n scorecards over some ticks: most scores
// stay for hours, some move at every tick, a few are unknown for a while or
// come late.
func realistic(n, ticks int, interval int64) *History {
	chance := rand.New(rand.NewPCG(7, uint64(n)))
	type state struct {
		scorecard.KeyedPoint
		restless bool
		since    int
	}
	states := make([]state, n)
	for i := range states {
		states[i] = state{KeyedPoint: point(fmt.Sprintf("service-%d", i/2), 100), restless: chance.IntN(10) == 0}
		if i%2 == 1 {
			states[i].Key.Rubric = "meta"
		}
		if chance.IntN(20) == 0 {
			states[i].since = chance.IntN(ticks)
		}
	}
	h := NewHistory()
	move := float64(interval) / (6 * 3600) // a score moves every 6 hours
	for tick := range ticks {
		var points []scorecard.KeyedPoint
		for i := range states {
			s := &states[i]
			if s.restless || chance.Float64() < move {
				s.Score = new(100 - 20*chance.Float64()*chance.Float64())
				if !s.restless && chance.IntN(3) > 0 {
					s.Score = new(100.0)
				}
				s.Coverage = 1
				if chance.IntN(20) == 0 {
					s.Score, s.Coverage = nil, chance.Float64()
				}
			}
			if tick >= s.since {
				points = append(points, s.KeyedPoint)
			}
		}
		if err := h.Add(1_795_000_000+int64(tick)*interval, points); err != nil {
			panic(err)
		}
	}
	return h
}

// countPoints returns how many points a history has.
func countPoints(h *History) int {
	n := 0
	for _, s := range h.series {
		for _, r := range s.runs {
			n += int(r.count)
		}
	}
	return n
}

// BenchmarkHistory stores and reads the history of 400 scorecards, as one of 64
// shards has of 5,000 services with five rubrics.
func BenchmarkHistory(b *testing.B) {
	for name, h := range map[string]*History{
		"2 hours of minutes":       realistic(400, 120, 60),
		"48 hours of five minutes": realistic(400, 576, 300),
		"90 days of hours":         realistic(400, 2160, 3600),
	} {
		c := newCodec(b)
		object := sealed(b, c, h.Encode())
		points := float64(countPoints(h))
		b.Run("encode "+name, func(b *testing.B) {
			for b.Loop() {
				object = sealed(b, c, h.Encode())
			}
			b.ReportMetric(float64(len(object.Data))/points, "B/point")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/points, "ns/point")
		})
		b.Run("decode "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				payload, err := c.Open(object.Hash, object.Data)
				require.NoError(b, err)
				_, err = DecodeHistory(payload)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/points, "ns/point")
		})
	}
}
