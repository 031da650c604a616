package app

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/waiver"
)

// expiresSoon is how long before its end a waiver is told of.
const expiresSoon = 14 * 24 * time.Hour

// waiverWatch tells of waivers that somebody should look at: each once, and
// again when it was well in between.
type waiverWatch struct {
	log  *slog.Logger
	told map[noticeKey]bool

	inForce prometheus.Gauge
	notices *prometheus.GaugeVec
}

type noticeKey struct {
	id   string
	kind waiver.NoticeKind
}

func newWaiverWatch(reg prometheus.Registerer, log *slog.Logger) *waiverWatch {
	w := &waiverWatch{
		log: log, told: map[noticeKey]bool{},
		inForce: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_waivers_in_force",
			Help: "Waivers that exempt services from checks now.",
		}),
		notices: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "apgar_waivers_to_look_at",
			Help: "Waivers in force that somebody should look at, by why: expiring within 14 days, or passing, when a check that it exempts a service from passes again.",
		}, []string{"why"}),
	}
	reg.MustRegister(w.inForce, w.notices)
	return w
}

// look goes through the waived results of a snapshot.
func (w *waiverWatch) look(set *waiver.Set, snap *scorecard.Snapshot) {
	inForce := 0
	for _, x := range set.Waivers() {
		if x.InForce(snap.Tick) {
			inForce++
		}
	}
	w.inForce.Set(float64(inForce))
	counts := map[waiver.NoticeKind]int{waiver.Expiring: 0, waiver.Passing: 0}
	now := map[noticeKey]bool{}
	for _, n := range set.Notices(usesIn(snap), snap.Tick, expiresSoon) {
		key := noticeKey{n.Waiver.ID, n.Kind}
		now[key] = true
		counts[n.Kind]++
		if !w.told[key] {
			w.log.Warn("a waiver should be looked at", "waiver", n.Waiver.ID, "why", n.Message)
		}
	}
	w.told = now
	for why, n := range counts {
		w.notices.WithLabelValues(string(why)).Set(float64(n))
	}
}

// usesIn lists what waivers take out of the scores of a snapshot.
func usesIn(snap *scorecard.Snapshot) []waiver.Use {
	var uses []waiver.Use
	for _, c := range snap.Scorecards {
		for i := range c.Results {
			r := &c.Results[i]
			id, waived := r.WaiverID()
			if !waived {
				continue
			}
			uses = append(uses, waiver.Use{
				Waiver: id, Service: c.Service.ID, Rubric: c.Rubric, Check: r.Check, Passes: r.WithoutWaiver == scorecard.Pass,
			})
		}
	}
	return uses
}
