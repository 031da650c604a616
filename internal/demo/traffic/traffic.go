// Package traffic says what the counters of one instance of a service read at a given time.
//
// Every reading is a pure function of the clock, of the instance's Load and of the Episodes it lives through: the
// requests are the integral of a rate, and failures and slow requests are thinned out of the requests one by one. So
// counters never go back, agree with each other at every instant, and history written ahead of time continues into
// live scrapes without a reset. The package knows nothing of Prometheus, of names or of other instances.
package traffic

import (
	"math"
	"time"
)

// Load is how one instance is used, and how well it answers, while nothing out of the ordinary happens. It is a value:
// copying it is safe.
type Load struct {
	// Rate is the mean number of requests per second; zero or more.
	Rate float64
	// Daily is how much of the rate comes and goes with the day: 0 (none) to 0.7.
	Daily float64
	// PeakHour is the hour of the day, in UTC, of the most traffic: 0 to 24.
	PeakHour float64
	// Ripple is a faster wave on top, 0 to 0.25, of period RipplePeriod.
	Ripple       float64
	RipplePeriod time.Duration
	// IdleCycle, if positive, makes the instance work only for the share Busy (0 to 1) of each cycle of that length,
	// at a constant rate.
	IdleCycle time.Duration
	Busy      float64
	// ErrorRatio, NotFoundRatio and SlowRatio are the shares of the requests that answer 500, that answer 404, and
	// that take longer than 500 ms; each 0 to 0.9.
	ErrorRatio, NotFoundRatio, SlowRatio float64
	// DescriptorShare is the share of MaxDescriptors that is open: 0 to 1.
	DescriptorShare float64
	MaxDescriptors  float64
	// Uptime is how long before the demo's start the process started.
	Uptime time.Duration
	// Version is what the instance says it runs.
	Version string
}

// Episode is a stretch of time, from From inclusive to To exclusive, in which an instance behaves otherwise than its
// Load says. A field left at zero keeps the Load's value.
type Episode struct {
	From, To        time.Time
	ErrorRatio      float64
	SlowRatio       float64
	DescriptorShare float64
	Version         string
}

// BucketCount is the number of buckets of the latency histogram, +Inf included.
const BucketCount = 7

// Bounds returns the upper bounds of the latency histogram's buckets in seconds, ascending, without +Inf.
func Bounds() [BucketCount - 1]float64 {
	return [...]float64{0.05, 0.1, 0.25, 0.5, 1, 2.5}
}

// Reading is what an instance would expose at one time. OK + NotFound + Failed equals the last bucket.
type Reading struct {
	OK, NotFound, Failed uint64
	// Buckets are cumulative; the last one is +Inf, the number of observations.
	Buckets [BucketCount]uint64
	// Sum is the total of the observed durations in seconds.
	Sum float64
	// OpenDescriptors, MaxDescriptors and InFlight are gauges.
	OpenDescriptors, MaxDescriptors, InFlight float64
	// StartTime is when the process started, in seconds since 1970.
	StartTime float64
	Version   string
}

// requestsUntil integrates the rate from the process' start to t, both in seconds since 1970.
func (l *Load) requestsUntil(start, t float64) float64 {
	elapsed := t - start
	if elapsed <= 0 || l.Rate <= 0 {
		return 0
	}
	if l.IdleCycle > 0 {
		cycle := l.IdleCycle.Seconds()
		whole, part := math.Modf(elapsed / cycle)
		return l.Rate * cycle * (whole*l.Busy + math.Min(part, l.Busy))
	}
	area := elapsed + l.Daily*waveArea(start, t, day, l.peakShift())
	if l.Ripple > 0 && l.RipplePeriod > 0 {
		area += l.Ripple * waveArea(start, t, l.RipplePeriod.Seconds(), 0)
	}
	return l.Rate * area
}

// rateAt is the derivative of requestsUntil at t.
func (l *Load) rateAt(start, t float64) float64 {
	if t < start {
		return 0
	}
	if l.IdleCycle > 0 {
		_, part := math.Modf((t - start) / l.IdleCycle.Seconds())
		if part < l.Busy {
			return l.Rate
		}
		return 0
	}
	r := 1 + l.Daily*math.Sin(2*math.Pi*(t-l.peakShift())/day)
	if l.Ripple > 0 && l.RipplePeriod > 0 {
		r += l.Ripple * math.Sin(2*math.Pi*t/l.RipplePeriod.Seconds())
	}
	return l.Rate * r
}

const day = 24 * 3600.0

// peakShift is the shift in seconds that puts the crest of the daily wave at PeakHour.
func (l *Load) peakShift() float64 { return l.PeakHour*3600 - day/4 }

// waveArea integrates sin(2π(x − shift)/period) from start to t.
func waveArea(start, t, period, shift float64) float64 {
	w := 2 * math.Pi / period
	return (math.Cos(w*(start-shift)) - math.Cos(w*(t-shift))) / w
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
