package collector

import (
	"time"

	"github.com/apgarhq/apgar/slo"
)

// span is the instants that an answer is about: one for an instant query.
type span struct {
	start, step int64 // Unix seconds
	n           int
}

func instant(t int64) span { return span{start: t, step: 1, n: 1} }

func (s span) at(i int) int64 { return s.start + int64(i)*s.step }

func (s span) last() int64 { return s.at(s.n - 1) }

// clockTolerance is how many seconds the timestamp of an instant answer may be
// off: some sources shift the newest instants by their latency.
const clockTolerance = 60

// place returns which instant a timestamp in milliseconds is, or -1.
func (s span) place(ms int64) int {
	seconds := ms / 1000
	if s.n == 1 {
		if max(seconds-s.start, s.start-seconds) > clockTolerance {
			return -1
		}
		return 0
	}
	if ms%1000 != 0 || seconds < s.start || (seconds-s.start)%s.step != 0 {
		return -1
	}
	if i := (seconds - s.start) / s.step; i < int64(s.n) {
		return int(i)
	}
	return -1
}

// isBoundary reports whether a slot ends at a tick.
func isBoundary(tick time.Time) bool { return tick.Unix()%seconds(slo.SlotLength) == 0 }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
