package scorecard

import (
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// pairState is one burn pair at one tick.
type pairState struct {
	slo.Pair
	judged    bool
	fires     bool
	held      bool      // it fires only because cells did not answer
	idleSince time.Time // set while it only stays firing
}

func anyFires(pairs []pairState, page bool) bool {
	return slices.ContainsFunc(pairs, func(p pairState) bool { return p.Page == page && p.fires })
}

// judgePairs evaluates the burn table.
func (j *judgement) judgePairs(b *budgeting, share func(slo.Counts) float64) []pairState {
	pairs := make([]pairState, 0, len(b.table))
	for _, pair := range b.table {
		long, short := j.window(pair.Long), j.window(pair.Short)
		p := pairState{Pair: pair, judged: long.judged && short.judged}
		if p.judged {
			p.fires = fires(pair, long.Counts, short.Counts, b.objective, share)
			j.holdIdle(&p, short.Counts)
		}
		pairs = append(pairs, p)
	}
	return pairs
}

func fires(pair slo.Pair, long, short slo.Counts, objective float64, share func(slo.Counts) float64) bool {
	if pair.Page && (!slo.AtLeast(short.Bad, minBadShort) || !slo.AtLeast(long.Bad, minBadLong)) {
		return false
	}
	return slo.AtLeast(slo.Burn(share(long), objective), pair.Factor) &&
		slo.AtLeast(slo.Burn(share(short), objective), pair.Factor)
}

// holdIdle keeps a firing pair firing while its short window has no events:
// until it has ten good ones again, or for an hour.
func (j *judgement) holdIdle(p *pairState, short slo.Counts) {
	if p.fires {
		return
	}
	before, fired := j.previous.firing(p.Pair)
	if !fired {
		return
	}
	since := before.IdleSince
	if since.IsZero() {
		if short.Total > 0 {
			return
		}
		since = j.tick
	}
	if slo.AtLeast(short.Total-short.Bad, goodToClear) || j.tick.Sub(since) >= time.Hour {
		return
	}
	p.fires, p.idleSince = true, since
}

func (j *judgement) rememberFiring(pairs []pairState) {
	firing := []FiringPair(nil)
	for _, p := range pairs {
		if p.fires {
			firing = append(firing, FiringPair{p.Long, p.Short, p.idleSince})
		} else if before, fired := j.previous.firing(p.Pair); fired && !p.judged {
			firing = append(firing, before)
		}
	}
	j.next.Firing = firing
}

// cannotTell reports that too little is measured: a pair that was firing
// cannot be judged and no other page fires, or the result would be ok and no
// page pair can be judged.
func (j *judgement) cannotTell(pairs []pairState, reason string) bool {
	pageJudged, lost := false, false
	for _, p := range pairs {
		pageJudged = pageJudged || (p.Page && p.judged)
		_, fired := j.previous.firing(p.Pair)
		lost = lost || fired && !p.judged
	}
	return lost && !anyFires(pairs, true) || reason == ReasonOK && !pageJudged
}
