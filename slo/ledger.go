package slo

import (
	"maps"
	"slices"
	"time"
)

// Ledger keeps the series of every SLI and service. It is not safe for
// concurrent use: the grader owns it.
//
// It can be stored in pages. What comes in marks the pages that it changes;
// Pages encodes these, Saved says that they are stored, and Load brings them
// back. A page is either as it is stored, or returned by Pages:
//
//	entered ──> changed ──Pages, Saved──> as stored ──entered──> changed …
//	                <──Unsave, or too old──    <──Load──
type Ledger struct {
	interval int64
	tables   map[string]map[string]*Series
	shards   [Shards]shard
}

// NewLedger returns an empty ledger for an evaluation interval, which must
// divide five minutes.
func NewLedger(interval time.Duration) *Ledger {
	return &Ledger{interval: int64(interval / time.Second), tables: map[string]map[string]*Series{}}
}

// Series returns the memory of one SLI of one service, made if need be. Both
// names are opaque to the ledger.
func (l *Ledger) Series(sli, service string) *Series {
	table := l.tables[sli]
	if table == nil {
		table = map[string]*Series{}
		l.tables[sli] = table
	}
	s := table[service]
	if s == nil {
		s = NewSeries(l.interval)
		table[service] = s
		sh := &l.shards[ShardOf(service)]
		s.shard = sh
		sh.series, sh.sorted = append(sh.series, &entry{seriesName{service, sli}, s}), false
		sh.mark(headPage())
	}
	return s
}

// Has reports whether the ledger has ever had this series: made by Series, or
// loaded, and not dropped by Keep or KeepServices.
func (l *Ledger) Has(sli, service string) bool { return l.tables[sli][service] != nil }

// Keep drops the SLIs that are no longer wanted.
func (l *Ledger) Keep(wanted func(sli string) bool) {
	l.keep(func(n seriesName) bool { return wanted(n.sli) })
}

// KeepServices drops the services that are no longer wanted.
func (l *Ledger) KeepServices(wanted func(service string) bool) {
	l.keep(func(n seriesName) bool { return wanted(n.service) })
}

func (l *Ledger) keep(wanted func(seriesName) bool) {
	for i := range l.shards {
		sh := &l.shards[i]
		sh.series = slices.DeleteFunc(sh.series, func(e *entry) bool {
			if wanted(e.seriesName) {
				return false
			}
			e.leaving()
			delete(l.tables[e.sli], e.service)
			return true
		})
	}
	maps.DeleteFunc(l.tables, func(_ string, table map[string]*Series) bool { return len(table) == 0 })
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
