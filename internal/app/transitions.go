package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// changesAtOnce is how many changes are read from the store at a time.
const changesAtOnce = 1000

// lastChange returns the id of the newest change.
func (t demoTeller) lastChange(ctx context.Context) uint64 {
	var seen uint64
	for {
		changes, _, err := t.service.store.Changes(ctx, seen, changesAtOnce)
		if err != nil || len(changes) == 0 {
			return seen
		}
		seen = changes[len(changes)-1].ID
	}
}

// changes prints the changes after one, and returns the id of the last.
func (t demoTeller) changes(ctx context.Context, seen uint64) uint64 {
	for {
		changes, _, err := t.service.store.Changes(ctx, seen, changesAtOnce)
		if err != nil || len(changes) == 0 {
			return seen
		}
		for _, c := range changes {
			if c.Key.Rubric == scorecard.Overall {
				continue // it only repeats what the rubrics say
			}
			say(t.out, "%s  %s", c.Time.Local().Format(time.TimeOnly), describe(c))
		}
		seen = changes[len(changes)-1].ID
	}
}

// describe says a change in one line.
func describe(c scorecard.Change) string {
	subject := fmt.Sprintf("%s  %s", c.Key.Service, c.Key.Rubric)
	from, to := cmp.Or(c.From, "none"), cmp.Or(c.To, "none")
	var b strings.Builder
	switch c.Kind {
	case scorecard.VerdictChanged:
		fmt.Fprintf(&b, "%s/%s  %s → %s", subject, c.Check, from, to)
		if c.Message != "" {
			fmt.Fprintf(&b, "  %s", c.Message)
		}
	case scorecard.GradeChanged:
		fmt.Fprintf(&b, "%s  grade %s → %s", subject, from, to)
	case scorecard.LevelChanged:
		fmt.Fprintf(&b, "%s  level %s → %s", subject, from, to)
	case scorecard.StatusChanged:
		fmt.Fprintf(&b, "%s  %s → %s", subject, from, to)
	case scorecard.ScorecardAdded:
		fmt.Fprintf(&b, "%s  is graded now", subject)
	case scorecard.ScorecardRemoved:
		fmt.Fprintf(&b, "%s  is graded no more", subject)
	}
	if c.Kind == scorecard.GradeChanged && c.FromScore != nil && c.ToScore != nil {
		fmt.Fprintf(&b, "  score %s → %s", scorecard.RoundScore(*c.FromScore), scorecard.RoundScore(*c.ToScore))
	}
	return b.String()
}
