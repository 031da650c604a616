package scorecard

import (
	"maps"
	"slices"

	"github.com/apgarhq/apgar/catalog"
)

// Roller rolls up the scorecards of a snapshot. It is immutable and safe for
// concurrent use.
type Roller struct {
	snapshot *Snapshot
	cards    map[string][]*Scorecard // by rubric; drafts are left out
	sources  map[catalog.ID][]string
}

// NewRoller prepares to roll up a snapshot.
func NewRoller(s *Snapshot) *Roller {
	r := &Roller{snapshot: s, cards: map[string][]*Scorecard{}, sources: SourcesOf(s.Scorecards)}
	for _, c := range s.Scorecards {
		if c != nil && c.Service != nil && !c.Draft {
			r.cards[c.Rubric] = append(r.cards[c.Rubric], c)
		}
	}
	return r
}

// Rubrics returns what can be rolled up, in order of name; Overall is among
// them unless there are drafts alone.
func (r *Roller) Rubrics() []string {
	return slices.Sorted(maps.Keys(r.cards))
}

// Of rolls up one rubric by every dimension, each in order of bucket name.
func (r *Roller) Of(rubric string) []Rollup {
	var all []Rollup
	for _, by := range Dimensions() {
		all = append(all, Rollups(RollupInput{
			By: by, Cards: r.cards[rubric], Catalog: r.snapshot.Catalog, Sources: r.sources, Tick: r.snapshot.Tick,
		})...)
	}
	return all
}
