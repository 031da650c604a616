package scorecard

import (
	"cmp"
	"time"
)

// Diff returns what changed from one generation of scorecards to the next,
// in the order of the scorecards. Both lists are sorted as Compare orders them.
// Changes have no ids yet: the store gives them.
func Diff(before, after []*Scorecard, tick time.Time) []Change {
	var changes []Change
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		var old, now *Scorecard
		switch order := compareAt(before, i, after, j); {
		case order < 0:
			old = before[i]
			i++
		case order > 0:
			now = after[j]
			j++
		default:
			old, now = before[i], after[j]
			i, j = i+1, j+1
		}
		changes = append(changes, diffOne(old, now, tick)...)
	}
	return changes
}

func compareAt(before []*Scorecard, i int, after []*Scorecard, j int) int {
	switch {
	case i >= len(before):
		return 1
	case j >= len(after):
		return -1
	}
	return Compare(before[i], after[j])
}

// Compare orders scorecards by rubric, then by service.
func Compare(a, b *Scorecard) int {
	return cmp.Or(cmp.Compare(a.Rubric, b.Rubric), a.Service.ID.Compare(b.Service.ID))
}

func diffOne(old, now *Scorecard, tick time.Time) []Change {
	switch {
	case old == nil:
		c := newChange(now, ScorecardAdded, tick)
		c.To, c.ToScore = string(now.Status), now.Score
		return []Change{c}
	case now == nil:
		c := newChange(old, ScorecardRemoved, tick)
		c.From, c.FromScore = string(old.Status), old.Score
		return []Change{c}
	case old == now:
		return nil
	}
	var changes []Change
	add := func(kind ChangeKind, from, to string) {
		if from == to {
			return
		}
		c := newChange(now, kind, tick)
		c.From, c.To, c.FromScore, c.ToScore = from, to, old.Score, now.Score
		changes = append(changes, c)
	}
	add(StatusChanged, string(old.Status), string(now.Status))
	add(GradeChanged, old.Grade, now.Grade)
	add(LevelChanged, old.Level, now.Level)
	return append(changes, diffResults(old, now, tick)...)
}

func diffResults(old, now *Scorecard, tick time.Time) []Change {
	var changes []Change
	before := make(map[string]*Result, len(old.Results))
	for i := range old.Results {
		before[old.Results[i].Check] = &old.Results[i]
	}
	for i := range now.Results {
		r := &now.Results[i]
		was := before[r.Check]
		if was == nil || was.Verdict == r.Verdict {
			continue
		}
		c := newChange(now, VerdictChanged, tick)
		c.Check, c.From, c.To = r.Check, string(was.Verdict), string(r.Verdict)
		c.Reason, c.Message = r.Reason, r.Message
		c.FromScore, c.ToScore = old.Score, now.Score
		changes = append(changes, c)
	}
	return changes
}

func newChange(card *Scorecard, kind ChangeKind, tick time.Time) Change {
	return Change{Time: tick, Kind: kind, Key: card.Key(), Environment: card.Environment}
}
