package question

import (
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Span is the instants that an answer is about: one for an instant query.
type Span struct {
	Start, Step int64 // Unix seconds
	N           int
}

func Instant(t int64) Span { return Span{Start: t, Step: 1, N: 1} }

func (s Span) At(i int) int64 { return s.Start + int64(i)*s.Step }

func (s Span) Last() int64 { return s.At(s.N - 1) }

// clockTolerance is how many seconds the timestamp of an instant answer may be
// off: some sources shift the newest instants by their latency.
const clockTolerance = 60

// Place returns which instant a timestamp in milliseconds is, or -1.
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
