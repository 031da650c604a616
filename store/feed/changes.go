package feed

import (
	"slices"

	"github.com/apgarhq/apgar/scorecard"
)

// changeLog keeps the newest changes. Their ids have no gaps, so a change is
// found by its distance from the newest.
type changeLog struct {
	limit  int
	lastID uint64
	kept   []scorecard.Change // up to twice the limit: older ones go in one move
}

// append takes copies of changes, and drops what is beyond the limit. Changes
// that do not follow the newest one replace all that was kept; those that are
// there already are passed over.
func (l *changeLog) append(changes []scorecard.Change) {
	for len(changes) > 0 && changes[0].ID <= l.lastID {
		changes = changes[1:]
	}
	if len(changes) == 0 {
		return
	}
	if changes[0].ID != l.lastID+1 {
		l.kept = nil
	}
	l.kept = append(l.kept, changes...)
	l.lastID = changes[len(changes)-1].ID
	if len(l.kept) >= 2*l.limit {
		kept := copy(l.kept, l.newest())
		clear(l.kept[kept:])
		l.kept = l.kept[:kept]
	}
}

// moveTo makes id the newest one given out. Changes up to it that nobody has
// brought are lost, and those before them with them.
func (l *changeLog) moveTo(id uint64) {
	if id > l.lastID {
		l.lastID, l.kept = id, nil
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
