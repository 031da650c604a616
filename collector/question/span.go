package question

import (
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Span is the instants that an answer is about: one for an instant query.
type Span struct {
	Start int64 // the first, in Unix seconds
	Step  int64 // seconds from one to the next, at least 1
	N     int   // how many there are, at least 1
	// Final is the end of the newest slot that is as good as it gets, in Unix
	// seconds; what was born is asked of none that ends later. 0: of none.
	Final int64
}

// FinalAge is how old a slot is when it is final: it has been asked again twice.
const FinalAge = 2 * slo.SlotLength

// FinalSlots returns the ends of the final slots in a span that has the end of
// every slot that it reaches over. ok is false when there are none.
func (s Span) FinalSlots() (slots Span, ok bool) {
	const length = int64(slo.SlotLength / time.Second)
	first, last := (s.Start+length-1)/length*length, min(s.Last(), s.Final)
	if last < first || (first-s.Start)%s.Step != 0 || length%s.Step != 0 {
		return Span{}, false
	}
	return Span{Start: first, Step: length, N: int((last-first)/length) + 1}, true
}

// Instant is a span of one instant, in Unix seconds.
func Instant(t int64) Span { return Span{Start: t, Step: 1, N: 1} }

// Past reports that a span is a stretch of slots or ticks, be it a single one, that
// is asked about afterwards; otherwise it is one instant that is asked about for its
// own sake, as a tick is.
func (s Span) Past() bool { return s.N > 1 || s.Step > 1 }

// At returns an instant by its place, in Unix seconds.
func (s Span) At(i int) int64 { return s.Start + int64(i)*s.Step }

// Last returns the last instant, in Unix seconds.
func (s Span) Last() int64 { return s.At(s.N - 1) }

// clockTolerance is how many seconds the timestamp of an instant answer may be
// off: some sources shift the newest instants by their latency.
const clockTolerance = 60

// Place returns the place of the instant that a timestamp, in Unix milliseconds,
// is; -1 if it is none. A single instant may be off by clockTolerance.
func (s Span) Place(ms int64) int {
	seconds := ms / 1000
	if s.N == 1 {
		if max(seconds-s.Start, s.Start-seconds) > clockTolerance {
			return -1
		}
		return 0
	}
	if ms%1000 != 0 || seconds < s.Start || (seconds-s.Start)%s.Step != 0 {
		return -1
	}
	if i := (seconds - s.Start) / s.Step; i < int64(s.N) {
		return int(i)
	}
	return -1
}

// IsBoundary reports whether a slot ends at a tick.
func IsBoundary(tick time.Time) bool { return tick.Unix()%seconds(slo.SlotLength) == 0 }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
