package collector

import (
	"context"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/agenda"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// Outage is a time in which a source of a replay answers otherwise than it
// would. It is about when the source is asked, not about its data: what it did
// not tell is asked for again afterwards, as the service does.
type Outage struct {
	Source   string
	From, To time.Time // the ticks from From on, and before To
	// Through returns how the source answers meanwhile, given how it would.
	Through func(gather.Prometheus) gather.Prometheus
}

// outages are those of a replay, and when it is that it asks. The time changes
// between askings only.
type outages struct {
	list []Outage
	now  time.Time
}

// over returns sources that answer as the outages say.
func (o *outages) over(sources []gather.Source) []gather.Source {
	out := slices.Clone(sources)
	for i := range out {
		out[i].Client = &unsteady{own: out[i].Client, source: out[i].Name, outages: o}
	}
	return out
}

// ticksFrom returns how many of n ticks, of which the first is at a time, can be
// asked for at once: while nothing begins or ends.
func (o *outages) ticksFrom(at time.Time, step time.Duration, n int) int {
	for i := range o.list {
		for _, border := range []time.Time{o.list[i].From, o.list[i].To} {
			if border.After(at) {
				n = min(n, int((border.Sub(at)+step-1)/step))
			}
		}
	}
	return n
}

// unsteady is a source that has outages.
type unsteady struct {
	own     gather.Prometheus
	source  string
	outages *outages
}

var _ gather.Prometheus = (*unsteady)(nil)

// now returns how the source answers at the moment.
func (u *unsteady) now() gather.Prometheus {
	client, now := u.own, u.outages.now
	for i := range u.outages.list {
		if o := &u.outages.list[i]; o.Source == u.source && !now.Before(o.From) && now.Before(o.To) {
			client = o.Through(client)
		}
	}
	return client
}

// Query implements gather.Prometheus.
func (u *unsteady) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	return u.now().Query(ctx, q, sink)
}

// QueryRange implements gather.Prometheus.
func (u *unsteady) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	return u.now().QueryRange(ctx, q, sink)
}

// Status implements gather.Prometheus.
func (u *unsteady) Status() promapi.Status { return u.now().Status() }

// mend asks again about what outages have left open of the slots before a tick,
// when the service would.
func (p *replay) mend(ctx context.Context, g gathered) {
	if len(p.outages.list) == 0 || !question.IsBoundary(g.time) {
		return
	}
	p.outages.now = g.time
	slots := p.agenda.Mendable(g.time, agenda.LackOf(p.o.Plan, g.blocks))
	for _, slot := range []time.Time{g.time.Add(-2 * slo.SlotLength), g.time.Add(-slo.SlotLength)} {
		if p.agenda.HasHole(slot) {
			slots = append(slots, slot.Unix())
		}
	}
	slices.Sort(slots)
	for _, run := range agenda.Runs(slices.Compact(slots), p.instants(agenda.MostSlots)) {
		s := run.Span()
		s.Final = g.time.Add(-question.FinalAge).Unix()
		for i, blocks := range p.gatherer.Range(ctx, s, question.OnlyCounted) {
			if ctx.Err() == nil {
				p.slot(gathered{time: time.Unix(s.At(i), 0).UTC(), blocks: blocks})
			}
		}
	}
}
