package memstore

import (
	"slices"

	"github.com/apgarhq/apgar/scorecard"
)

// changeLog keeps the newest changes of a store. Ids count from 1 without
// gaps, so a change is found by its distance from the newest.
type changeLog struct {
	limit  int
	lastID uint64
	kept   []scorecard.Change // up to twice the limit: older ones go in one move
}

// append takes copies of changes, numbers them, and drops what is beyond the
// limit.
func (l *changeLog) append(changes []scorecard.Change, generation uint64) {
	for _, c := range changes {
		l.lastID++
		c.ID, c.Generation = l.lastID, generation
		l.kept = append(l.kept, c)
	}
	if len(l.kept) >= 2*l.limit {
		kept := copy(l.kept, l.newest())
		clear(l.kept[kept:])
		l.kept = l.kept[:kept]
	}
}

// after returns the changes after the one with the given id, and whether the
// reader has missed some or is ahead, and so starts with the oldest.
func (l *changeLog) after(id uint64, limit int) (changes []scorecard.Change, reset bool) {
	newest := l.newest()
	dropped := l.lastID - uint64(len(newest))
	if id < dropped || id > l.lastID {
		id, reset = dropped, true
	}
	rest := newest[id-dropped:]
	if limit > 0 && len(rest) > limit {
		rest = rest[:limit]
	}
	return slices.Clone(rest), reset
}

// newest returns the changes within the limit.
func (l *changeLog) newest() []scorecard.Change {
	return l.kept[max(0, len(l.kept)-l.limit):]
}
