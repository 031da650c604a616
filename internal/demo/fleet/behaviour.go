package fleet

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// usualLoad is the load of one instance of a well-behaved service: the lower the tier's number, the more traffic.
// Of 10,000 requests, one to five fail and ten to fifty are slow.
func usualLoad(tier int, r *rand.Rand) traffic.Load {
	least := map[int]float64{1: 8, 2: 3, 3: 0.6, 4: 0.15}[tier]
	if least == 0 {
		least = 0.1
	}
	descriptors := []float64{1024, 4096, 65536}[r.IntN(3)]
	return traffic.Load{
		Rate:            least * math.Pow(8, r.Float64()),
		Daily:           0.3 + 0.3*r.Float64(),
		Ripple:          0.05 + 0.15*r.Float64(),
		RipplePeriod:    time.Duration(7+r.IntN(40)) * time.Minute,
		ErrorRatio:      0.0001 + 0.0004*r.Float64()*r.Float64(),
		NotFoundRatio:   0.002 + 0.02*r.Float64(),
		SlowRatio:       0.001 + 0.004*r.Float64(),
		DescriptorShare: 0.05 + 0.4*r.Float64(),
		MaxDescriptors:  descriptors,
		Uptime:          time.Duration(2*24+r.IntN(18*24))*time.Hour + time.Duration(r.IntN(3600))*time.Second,
	}
}

// impair gives about every fifth service a lasting weakness, and reports whether it was spared. What is critical is
// looked after better: a tier 1 service is impaired half as often.
func impair(load *traffic.Load, r *rand.Rand, tier int) (healthy bool) {
	p := r.Float64()
	degree := r.Float64()
	if tier == 1 {
		p *= 2
	}
	switch {
	case p < 0.07: // errors beyond any usual objective
		load.ErrorRatio = 0.003 + 0.006*degree
	case p < 0.12: // a long tail
		load.SlowRatio = 0.02 + 0.03*degree
	case p < 0.15: // a leak of file descriptors
		load.DescriptorShare = 0.75 + 0.15*degree
	case p < 0.20 && tier != 1: // a batch that works a part of the time
		load.IdleCycle = time.Duration(40+r.IntN(80)) * time.Minute
		load.Busy = 0.3 + 0.4*degree
	default:
		return true
	}
	return false
}
