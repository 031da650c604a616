package scorecard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// pair is bad and total, written as "3 of 1000".
type pair struct{ slo.Counts }

func (p *pair) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%g of %g", &p.Bad, &p.Total)
	return err
}

func answerExample(t *testing.T, in *yaml.Node) map[string]any {
	var given pair
	read(t, in, &given)
	c, ok := slo.NewCounts(given.Bad, given.Total)
	return map[string]any{"valid": ok, "bad": c.Bad, "total": c.Total}
}

// fed is a series in one cell, with a way to enter slots and ticks.
type fed struct{ *slo.Series }

var theCell = slo.CellKey{Source: "eu", Cell: "eu"}

func feed() fed { return fed{slo.NewSeries(60)} }

func (f fed) round(at int64) *slo.Round {
	return &slo.Round{Time: at, Witnesses: map[slo.CellKey]bool{theCell: true}}
}

func (f fed) slot(at int64, c slo.Counts, born float64) slo.Outcome {
	return f.AddSlot(f.round(at), []slo.Answer{{Cell: theCell, Row: true, Counts: c, Born: born, Up: 1}})
}

// windowExample fills the ledger with the same counts in every slot, from the
// first with data to the tick.
func windowExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		At, Since moment
		Length    span
		Slot      pair
		Gaps      int // the newest slots or answers that are missing
	}{}
	read(t, in, &given)
	s := feed()
	at, length := given.At.unix(), time.Duration(given.Length)
	for slot := given.Since.unix() + 300; slot <= at-300*int64(given.Gaps); slot += 300 {
		s.slot(slot, given.Slot.Counts, 0)
	}
	// The five minutes before each of the ticks that the ring windows add up.
	for i := int64(13); i >= int64(given.Gaps); i-- {
		if tick := at - 300*i; tick > given.Since.unix() {
			s.AddTick(s.round(tick), []slo.Answer{{Cell: theCell, Row: true, Counts: given.Slot.Counts, Up: 1}})
		}
	}
	w := s.Sum(length, at)
	return map[string]any{
		"from": clock(w.From), "to": clock(w.To), "slots": w.Expected, "measured": w.Measured,
		"judged": w.Judged(0.8), "bad": w.Counts.Bad, "total": w.Counts.Total,
	}
}

func askedAgainExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct{ First, Later pair }{}
	read(t, in, &given)
	s, at := feed(), noon.Unix()
	require.Equal(t, slo.Measured, s.slot(at, given.First.Counts, 0))
	outcome := "replaced"
	if s.slot(at, given.Later.Counts, 0) == slo.Shrunk {
		outcome = "shrunk"
	}
	w := s.Sum(2*time.Hour, at)
	return map[string]any{"later": outcome, "stands": fmt.Sprintf("%g of %g", w.Counts.Bad, w.Counts.Total)}
}

func birthsExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Increase pair
		Born     float64
	}{}
	read(t, in, &given)
	s := feed()
	s.slot(noon.Unix(), given.Increase.Counts, given.Born)
	w := s.Sum(2*time.Hour, noon.Unix())
	return map[string]any{"bad": w.Counts.Bad, "total": w.Counts.Total, "born": w.Born}
}

// cellsExample gives each cell a week of data, lets some fall silent, and grades
// a ratio from what the ledger then says.
func cellsExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Week      map[string]float64 // events by cell
		Silent    []string
		SilentFor span `yaml:"silent_for"`
	}{}
	read(t, in, &given)
	s := slo.NewSeries(60)
	const slots = 24
	check := ratio(0.99, 0.95)
	r := rubricOf(check)
	var state *scorecard.State
	var card *scorecard.Scorecard
	ticks := slots + int(time.Duration(given.SilentFor)/slot)
	for i := range ticks {
		at := noon.Add(time.Duration(i) * slot)
		round := &slo.Round{Time: at.Unix(), Failed: map[string]*slo.Fault{}, Witnesses: map[slo.CellKey]bool{}}
		var answers []slo.Answer
		for _, name := range sortedNames(given.Week) {
			key := slo.CellKey{Source: name, Cell: name}
			round.Witnesses[key] = true
			if i >= slots && contains(given.Silent, name) {
				round.Failed[name] = &slo.Fault{Reason: slo.SourceError, Detail: "timeout"}
				continue
			}
			answers = append(answers, slo.Answer{Cell: key, Row: true, Counts: slo.Counts{Total: given.Week[name] / slots}, Up: 1})
		}
		s.AddTick(round, answers)
		s.AddSlot(round, answers)
		in := input(r, scorecard.CheckFacts{Facts: s.Facts(at.Unix(), scorecard.Grace(check, time.Minute), scorecard.WindowsOf(check))})
		in.Tick, in.Previous = at, state
		card, state = scorecard.Grade(in)
	}
	result := card.Results[0]
	return map[string]any{
		"q": result.Coverage, "fresh_q": card.FreshCoverage, "verdict": result.Verdict, "reason": result.Reason,
		"carried": result.Carried, "missing": result.Missing,
	}
}

func contains(list []string, x string) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

func acrossExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Pass, Fail float64
		Cells      []float64
	}{}
	read(t, in, &given)
	out := map[string]any{}
	for _, across := range []rubric.Across{rubric.Worst, rubric.Best, rubric.Sum, rubric.Mean} {
		check := gauge("a", 1, given.Pass, given.Fail)
		check.Value.Across = across
		var list []slo.CellFact
		for i, v := range given.Cells {
			list = append(list, good(string(rune('a'+i)), 1/float64(len(given.Cells)), v))
		}
		out[string(across)] = grade(rubricOf(check), cells(list...)).Results[0].Value
	}
	return out
}

func wilsonExample(t *testing.T, in *yaml.Node) map[string]any {
	var given pair
	read(t, in, &given)
	plain, _ := given.ErrorRatio()
	return map[string]any{"plain": plain, "W": slo.WilsonLower(given.Counts)}
}

func budgetExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Objective share
		Period    pair
	}{}
	read(t, in, &given)
	spent, ok := slo.BudgetSpent(given.Period.Counts, float64(given.Objective))
	require.True(t, ok)
	errors, _ := given.Period.ErrorRatio()
	return map[string]any{"spent": spent, "remaining": 1 - spent, "burn": slo.Burn(errors, float64(given.Objective))}
}

func burnTableExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Period    span
		Objective share
	}{}
	read(t, in, &given)
	var pages, tickets []any
	for _, p := range slo.BurnTable(time.Duration(given.Period), float64(given.Objective)) {
		row := map[string]any{"long": scorecard.FormatDuration(p.Long), "short": scorecard.FormatDuration(p.Short), "factor": p.Factor}
		if p.Page {
			pages = append(pages, row)
		} else {
			tickets = append(tickets, row)
		}
	}
	return map[string]any{"pages": pages, "tickets": tickets}
}
