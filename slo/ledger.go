package slo

import (
	"maps"
	"slices"
	"time"
)

// Ledger keeps the series of every SLI and service. It is not safe for
// concurrent use: the grader owns it.
type Ledger struct {
	interval int64
	tables   map[string]map[string]*Series
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
	}
	return s
}

// Keep drops the SLIs that are no longer wanted.
func (l *Ledger) Keep(wanted func(sli string) bool) {
	maps.DeleteFunc(l.tables, func(sli string, _ map[string]*Series) bool { return !wanted(sli) })
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
