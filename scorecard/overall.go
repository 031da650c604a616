package scorecard

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/slo"
)

// Overall is the name of the built-in scorecard over all rubrics of a service.
const Overall = rubric.Overall

// heldFor is for how long an unknown score stands with its last value, in the
// overall scorecard and in rollups.
const heldFor = 24 * time.Hour

// minKnownWeight is the share of weight that must have a score for there to be
// one over all.
const minKnownWeight = 0.8

// OverallInput is what the overall scorecard of a service is made of.
type OverallInput struct {
	// Cards are the scorecards of one service at one tick, as Grade has returned
	// them. Drafts are passed over.
	Cards []*Scorecard
	// Rubrics are those of the cards, in the same order; for their weights.
	Rubrics  []*rubric.Rubric
	Previous *State // of the overall scorecard; nil: empty
}

// GradeOverall weighs the scores of a service's rubrics into one scorecard,
// which has no results and no level. An unknown rubric stands with its last
// score for a day. It is nil where no rubric counts.
func GradeOverall(in OverallInput) (*Scorecard, *State) {
	parts := partsOf(&in)
	if len(parts) == 0 {
		return nil, nil
	}
	first := parts[0].card
	card := &Scorecard{
		Rubric: Overall, RubricVersion: versionOf(parts), Environment: first.Environment, Service: first.Service,
		EvaluatedAt: first.EvaluatedAt, DataTime: first.DataTime, Stateless: first.Stateless, LevelRank: ptr(0),
	}
	card.sumOverall(parts)
	next := &State{RubricVersion: card.RubricVersion}
	card.remember(&Input{Tick: first.DataTime, Previous: in.Previous}, next)
	return card, next
}

// WithoutEchoes leaves out the overall scorecards that sum up one rubric alone,
// for readers whom they would tell nothing new. The order stays.
func WithoutEchoes(cards []*Scorecard) []*Scorecard {
	rubrics := map[catalog.ID]int{}
	for _, c := range cards {
		if c.Rubric != Overall && !c.Draft {
			rubrics[c.Service.ID]++
		}
	}
	return slices.DeleteFunc(slices.Clone(cards), func(c *Scorecard) bool {
		return c.Rubric == Overall && rubrics[c.Service.ID] < 2
	})
}

// part is a rubric's share of the overall scorecard.
type part struct {
	card   *Scorecard
	weight float64
}

// partsOf returns what counts, in order of rubric name.
func partsOf(in *OverallInput) []part {
	var parts []part
	for i, c := range in.Cards {
		if c != nil && !c.Draft && in.Rubrics[i].Weight > 0 {
			parts = append(parts, part{c, in.Rubrics[i].Weight})
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.card.Rubric, b.card.Rubric) })
	return parts
}

func versionOf(parts []part) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintln(h, p.card.Rubric, p.card.RubricVersion, p.weight)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// StandsAt returns the score with which a scorecard stands in the overall one and
// in rollups: the one that it has, or, held, the one that it had up to a day
// before the tick.
func (c *Scorecard) StandsAt(tick time.Time) (score float64, held, ok bool) {
	switch {
	case c.Score != nil:
		return *c.Score, false, true
	case c.Status == Unknown && c.LastScore != nil && tick.Sub(c.LastScoredAt) <= heldFor:
		return *c.LastScore, true, true
	}
	return 0, false, false
}

// overall is the sums over the parts of an overall scorecard.
type overall struct {
	all, known                float64 // weights
	score                     float64 // weight times score of what is known
	bare, unwaived            float64 // weight, and weight times score, as if there were no waivers
	low, high                 float64
	coverage, fresh           float64
	capping                   string // the heaviest rubric that is capped, then by name
	capWeight                 float64
	capKnown, blind, capBared bool
}

