package page

import (
	"cmp"
	"slices"

	"github.com/apgarhq/apgar/scorecard"
)

const (
	maxConcerns = 6
	maxUnknowns = 2
)

// concern is a service that somebody should look at, and why.
type concern struct {
	cell
	Check, Message, Owner string
}

// concerns returns the services with the lowest scores among those with a
// check that fails or warns, then some of those that are unknown, and how many
// more of these there are.
func (r *Renderer) concerns(standings []standing) (poor, unknown []concern, more int) {
	var worst, blind []standing
	for _, s := range standings {
		switch {
		case s.speaker == nil:
		case s.speaker.Score == nil && s.speaker.Status == scorecard.Unknown:
			blind = append(blind, s)
		case s.speaker.Score != nil && costliest(s.speaker) != nil:
			worst = append(worst, s)
		}
	}
	slices.SortStableFunc(worst, func(a, b standing) int { return cmp.Compare(*a.speaker.Score, *b.speaker.Score) })
	for _, s := range worst[:min(len(worst), maxConcerns)] {
		poor = append(poor, r.concern(s, costliest(s.speaker)))
	}
	for _, s := range blind[:min(len(blind), maxUnknowns)] {
		unknown = append(unknown, r.concern(s, firstUnknown(s.speaker)))
	}
	return poor, unknown, len(blind) - len(unknown)
}

func (r *Renderer) concern(s standing, why *scorecard.Result) concern {
	c := concern{cell: r.cell(s), Owner: s.service.Owner}
	if why == nil {
		return c
	}
	c.Check, c.Message = cmp.Or(why.Title, why.Check), cmp.Or(why.Message, why.Reason)
	return c
}

// costliest returns the failing or warning check that costs the most points.
func costliest(c *scorecard.Scorecard) *scorecard.Result {
	var found *scorecard.Result
	for i := range c.Results {
		r := &c.Results[i]
		if r.Verdict != scorecard.Fail && r.Verdict != scorecard.Warn || r.Weight <= 0 {
			continue
		}
		if found == nil || lost(r) > lost(found) {
			found = r
		}
	}
	return found
}

func lost(r *scorecard.Result) float64 {
	if r.PointsLost == nil {
		return 0
	}
	return *r.PointsLost
}

func firstUnknown(c *scorecard.Scorecard) *scorecard.Result {
	for i := range c.Results {
		if c.Results[i].Verdict == scorecard.VerdictUnknown {
			return &c.Results[i]
		}
	}
	return nil
}
