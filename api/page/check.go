package page

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apgarhq/apgar/scorecard"
)

// check is one result on the page of a service.
type check struct {
	Name, Title, Severity  string
	Verdict, Class, Reason string
	Message, Evidence      string
	Value, Target, Window  string
	Lost, Since, Coverage  string
	Flags                  []string
	Budget                 *budget
	Cells                  []cellRow
	Weightless             bool
}

// budget is the error budget as a bar: what is left, of 100.
type budget struct {
	Left       float64
	Class      string
	Text, Span string
	Burns      []burn
}

type burn struct{ Window, Rate, Class string }

type cellRow struct{ Source, Cell, Value, Coverage, Fault string }

func checkOf(r *scorecard.Result) check {
	v := check{
		Name: r.Check, Title: cmp.Or(r.Title, r.Check), Severity: r.Severity, Weightless: r.Weight == 0,
		Verdict: strings.ReplaceAll(string(r.Verdict), "_", " "), Class: verdictClass(r.Verdict),
		Reason: r.Reason, Message: r.Message,
		Coverage: percent(r.Coverage),
		Flags:    flags(r), Budget: budgetOf(r.Budget),
	}
	if r.Value != nil {
		v.Value = quantity(r.Value, r.Unit)
	}
	if r.Target != nil {
		v.Target = quantity(r.Target, r.Unit)
	}
	if r.Window != 0 {
		v.Window = scorecard.FormatDuration(r.Window)
	}
	if r.PointsLost != nil && *r.PointsLost > 0 {
		v.Lost = "−" + scorecard.RoundPoints(*r.PointsLost)
	}
	if !r.Since.IsZero() {
		v.Since = clock(r.Since)
	}
	if webLink(r.Evidence) {
		v.Evidence = r.Evidence
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		v.Cells = append(v.Cells, cellRow{Source: c.Source, Cell: c.Cell, Value: quantity(c.Value, r.Unit), Coverage: percent(c.Coverage), Fault: c.Fault})
	}
	return v
}

func verdictClass(v scorecard.Verdict) string {
	switch v {
	case scorecard.Pass, scorecard.Warn, scorecard.Fail:
		return string(v)
	case scorecard.VerdictUnknown:
		return "unknown"
	default:
		return "aside"
	}
}

// flags says what is unusual about a result.
func flags(r *scorecard.Result) []string {
	var list []string
	if len(r.Overrides) > 0 {
		var fields []string
		for _, field := range slices.Sorted(maps.Keys(r.Overrides)) {
			fields = append(fields, field+" "+r.Overrides[field])
		}
		list = append(list, "overridden: "+strings.Join(fields, ", "))
	}
	if r.WithoutWaiver != "" {
		list = append(list, "without the waiver: "+strings.ReplaceAll(string(r.WithoutWaiver), "_", " "))
	}
	if r.Carried {
		list = append(list, "carried over: "+cmp.Or(r.Missing, "no fresh data"))
	}
	if r.Pending != "" {
		list = append(list, "turning to "+string(r.Pending))
	}
	if r.Flapping {
		list = append(list, "flapping")
	}
	if r.LowTraffic {
		list = append(list, "too few events to fail")
	}
	return list
}

func budgetOf(b *scorecard.Budget) *budget {
	if b == nil {
		return nil
	}
	v := &budget{Span: scorecard.FormatDuration(b.Period) + " at " + percent(b.Objective), Text: "unknown", Class: "unknown"}
	if b.Covered < 0.995 {
		v.Span += ", " + percent(b.Covered) + " of it measured"
	}
	if b.Remaining != nil && !math.IsNaN(*b.Remaining) {
		v.Left, v.Class = onScale(*b.Remaining*100), "pass"
		v.Text = percent(*b.Remaining) + " left"
		switch {
		case *b.Remaining <= 0:
			v.Class, v.Text = "fail", "spent: "+strings.Replace(percent(*b.Remaining), "-", "−", 1)
		case *b.Remaining < 0.25:
			v.Class = "warn"
		}
	}
	for _, w := range b.Burn {
		one := burn{Window: scorecard.FormatDuration(w.Window), Rate: "–"}
		if w.Rate != nil {
			one.Rate = strconv.FormatFloat(*w.Rate, 'f', 1, 64)
			if *w.Rate >= 1 {
				one.Class = "hot"
			}
		}
		v.Burns = append(v.Burns, one)
	}
	return v
}

// quantity prints a value with its unit; a ratio as a percentage.
func quantity(x *float64, unit string) string {
	switch {
	case x == nil || math.IsNaN(*x) || math.IsInf(*x, 0):
		return "–"
	case unit == "ratio":
		return percent(*x)
	}
	text := strconv.FormatFloat(*x, 'g', 4, 64)
	if math.Abs(*x) >= 1000 && math.Abs(*x) < 1e12 {
		text = strconv.FormatFloat(*x, 'f', 0, 64)
	}
	if unit == "" {
		return text
	}
	return text + " " + unit
}

// percent prints a ratio with as many digits as tell it from a whole: 99.931 %
// but 31 %.
func percent(ratio float64) string {
	p := ratio * 100
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return "–"
	case p > 99 && p < 100 || p > -1 && p < 1 && p != 0:
		digits := strconv.FormatFloat(p, 'f', 3, 64)
		return strings.TrimRight(strings.TrimRight(digits, "0"), ".") + " %"
	case math.Abs(p) >= 1000:
		return fmt.Sprintf("%.0f %%", p)
	default:
		return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + " %"
	}
}

// onScale moves x to where a scale of 0 to 100 can show it.
func onScale(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max(x, 0), 100)
}
