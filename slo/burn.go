package slo

import (
	"slices"
	"time"
)

// SlotLength is the time over which counts are kept in the ledger.
const SlotLength = 5 * time.Minute

// The ring windows end at the tick and are sums of its five-minute answers;
// all longer ones are sums of slots.
const (
	window5m  = 5 * time.Minute
	window30m = 30 * time.Minute
	window1h  = time.Hour
	window2h  = 2 * time.Hour
	window6h  = 6 * time.Hour
	window1d  = 24 * time.Hour
)

// The periods that an objective may have.
const (
	MinPeriod = 7 * 24 * time.Hour
	MaxPeriod = 35 * 24 * time.Hour
)

// Pair is one burn-rate condition: it fires while both windows spend the
// budget at least Factor times too fast.
type Pair struct {
	Long, Short time.Duration
	Factor      float64
	Page        bool // else a ticket
}

// BurnTable returns the pairs in effect for an objective (in (0,1)) over a
// period, pages first. A factor is budget share × period ÷ long, at least 1
// and at most 0.8/(1 − objective); pairs whose long window exceeds a tenth of
// the period are dropped, except the last. Over ten days the last two are the
// same and given once.
// Source: the multiwindow, multi-burn-rate alerts of the SRE Workbook, ch. 5.
func BurnTable(period time.Duration, objective float64) []Pair {
	tenth := period / 10
	shares := [...]struct {
		long, short time.Duration
		share       float64
		page        bool
	}{
		{window1h, window5m, 0.02, true},
		{window6h, window30m, 0.05, true},
		{window1d, window2h, 0.10, false},
		{tenth, period / 120, 0.10, false},
	}
	table := make([]Pair, 0, len(shares))
	for i, s := range shares {
		if s.long > tenth && i < len(shares)-1 {
			continue
		}
		factor := s.share * float64(period) / float64(s.long)
		factor = min(max(1, factor), 0.8/(1-objective))
		table = append(table, Pair{RoundToSlots(s.long), RoundToSlots(s.short), factor, s.page})
	}
	return slices.Compact(table)
}

// Windows returns every window that an objective over a period needs,
// shortest first, without the period itself.
func Windows(period time.Duration) []time.Duration {
	windows := []time.Duration{window6h}
	for _, pair := range BurnTable(period, 0.5) {
		windows = append(windows, pair.Long, pair.Short)
	}
	slices.Sort(windows)
	return slices.Compact(windows)
}

// RoundToSlots rounds a length up to whole slots.
func RoundToSlots(d time.Duration) time.Duration {
	return (d + SlotLength - 1) / SlotLength * SlotLength
}

// Burn returns how many times too fast the error ratio spends the budget of
// an objective.
func Burn(errorRatio, objective float64) float64 { return errorRatio / (1 - objective) }

// BudgetSpent returns the spent share of the error budget: bad over the bad
// events that the objective allows. ok is false without events.
func BudgetSpent(c Counts, objective float64) (spent float64, ok bool) {
	if c.Total <= 0 {
		return 0, false
	}
	return c.Bad / ((1 - objective) * c.Total), true
}
