package slo

import (
	"runtime"
	"testing"
	"time"
)

// fullSeries returns a series with 36 days of slots of one cell.
func fullSeries() (*Series, int64) {
	s := NewSeries(60)
	at := int64(noon) - 36*daySeconds
	for ; at < noon; at += 300 {
		tick(s, at, nil, has(cellA, 1, 1000))
	}
	return s, at - 300
}

func BenchmarkAddTick(b *testing.B) {
	s, at := fullSeries()
	answers := []Answer{has(cellA, 1, 1000)}
	b.ReportAllocs()
	for b.Loop() {
		at += 60
		s.AddTick(&Round{Time: at}, answers)
	}
}

func BenchmarkAddSlot(b *testing.B) {
	s, at := fullSeries()
	answers := []Answer{has(cellA, 1, 1000)}
	b.ReportAllocs()
	for b.Loop() {
		at += 300
		s.AddSlot(&Round{Time: at}, answers)
	}
}

// BenchmarkSum sums every window of an objective anew, as after a new slot.
func BenchmarkSum(b *testing.B) {
	s, at := fullSeries()
	windows := append(Windows(30*day), 30*day)
	b.ReportAllocs()
	for b.Loop() {
		s.cache.clear()
		for _, length := range windows {
			s.Sum(length, at)
		}
	}
}

// BenchmarkFacts asks for all facts of an objective within a slot.
func BenchmarkFacts(b *testing.B) {
	s, at := fullSeries()
	windows := append(Windows(30*day), 30*day)
	b.ReportAllocs()
	for b.Loop() {
		s.Facts(at, 15*time.Minute, windows)
	}
}

// BenchmarkMemory reports what a series of one cell with 36 days of slots
// keeps.
func BenchmarkMemory(b *testing.B) {
	const n = 20
	series := make([]*Series, n)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range series {
			series[i], _ = fullSeries()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/series")
		clear(series)
	}
}
