package backtest

import (
	"cmp"
	"slices"
	"time"

	"github.com/apgarhq/apgar/rubric"
)

// Report is what a comparison has found. Numbers that are not known are null.
type Report struct {
	From        time.Time           `json:"from"`
	To          time.Time           `json:"to"`
	Step        string              `json:"step"`
	Evaluations int                 `json:"evaluations"` // ticks that were compared
	Rubrics     []RubricReport      `json:"rubrics"`
	Cost        Cost                `json:"cost"`
	Faults      map[string][]string `json:"faults"` // what sources did not answer, by source
}

// Cost is what asking the sources comes to.
type Cost struct {
	Before  Asking `json:"before"`  // an evaluation by the rubrics before the changes
	After   Asking `json:"after"`   // and after them
	Queries int    `json:"queries"` // of the backtest itself
	Samples int64  `json:"samples"` // of the backtest itself, as sources count them; 0: they do not
}

// Asking is what one evaluation asks for.
type Asking struct {
	Queries int     `json:"queries"`
	Samples float64 `json:"samples"`
}

// RubricReport is what becomes of one rubric.
type RubricReport struct {
	Name          string          `json:"name"`
	Title         string          `json:"title"`
	VersionBefore string          `json:"version_before"` // "": there was none
	VersionAfter  string          `json:"version_after"`
	Services      int             `json:"services"` // graded at any tick, before or after
	End           Distributions   `json:"end"`      // at the last tick
	Span          Distributions   `json:"span"`     // of all ticks
	Timeline      []Point         `json:"timeline"`
	Losses        []Loss          `json:"losses"`
	Moves         []ServiceReport `json:"services_compared"`
	OnlyBefore    []string        `json:"only_before"` // services that the rubric does not apply to any more
	OnlyAfter     []string        `json:"only_after"`
}

// Distributions are those before and after.
type Distributions struct {
	Before     Distribution `json:"before"`
	After      Distribution `json:"after"`
	MeanBefore *float64     `json:"mean_before"`
	MeanAfter  *float64     `json:"mean_after"`
}

// Point is the mean score of the scored services at a tick.
type Point struct {
	Time   time.Time `json:"time"`
	Before *float64  `json:"before"`
	After  *float64  `json:"after"`
}

// Loss is a service whose level is lower after than before, at the end or at
// some tick on the way.
type Loss struct {
	Service string    `json:"service"`
	Owner   string    `json:"owner"`
	Before  string    `json:"before"` // at the newest tick at which it was lower; "": none
	After   string    `json:"after"`
	AtEnd   bool      `json:"at_end"` // still so at the last tick
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Share   float64   `json:"share"`  // of the ticks at which both levels are known
	Checks  []Blame   `json:"checks"` // that keep it from the next level, the gravest first
}

// Blame is a check that keeps a service from a level.
type Blame struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// ServiceReport is how the scores of a service compare.
type ServiceReport struct {
	Service    string   `json:"service"`
	Before     *float64 `json:"before"` // at the last tick
	After      *float64 `json:"after"`
	MeanBefore *float64 `json:"mean_before"`
	MeanAfter  *float64 `json:"mean_after"`
}

// Report sums up. The comparison may go on afterwards.
func (c *Comparison) Report() *Report {
	r := &Report{Evaluations: len(c.ticks), Faults: map[string][]string{}}
	if len(c.ticks) > 0 {
		r.From, r.To = c.ticks[0], c.ticks[len(c.ticks)-1]
	}
	for _, t := range c.rubrics {
		r.Rubrics = append(r.Rubrics, t.report(r.To))
	}
	return r
}

func (t *tally) report(end time.Time) RubricReport {
	r := RubricReport{
		Name: t.change.After.Name, Title: t.change.After.Title, VersionBefore: versionOf(t.change.Before), VersionAfter: t.change.After.Version,
		Services: len(t.services), Timeline: slices.Clone(t.timeline), End: distributions(t.end), Span: distributions(t.span),
		Losses: []Loss{}, Moves: []ServiceReport{}, OnlyBefore: []string{}, OnlyAfter: []string{},
	}
	for _, id := range sortedIDs(t.services) {
		h := t.services[id]
		if h.last != nil {
			r.Losses = append(r.Losses, h.loss(end))
		}
		switch {
		case t.change.Before == nil:
		case h.now[0] != nil && h.now[1] == nil:
			r.OnlyBefore = append(r.OnlyBefore, id.String())
		case h.now[1] != nil && h.now[0] == nil:
			r.OnlyAfter = append(r.OnlyAfter, id.String())
		}
		r.Moves = append(r.Moves, h.report())
	}
	slices.SortStableFunc(r.Losses, func(a, b Loss) int {
		return cmp.Or(compareTruth(b.AtEnd, a.AtEnd), cmp.Compare(b.Share, a.Share))
	})
	return r
}

func distributions(d [2]Distribution) Distributions {
	return Distributions{Before: d[0], After: d[1], MeanBefore: d[0].mean(), MeanAfter: d[1].mean()}
}

func (h *history) loss(end time.Time) Loss {
	return Loss{
		Service: h.service.ID.String(), Owner: h.service.Owner, Before: h.last.before, After: h.last.after, AtEnd: h.last.time.Equal(end),
		First: h.first, Last: h.last.time, Share: float64(h.lower) / float64(h.ticks), Checks: slices.Clone(h.last.blame),
	}
}

func (h *history) report() ServiceReport {
	out := ServiceReport{Service: h.service.ID.String()}
	scores, means := []**float64{&out.Before, &out.After}, []**float64{&out.MeanBefore, &out.MeanAfter}
	for i, card := range h.now {
		if card != nil {
			*scores[i] = card.Score
		}
		if h.scored[i] > 0 {
			mean := h.sum[i] / float64(h.scored[i])
			*means[i] = &mean
		}
	}
	return out
}

func versionOf(r *rubric.Rubric) string {
	if r == nil {
		return ""
	}
	return r.Version
}

func compareTruth(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// LostAtEnd counts the services that have a lower level at the last tick.
func (r *RubricReport) LostAtEnd() int {
	n := 0
	for i := range r.Losses {
		if r.Losses[i].AtEnd {
			n++
		}
	}
	return n
}
