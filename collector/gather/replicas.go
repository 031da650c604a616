package gather

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// Replicas is a client whose source has several replicas: servers with the
// same data, known by number, from 1. One is preferred, and asked unless a
// question names another.
type Replicas interface {
	Replicas() (n, preferred int)
	// Prefer makes another the preferred one.
	Prefer(number int)
	// StartTime asks a replica since when its process has run.
	StartTime(ctx context.Context, number int) (time.Time, error)
}

// otherTime is how long a tick may wait for what is asked because of replicas:
// what the preferred one has said must not come too late for it.
const otherTime = 5 * time.Second

// askReplicas asks a source of several replicas. All that a block says has come
// from one of them, so that its numbers agree with each other.
func (a *asker) askReplicas(ctx context.Context, k asking) []*slo.Block {
	a.choice.earn(k.span)
	began := a.choice.watch(ctx, k.span)
	first := a.put(k, func(q *question.Query, s question.Span) []*answer { return a.send(ctx, q, s, 0) })
	restarted := <-began
	limited, cancel := ctx, context.CancelFunc(func() {})
	if !k.span.Past() {
		limited, cancel = context.WithTimeout(ctx, otherTime)
	}
	defer cancel()

	number, settled := a.settle(limited, k, &first)
	blocks := a.blocks(ctx, k, first)
	doubts := a.choice.doubts(said{k.span, first, blocks, number, restarted == number})
	if settled {
		doubts = slices.DeleteFunc(doubts, func(d Doubt) bool { return d == DoubtError }) // another has just failed
	}
	why := a.choice.afford(k.span, doubts)
	if why == "" || ctx.Err() != nil {
		a.choice.remember(k.span, number, blocks)
		return blocks
	}
	other := a.choice.next(number)
	return a.choose(k, comparison{
		why: why, preferred: number, other: other, blocks: blocks, others: a.blocks(limited, k, a.putTo(limited, k, other, heard{})),
	})
}

// settle has all answers come from one replica, and returns its number: when the
// preference has moved on the way, what another has said is asked again of the
// one that is preferred now. asked reports whether that was needed.
func (a *asker) settle(ctx context.Context, k asking, h *heard) (number int, asked bool) {
	var voices []int
	for _, ans := range h.all() {
		if n := ans.report.Number; n != 0 && !slices.Contains(voices, n) {
			voices = append(voices, n)
		}
	}
	_, preferred := a.choice.replicas.Replicas()
	switch {
	case len(voices) == 1:
		return voices[0], false
	case len(voices) == 0 || !a.choice.spend(k.span, DoubtError):
		return preferred, false
	}
	*h = a.putTo(ctx, k, preferred, *h)
	a.choice.compared(DoubtError, true)
	return preferred, true
}

// putTo asks one replica. What it has answered before is not asked again. When it
// cannot be reached it is asked no more.
func (a *asker) putTo(ctx context.Context, k asking, number int, before heard) heard {
	known := map[*question.Query][]*answer{}
	var old []*answer
	for _, answers := range append(slices.Clone(before.wanted), before.births...) {
		if slices.ContainsFunc(answers, func(ans *answer) bool { return ans.report.Number != number }) {
			old = append(old, answers...)
		} else if len(answers) > 0 {
			known[answers[0].query] = answers
		}
	}
	var gone atomic.Bool
	h := a.put(k, func(q *question.Query, s question.Span) []*answer {
		if answers, ok := known[q]; ok {
			return answers
		}
		if gone.Load() {
			return []*answer{a.leftOut(q, s, "another replica of source "+a.Name+" did not answer the question before")}
		}
		answers := a.send(ctx, q, s, number)
		if slices.ContainsFunc(answers, func(ans *answer) bool { return isGone(ans.err) }) {
			gone.Store(true)
		}
		return answers
	})
	h.thrownAway = costOf(old)
	h.thrownAway.Failed = 0
	return h
}

// isGone reports whether a replica would answer nothing else either.
func isGone(err error) bool {
	switch promapi.KindOf(err) {
	case promapi.KindUnreachable, promapi.KindTimeout, promapi.KindUnavailable, promapi.KindUnauthorized, promapi.KindNotPrometheus,
		promapi.KindRateLimited, promapi.KindBreakerOpen, promapi.KindCanceled:
		return !promapi.IsTooSlow(err)
	}
	return false
}

// comparison is what two replicas have said to the same questions.
type comparison struct {
	why              Doubt
	preferred, other int // their numbers
	blocks, others   []*slo.Block
}

// choose takes for each instant the block of one replica. The better one of a
// tick is preferred from then on; what one of them has of the past says nothing
// about now.
func (a *asker) choose(k asking, c comparison) []*slo.Block {
	cost := c.blocks[0].Cost.Plus(c.others[0].Cost)
	out, taken := slices.Clone(c.blocks), false
	for i := range out {
		if a.better(c.blocks[i], c.others[i]) {
			out[i], taken = c.others[i], true
		}
		failed := out[i].Cost.Failed // of the questions, which both were asked
		out[i].Cost = cost
		out[i].Cost.Failed = failed
	}
	a.choice.judged(k.span, c, taken)
	if taken && !k.span.Past() {
		a.choice.replicas.Prefer(c.other)
	}
	return out
}

// better reports whether the block of another replica stands before that of the
// preferred one: it is more complete, or has more targets that are up, or has
// counted more.
func (a *asker) better(preferred, other *slo.Block) bool {
	if p, o := faults(preferred), faults(other); p != o {
		return o < p
	}
	if p, o := targetsUp(preferred), targetsUp(other); p != o {
		return o > p
	}
	return a.lead(preferred, other) > 0
}

// faults counts the questions that a block has no answer to.
func faults(b *slo.Block) int {
	n := 0
	for i := range b.Columns {
		if b.Columns[i].Fault != nil || b.Columns[i].BirthFault != nil {
			n++
		}
	}
	for i := range b.Targets {
		if b.Targets[i].Fault != nil {
			n++
		}
	}
	return n
}

func targetsUp(b *slo.Block) int {
	n := 0
	for i := range b.Targets {
		for _, r := range b.Targets[i].Rows {
			n += int(r.Up)
		}
	}
	return n
}

// noise is the share by which two replicas differ that have the same data: they
// scrape at other instants.
const noise = 0.01

// lead is by how much another replica has counted more than the preferred one:
// the sum, over the questions, of the shares by which its total is larger. Shares
// and no counts, so that one busy question does not speak for all; of a gauge the
// rows are counted.
func (a *asker) lead(preferred, other *slo.Block) float64 {
	var lead float64
	for q := range preferred.Columns {
		counted := a.plan.Questions[q].Check.Kind.Counted()
		p, o := size(&preferred.Columns[q], counted), size(&other.Columns[q], counted)
		if most := max(p, o); most > 0 && max(p-o, o-p) > noise*most {
			lead += (o - p) / most
		}
	}
	return lead
}

func size(c *slo.Column, counted bool) float64 {
	if !counted {
		return float64(len(c.Rows))
	}
	var total float64
	for i := range c.Rows {
		total += c.Rows[i].Counts.Total
	}
	return total
}
