package scorecard

import (
	"time"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// detect reports whether a rubric is detected for the service, and notes in the
// next state by what it will be known to be: a row of any check that asks a
// source. Once detected it stays so until its checks have been without a row for
// a week, with targets up to witness that; what cannot be seen ends nothing.
func (in *Input) detect(next *State) bool {
	rows, absent, last := in.sightings()
	switch {
	case rows:
	case !in.detectedBefore():
		// The ledger may remember what this grading does not: a row that is not so
		// old that the rubric would have been given up. A slot ends up to its length
		// after a row.
		if last.IsZero() || in.Tick.Sub(last) >= stickyFor-slo.SlotLength {
			return false
		}
	case in.Previous.AbsentSince.IsZero():
		if absent {
			next.AbsentSince = in.Tick
		}
	case absent && in.Tick.Sub(in.Previous.AbsentSince) >= stickyFor:
		return false
	default:
		next.AbsentSince = in.Previous.AbsentSince
	}
	next.Detected = true
	return true
}

// sightings returns whether a check that asks a source has a row, or else
// whether it is sure that none has while targets are up, and the end of the
// newest slot in which any had one.
func (in *Input) sightings() (rows, absent bool, last time.Time) {
	up, faults, newest := 0, 0, int64(0)
	for i, check := range in.Rubric.Checks {
		if check.Kind == rubric.KindCatalog || i >= len(in.Facts) {
			continue
		}
		q := quorumOf(in.Facts[i].Cells)
		rows = rows || q.rows > 0
		faults += q.faults
		up += in.Facts[i].Up
		newest = max(newest, in.Facts[i].LastRow)
	}
	if newest > 0 {
		last = time.Unix(newest, 0).UTC()
	}
	return rows, !rows && faults == 0 && up > 0, last
}

// detectedBefore reports whether the rubric was detected when it was graded
// last, or, if it did not have to be then, whether one of its checks was judged
// from a row.
func (in *Input) detectedBefore() bool {
	if in.Previous == nil {
		return false
	}
	if in.Previous.Detected {
		return true
	}
	for _, check := range in.Previous.Checks {
		if check.Seen {
			return true
		}
	}
	return false
}
