package scorecard

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// Shares of slots that must be measured before a window is judged.
const (
	windowCoverage = 0.8
	periodCoverage = 0.9
)

// window is one window of a counted check at a tick. One that is measured too
// thinly keeps the counts that it was last judged by, for the grace.
type window struct {
	slo.Window
	judged bool
}

// keepWindows takes the windows of the facts, puts what was last judged in the
// place of those that cannot be judged, and remembers all that are judged.
func (j *judgement) keepWindows() {
	given := j.facts.Windows
	j.windows = make([]window, len(given))
	kept := make([]WindowState, 0, len(given))
	for i, w := range given {
		j.windows[i] = window{Window: w}
		last := WindowState{w.Length, w.Counts, j.result.DataTime.Unix()}
		if !w.Judged(j.neededOf(w.Length)) {
			at := slices.IndexFunc(j.previous.Windows, func(k WindowState) bool { return k.Length == w.Length })
			if at < 0 || last.At-j.previous.Windows[at].At > int64(j.grace/time.Second) {
				continue
			}
			last = j.previous.Windows[at]
		}
		j.windows[i].Counts, j.windows[i].judged = last.Counts, true
		kept = append(kept, last)
	}
	j.next.Windows = kept
}

// neededOf returns the share of a window that must be measured.
func (j *judgement) neededOf(length time.Duration) float64 {
	if j.check.Objective > 0 && length == j.check.Period {
		return periodCoverage
	}
	return windowCoverage
}

// window returns the window of a length; a zero one where there is none.
func (j *judgement) window(length time.Duration) window {
	for i := range j.windows {
		if j.windows[i].Length == length {
			return j.windows[i]
		}
	}
	return window{}
}
