package slo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const day = 24 * time.Hour

func TestBurnTable(t *testing.T) {
	for _, test := range []struct {
		name      string
		period    time.Duration
		objective float64
		want      []Pair
	}{
		{"30 days have the factors of the workbook", 30 * day, 0.999, []Pair{
			{time.Hour, 5 * time.Minute, 14.4, true},
			{6 * time.Hour, 30 * time.Minute, 6, true},
			{day, 2 * time.Hour, 3, false},
			{3 * day, 6 * time.Hour, 1, false},
		}},
		{"7 days drop the day and round a tenth up to slots", 7 * day, 0.99, []Pair{
			{time.Hour, 5 * time.Minute, 3.36, true},
			{6 * time.Hour, 30 * time.Minute, 1.4, true},
			{16*time.Hour + 50*time.Minute, time.Hour + 25*time.Minute, 1, false},
		}},
		{"30 days at 90 % cap the factor at 0.8 of all events", 30 * day, 0.9, []Pair{
			{time.Hour, 5 * time.Minute, 8, true},
			{6 * time.Hour, 30 * time.Minute, 6, true},
			{day, 2 * time.Hour, 3, false},
			{3 * day, 6 * time.Hour, 1, false},
		}},
		{"10 days have one ticket pair, not the same one twice", 10 * day, 0.99, []Pair{
			{time.Hour, 5 * time.Minute, 4.8, true},
			{6 * time.Hour, 30 * time.Minute, 2, true},
			{day, 2 * time.Hour, 1, false},
		}},
		{"35 days are the longest", 35 * day, 0.999, []Pair{
			{time.Hour, 5 * time.Minute, 16.8, true},
			{6 * time.Hour, 30 * time.Minute, 7, true},
			{day, 2 * time.Hour, 3.5, false},
			{84 * time.Hour, 7 * time.Hour, 1, false},
		}},
		{"an objective of half caps every factor", 30 * day, 0.5, []Pair{
			{time.Hour, 5 * time.Minute, 1.6, true},
			{6 * time.Hour, 30 * time.Minute, 1.6, true},
			{day, 2 * time.Hour, 1.6, false},
			{3 * day, 6 * time.Hour, 1, false},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := BurnTable(test.period, test.objective)
			require.Len(t, got, len(test.want))
			for i, want := range test.want {
				assert.InDelta(t, want.Factor, got[i].Factor, 1e-9, "factor of pair %d", i)
				want.Factor = got[i].Factor
				assert.Equal(t, want, got[i])
			}
		})
	}
}

func TestWindowsAreThoseOfThePairsAndSixHours(t *testing.T) {
	assert.Equal(t, []time.Duration{
		5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, day, 3 * day,
	}, Windows(30*day))
	assert.Equal(t, []time.Duration{
		5 * time.Minute, 30 * time.Minute, time.Hour, 85 * time.Minute, 6 * time.Hour, 1010 * time.Minute,
	}, Windows(7*day))
}

func TestEveryPeriodHasAUsableBurnTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.IntRange(7*24, 35*24).Draw(t, "hours")
		objective := rapid.Float64Range(0.01, 0.99999).Draw(t, "objective")
		period := time.Duration(hours) * time.Hour
		table := BurnTable(period, objective)
		pages := 0
		for i, p := range table {
			if p.Page {
				pages++
			}
			if p.Long%SlotLength != 0 || p.Short%SlotLength != 0 || p.Short >= p.Long {
				t.Fatalf("pair %d of %s is %+v", i, period, p)
			}
			if !AtMost(p.Factor*(1-objective), 0.8) {
				t.Fatalf("pair %d of %s cannot fire: %+v", i, period, p)
			}
		}
		if last := table[len(table)-1]; pages != 2 || last.Long != RoundToSlots(period/10) {
			t.Fatalf("the table of %s is %+v", period, table)
		}
	})
}

func TestBudgetSpent(t *testing.T) {
	spent, ok := BudgetSpent(Counts{Bad: 1, Total: 1000}, 0.999)
	assert.True(t, ok)
	assert.InDelta(t, 1, spent, 1e-9)
	_, ok = BudgetSpent(Counts{}, 0.999)
	assert.False(t, ok, "there is no budget without events")
	assert.InDelta(t, 46, Burn(0.046, 0.999), 1e-9)
}
