// Package history says what every store keeps of the past of a scorecard, and
// for how long: the same rules whether the points lie in memory or in Redis.
// Times are whole Unix seconds. It keeps nothing itself.
package history

import (
	"math"
	"time"
)

// Tier is one resolution at which history is kept, in seconds.
type Tier struct {
	Width int64 // of a bucket, which keeps its last point; aligned to 1970
	Span  int64 // a point is kept while it is younger than this
}

// TierCount is how many resolutions there are.
const TierCount = 3

// Tiers returns the resolutions, finest first: every tick for 2 hours, every 5
// minutes for 48 hours, every hour for 90 days.
func Tiers() [TierCount]Tier {
	return [TierCount]Tier{
		{Width: 1, Span: 2 * 3600},
		{Width: 300, Span: 48 * 3600},
		{Width: 3600, Span: 90 * 24 * 3600},
	}
}

// Bucket numbers the buckets (n·width, (n+1)·width]; sec is positive.
func (t Tier) Bucket(sec int64) int64 { return (sec - 1) / t.Width }

// Stretch is a part of the past with the tier that it is read from.
type Stretch struct {
	Tier     int   // index into Tiers
	From, To int64 // (From, To]
}

// Stretches cuts (from, to] into the parts that each tier answers for, oldest
// first: of each stretch of time the finest that is kept there, at the newest
// tick. Empty parts are left out.
func Stretches(from, to, newest int64) []Stretch {
	var parts []Stretch
	tiers := Tiers()
	for i := TierCount - 1; i >= 0; i-- {
		part := Stretch{Tier: i, From: max(from, newest-tiers[i].Span), To: to}
		if i > 0 {
			part.To = min(to, newest-tiers[i-1].Span) // from there on, the finer tier
		}
		if part.From < part.To {
			parts = append(parts, part)
		}
	}
	return parts
}

// Resolution returns how far apart the points kept around at are; interval is
// the time between ticks. It is 0 where nothing is kept any more.
func Resolution(at, newest, interval int64) int64 {
	for _, t := range Tiers() {
		if at > newest-t.Span {
			return max(t.Width, interval)
		}
	}
	return 0
}

// Step numbers the buckets of a length, aligned to 1970, that include their
// end; without a positive length every second is one.
func Step(sec int64, length time.Duration) int64 {
	if length <= 0 {
		return sec
	}
	return (sec*int64(time.Second) - 1) / int64(length)
}

// Seconds rounds d up to whole seconds, to 1 at least.
func Seconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}

// coverageUnits make up a coverage of 1.
const coverageUnits = 10_000

// PackCoverage rounds a ratio to ten-thousandths, so that 0.8 reads back as
// 0.8, which a float32 would not; what is short of 1 stays short of it.
func PackCoverage(ratio float64) uint16 {
	switch {
	case ratio >= 1:
		return coverageUnits
	case ratio > 0:
		return uint16(min(coverageUnits-1, math.Round(ratio*coverageUnits)))
	default: // NaN too
		return 0
	}
}

// Coverage is the ratio that PackCoverage made.
func Coverage(packed uint16) float64 { return float64(packed) / coverageUnits }

// ScoreOrNaN returns NaN for a score that is unknown or not finite.
func ScoreOrNaN(score *float64) float64 {
	if score == nil || math.IsInf(*score, 0) {
		return math.NaN()
	}
	return *score
}