func (o *overall) add(p part) {
	c, w := p.card, p.weight
	o.all += w
	o.coverage += w * c.Coverage
	o.fresh += w * c.FreshCoverage
	o.low += w * *c.ScoreLow
	o.high += w * *c.ScoreHigh
	o.blind = o.blind || c.caps.blind
	o.capBared = o.capBared || c.caps.unwaived
	o.capKnown = o.capKnown || c.caps.known
	if c.caps.any && w > o.capWeight { // be the rubric's own score known or not
		o.capping, o.capWeight = c.Rubric, w
	}
	score, _, ok := c.StandsAt(c.DataTime)
	if !ok {
		return
	}
	o.known += w
	o.score += w * score
	if c.ScoreWithoutWaivers != nil {
		score = *c.ScoreWithoutWaivers
	}
	o.bare += w
	o.unwaived += w * score
}

// waivedAway reports whether waivers have left nothing to score.
func (c *Scorecard) waivedAway() bool {
	return c.Status == NotScored && slices.ContainsFunc(c.Results, func(r Result) bool { return r.Verdict == Waived && r.Weight > 0 })
}

// addWaived adds a rubric that waivers have left nothing of: it counts in what
// would be without them.
func (o *overall) addWaived(p part) {
	if p.card.ScoreWithoutWaivers == nil {
		return
	}
	o.bare += p.weight
	o.unwaived += p.weight * *p.card.ScoreWithoutWaivers
	o.capBared = o.capBared || p.card.caps.unwaived
}

// sumOverall sets score, coverage, bounds, cap and pass. A rubric with a
// critical fail caps the whole, as it would itself be capped.
func (c *Scorecard) sumOverall(parts []part) {
	var o overall
	failed, unclear := false, false
	for _, p := range parts {
		switch {
		case p.card.Status != NotScored:
			o.add(p)
		case p.card.waivedAway():
			o.addWaived(p)
		default:
			continue // nothing of it applies
		}
		failed = failed || p.card.Pass != nil && !*p.card.Pass
		unclear = unclear || p.card.Pass == nil
	}
	if o.all == 0 {
		c.Status = NotScored
		c.setUnwaived(&o)
		return
	}
	c.Status, c.Coverage, c.FreshCoverage = Unknown, o.coverage/o.all, o.fresh/o.all
	switch {
	case failed:
		c.Pass = ptr(false)
	case !unclear:
		c.Pass = ptr(true)
	}
	if o.known > 0 && slo.AtLeast(o.known, minKnownWeight*o.all) {
		c.Status = Scored
		c.scoreOverall(&o)
	}
	c.boundOverall(&o)
}

func (c *Scorecard) scoreOverall(o *overall) {
	raw := math.Min(100, o.score/o.known)
	score := capped(raw, o.capping != "")
	if o.capping != "" && !slo.AtMost(raw, criticalCap) {
		c.CappedBy = o.capping
	}
	c.RawScore, c.Score, c.CapPoints = ptr(raw), ptr(score), ptr(raw-score)
	c.setUnwaived(o)
	c.Grade = gradeOf(score)
}

// setUnwaived sets the score as if there were no waivers, of which there may be
// one even where they have left nothing of any rubric.
func (c *Scorecard) setUnwaived(o *overall) {
	if o.bare > 0 {
		c.ScoreWithoutWaivers = ptr(capped(math.Min(100, o.unwaived/o.bare), o.capBared))
	}
}

// boundOverall weighs the bounds of all rubrics. The last score of one that is
// unknown may lie outside its bounds: those over all contain the score.
func (c *Scorecard) boundOverall(o *overall) {
	low, high := o.low/o.all, math.Min(100, o.high/o.all)
	if o.capping != "" || o.blind {
		low = math.Min(low, criticalCap)
	}
	if o.capKnown {
		high = math.Min(high, criticalCap)
	}
	if c.Score != nil {
		low, high = math.Min(low, *c.Score), math.Max(high, *c.Score)
	}
	c.ScoreLow, c.ScoreHigh = ptr(math.Min(low, high)), ptr(high) // rounding may have put low above
}
