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
}

// Instant is a span of one instant, in Unix seconds.
func Instant(t int64) Span { return Span{Start: t, Step: 1, N: 1} }

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
