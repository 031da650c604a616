package slo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// BenchmarkPages encodes what one tick has changed, of 5,000 services with four
// SLIs: within a slot, and at its boundary.
func BenchmarkPages(b *testing.B) {
	for name, step := range map[string]int64{"tick": 60, "slot": slotSeconds} {
		b.Run(name, func(b *testing.B) {
			l := NewLedger(time.Minute)
			at := int64(noon)
			for ; at < noon+2*hourSeconds; at += slotSeconds {
				fleet(l, 5000, 4, at, true)
			}
			l.Saved(l.Pages())
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				b.StopTimer()
				at += step
				fleet(l, 5000, 4, at, step == slotSeconds)
				b.StartTimer()
				pages := l.Pages()
				l.Saved(pages)
				for _, p := range pages {
					size += len(p.Data)
				}
			}
			b.ReportMetric(float64(size)/float64(b.N), "B/tick")
		})
	}
}

// BenchmarkEnterTick enters a tick of 5,000 services with four SLIs into a
// ledger, which notes what it changes.
func BenchmarkEnterTick(b *testing.B) {
	l := NewLedger(time.Minute)
	at := int64(noon)
	fleet(l, 5000, 4, at, true)
	for b.Loop() {
		at += 60
		fleet(l, 5000, 4, at, false)
	}
}

// month enters 36 days of slots and an hour of ticks of services in one cell.
func month(l *Ledger, services []string, counts func(at int64) Counts) {
	for _, service := range services {
		s := l.Series("sli", service)
		for at := int64(noon) - 36*daySeconds; at <= noon; at += slotSeconds {
			c := counts(at)
			tick(s, at, nil, has(cellA, c.Bad, c.Total))
		}
		for at := int64(noon) - hourSeconds; at <= noon; at += 60 {
			c := counts(at)
			s.AddTick(&Round{Time: at, Witnesses: scraping(cellA)}, []Answer{has(cellA, c.Bad, c.Total)})
		}
	}
}

// BenchmarkLoad loads 36 days of 1,000 services.
func BenchmarkLoad(b *testing.B) {
	l := NewLedger(time.Minute)
	random := rand.New(rand.NewPCG(1, 1))
	services := make([]string, 1000)
	for i := range services {
		services[i] = fmt.Sprintf("team-%d/service-%d", i%97, i)
	}
	month(l, services, func(int64) Counts { return Counts{0, random.Float64() * 1000} })
	pages := l.Pages()
	b.ReportAllocs()
	for b.Loop() {
		loaded := NewLedger(time.Minute)
		for _, p := range pages {
			if _, err := loaded.Load(p); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestTheSizeOfAFullSeries measures what 36 days of one SLI and service take in
// a store that compresses pages, for the kinds of traffic there are.
func TestTheSizeOfAFullSeries(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	const services = 32 // of one shard, as thousands would be
	for _, traffic := range []struct {
		name   string
		most   int // bytes
		counts func(random *rand.Rand) func(int64) Counts
	}{
		{"nothing ever happens", 700, func(*rand.Rand) func(int64) Counts {
			return func(int64) Counts { return Counts{} }
		}},
		{"whole numbers, no errors", 5000, func(random *rand.Rand) func(int64) Counts {
			return func(int64) Counts { return Counts{0, math.Floor(random.Float64() * 3000)} }
		}},
		{"extrapolated, no errors", 8192, func(random *rand.Rand) func(int64) Counts {
			return func(at int64) Counts {
				return Counts{0, 3000 * (1.5 + math.Sin(float64(at)/13751)) * (1 + 0.05*random.NormFloat64())}
			}
		}},
		{"extrapolated, an error now and then", 8500, func(random *rand.Rand) func(int64) Counts {
			return func(at int64) Counts {
				c := Counts{0, 3000 * (1.5 + math.Sin(float64(at)/13751)) * (1 + 0.05*random.NormFloat64())}
				if random.IntN(50) == 0 {
					c.Bad = 1.0169491525423728
				}
				return c
			}
		}},
		{"extrapolated, errors in every slot", 16000, func(random *rand.Rand) func(int64) Counts {
			return func(at int64) Counts {
				total := 30000 * (1.5 + math.Sin(float64(at)/13751)) * (1 + 0.05*random.NormFloat64())
				return Counts{total * 0.003 * (1 + 0.3*random.Float64()), total}
			}
		}},
	} {
		t.Run(traffic.name, func(t *testing.T) {
			l := NewLedger(time.Minute)
			month(l, sameShard(services), traffic.counts(rand.New(rand.NewPCG(3, 3))))
			kinds := map[string]int{}
			raw, packed := 0, 0
			for _, p := range l.Pages() {
				n := len(encoder.EncodeAll(p.Data, nil))
				raw, packed = raw+len(p.Data), packed+n
				id, _ := parsePage(p.Name)
				_, kind := id.kind.seconds()
				kinds[kind] += n
			}
			t.Logf("%d bytes as written, %d compressed, for each of %d series; %v in all", raw/services, packed/services, services, kinds)
			require.Less(t, packed/services, traffic.most)
		})
	}
}
