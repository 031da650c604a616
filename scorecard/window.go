package scorecard

import (
	"math"
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
// place of those that cannot be judged, and remembers those that may soon be
// missed.
func (j *judgement) keepWindows() {
	given := j.facts.Windows
	j.windows = make([]window, len(given))
	kept := make([]WindowState, 0, len(given))
	now := j.result.DataTime.Unix()
	for i, w := range given {
		j.windows[i] = window{w, true}
		if w.Judged(j.neededOf(w.Length)) {
			if j.mayBeMissed(w) {
				kept = append(kept, WindowState{w.Length, slo.Counts{Bad: toMillionths(w.Counts.Bad), Total: toMillionths(w.Counts.Total)}, now})
			}
			continue
		}
		at := slices.IndexFunc(j.previous.Windows, func(k WindowState) bool { return k.Length == w.Length })
		if at < 0 || now-j.previous.Windows[at].At > int64(j.grace/time.Second) {
			j.windows[i].judged = false
			continue
		}
		last := j.previous.Windows[at]
		j.windows[i].Counts = last.Counts
		kept = append(kept, last)
	}
	j.next.Windows = kept
}

// mayBeMissed reports whether a judged window can come to be measured too
// thinly within the grace. A long one that is measured well cannot, and need
// not be remembered: it loses at most as many slots as the grace has, and the
// slots of an hour where its far edge is rounded to one.
func (j *judgement) mayBeMissed(w slo.Window) bool {
	const hour = int(time.Hour / slo.SlotLength)
	slots := int(j.grace/slo.SlotLength) + 1
	if w.Length > 3*24*time.Hour {
		slots += hour
	}
	return !slo.AtLeast(float64(w.Measured-slots), j.neededOf(w.Length)*float64(w.Expected+slots))
}

// toMillionths rounds a number of events to what is worth storing.
func toMillionths(x float64) float64 {
	const most, parts = 1e9, 1e6
	if x > most {
		return x
	}
	return math.Round(x*parts) / parts
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
