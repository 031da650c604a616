package gather

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// asking is what there is to ask at once: queries about a span, and those about
// what was born in the slots of it that are final.
type asking struct {
	span   question.Span
	wanted []*question.Query
	slots  question.Span
	births []*question.Query // none: of no slot
	// measured is how often targets are scraped, whichever replica answers. It
	// is measured by whoever wants to know first.
	measured func() measurement
}

// heard is what came back, by place of the query.
type heard struct {
	wanted, births [][]*answer
	thrownAway     slo.Cost // of answers that were not taken
}

// all returns every answer.
func (h heard) all() []*answer {
	return append(slices.Concat(h.wanted...), slices.Concat(h.births...)...)
}

// ask puts every question that is due to the source, about each instant of
// the span, and returns one block for each instant. It always returns: what
// failed is a fault in its column. Questions that are not wished for are not
// asked. What was born is asked of the slots that are final, and how often targets
// are scraped of hours.
func (a *asker) ask(ctx context.Context, s question.Span, w question.Wish) []*slo.Block {
	started := time.Now()
	k := asking{span: s, wanted: a.wanted(a.queries, s, w)}
	if slots, ok := s.FinalSlots(); ok {
		k.slots, k.births = slots, a.wanted(a.births, s, w)
	}
	k.measured = sync.OnceValue(func() measurement { return a.measure(ctx, s, w) })
	if !s.Past() {
		go k.measured() // beside the rest; the past can wait
	}
	var blocks []*slo.Block
	if a.choice == nil || len(k.wanted) == 0 {
		blocks = a.blocks(ctx, k, a.put(k, func(q *question.Query, s question.Span) []*answer { return a.send(ctx, q, s, 0) }))
	} else {
		blocks = a.askReplicas(ctx, k)
	}
	measuring := k.measured().answers
	for _, ans := range measuring {
		a.tally.add([]*question.Query{ans.query}, [][]*answer{{ans}})
	}
	for _, b := range blocks {
		b.Cost = b.Cost.Plus(costOf(measuring))
		b.Cost.Duration = time.Since(started)
	}
	return blocks
}

// put asks, several queries at once unless it is about the past: that can wait,
// ticks go first.
func (a *asker) put(k asking, send func(*question.Query, question.Span) []*answer) heard {
	var group errgroup.Group
	if k.span.Past() {
		group.SetLimit(1)
	}
	h := heard{wanted: make([][]*answer, len(k.wanted)), births: make([][]*answer, len(k.births))}
	for i, q := range k.wanted {
		group.Go(func() error { h.wanted[i] = send(q, k.span); return nil })
	}
	for i, q := range k.births {
		group.Go(func() error { h.births[i] = send(q, k.slots); return nil })
	}
	_ = group.Wait()
	return h
}

// blocks makes the blocks of what came back. It may be called once for each
// answer.
func (a *asker) blocks(ctx context.Context, k asking, h heard) []*slo.Block {
	a.tally.add(k.wanted, h.wanted)
	a.tally.add(k.births, h.births)
	answers := slices.Concat(h.wanted...)
	a.explainBounds(ctx, answers)
	blocks := a.assemble(answers, newborn{k.slots, slices.Concat(h.births...)}, k.measured().paces, k.span)
	cost := costOf(h.all()).Plus(h.thrownAway)
	for _, b := range blocks {
		b.Cost = cost
	}
	return blocks
}

// askWithin is ask for what is left of a patience, of which it takes off what
// it used. Nothing is asked when there is none left.
func (a *asker) askWithin(ctx context.Context, s question.Span, w question.Wish, left *time.Duration) []*slo.Block {
	if *left <= 0 {
		var answers []*answer
		for _, q := range a.wanted(a.queries, s, w) {
			answers = append(answers, a.leftOut(q, s, "source "+a.Name+" answered about the past too slowly at the start; it is asked again later"))
		}
		return a.assemble(answers, newborn{}, nil, s)
	}
	limited, cancel := context.WithTimeout(ctx, *left)
	defer cancel()
	started := time.Now()
	defer func() { *left -= time.Since(started) }()
	return a.ask(limited, s, w)
}

// leftOut is the answer to a query that is not asked, and why.
func (a *asker) leftOut(q *question.Query, s question.Span, why string) *answer {
	ans := a.prepare(q, question.Piece{}, s)
	fan(ans.decoders).Reset()
	ans.fault = &slo.Fault{Reason: slo.SourceError, Detail: why}
	return ans
}
