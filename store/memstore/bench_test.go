package memstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

const benchServices = 5000

// newBench is a store with 5,000 services and a full 2 hours of ticks.
func newBench(b *testing.B) (*fixture, []*scorecard.Scorecard) {
	b.Helper()
	f := newFixture(b)
	cards := make([]*scorecard.Scorecard, benchServices)
	for i := range cards {
		cards[i] = cardOf(fmt.Sprintf("service-%04d", i), float64(i%100))
	}
	for range 120 {
		require.NoError(b, f.Commit(b.Context(), f.next(time.Minute, cards...)))
	}
	b.ReportAllocs()
	b.ResetTimer()
	return f, cards
}

func BenchmarkCommit(b *testing.B) {
	f, cards := newBench(b)
	for b.Loop() {
		if err := f.Commit(b.Context(), f.next(time.Minute, cards...)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScoresAt(b *testing.B) {
	f, _ := newBench(b)
	for b.Loop() {
		if _, err := f.ScoresAt(b.Context(), f.tick.Add(-time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHistory reads all of a scorecard's 90 days, of 5,000 services.
func BenchmarkHistory(b *testing.B) {
	f, cards := newBench(b)
	key := cards[42].Key()
	full := &series{}
	for age := 90 * 24 * time.Hour; age >= 0; age -= time.Minute {
		p := point{at: uint32(f.tick.Add(-age).Unix()), score: 90}
		full.expire(int64(p.at))
		full.add(p, 60)
	}
	f.history.series[key] = full
	b.ResetTimer()
	for b.Loop() {
		points, err := f.History(b.Context(), key, time.Time{}, f.tick, 0)
		if err != nil || len(points) < 2700 {
			b.Fatal(len(points), err)
		}
	}
}
