package app_test

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The arithmetic that the grading rules ask for, done a second time and from
// the rates of the synthetic world: nothing here is the product's own code.

// span is a window in seconds relative to the present: (from, to].
type span struct{ from, to float64 }

// windowAt returns where a window lies at a tick: those of the ring end there,
// all others at the last slot boundary.
func windowAt(tick float64, length time.Duration) span {
	switch length {
	case 5 * time.Minute, 30 * time.Minute, time.Hour:
		return span{tick - length.Seconds(), tick}
	}
	end := math.Floor(tick/300) * 300
	return span{end - length.Seconds(), end}
}

// counted returns bad and all events of a service in a window, over sources.
func counted(parts []being, s span, bad func(life) float64) (failed, total float64) {
	for i := range parts {
		failed += parts[i].events(s.from, s.to, bad)
		total += parts[i].events(s.from, s.to, life.total)
	}
	return failed, total
}

// provenShare is the lower end of the 95 % Wilson interval of a share.
func provenShare(bad, n float64) float64 {
	const z = 1.96
	p := bad / n
	return max(0, (p+z*z/(2*n)-z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n)))/(1+z*z/n))
}

// outcome is what a check of a service must come to.
type outcome struct {
	check           string
	verdict, reason string
	credit          float64 // NaN where nothing is judged
	coverage        float64
}

// weighed is a check of a rubric, with what it weighs there.
type weighed struct {
	check    string
	weight   float64
	critical bool
	level    int // rank; 0: none
}

// rubricSpec is what the sums need to know of a rubric.
type rubricSpec struct {
	name   string
	checks []weighed
	levels []string
	strict bool
	floor  float64
}

// outcomes reads expectations such as "warn budget_low 0.8"; checks that are
// not mentioned pass.
func (r rubricSpec) outcomes(t *testing.T, expected map[string]string) []outcome {
	t.Helper()
	var out []outcome
	for _, c := range r.checks {
		fields := strings.Fields(cmp.Or(expected[c.check], "pass ok"))
		o := outcome{check: c.check, verdict: fields[0], reason: fields[1], credit: math.NaN()}
		switch o.verdict {
		case "pass":
			o.credit, o.coverage = 1, 1
		case "fail":
			o.credit, o.coverage = 0, 1
		case "warn":
			credit, err := strconv.ParseFloat(fields[2], 64)
			require.NoError(t, err)
			o.credit, o.coverage = credit, 1
		}
		out = append(out, o)
	}
	return out
}

// summary is what outcomes add up to.
type summary struct {
	status          string
	coverage        float64
	score, raw      *float64
	low, high       float64
	grade, cappedBy string
	level           string
	rank            *int
	pass            *bool
}

// sumUp does the sums of the grading rules, without any memory.
func (r rubricSpec) sumUp(results []outcome) summary {
	var all, known, earned, covered float64
	var capped *weighed
	blind, failing, unknown := false, false, false
	for i, o := range results {
		c := r.checks[i]
		if o.verdict == "not_applicable" || c.weight == 0 {
			continue
		}
		all += c.weight
		covered += c.weight * o.coverage
		if o.verdict == "unknown" {
			blind, unknown = blind || c.critical, true
			continue
		}
		known += c.weight
		earned += c.weight * o.credit
		if o.verdict == "fail" {
			failing = true
			if c.critical && o.reason != "budget_spent" && (capped == nil || c.weight > capped.weight) {
				capped = &c
			}
		}
	}
	s := summary{status: "unknown", coverage: covered / all, low: 100 * earned / all, high: 100 * (earned + all - known) / all}
	if capped != nil || blind {
		s.low = min(s.low, 59)
	}
	if capped != nil {
		s.high = min(s.high, 59)
	}
	if s.coverage >= r.floor {
		s.scored(100*earned/known, capped)
		s.level, s.rank = r.level(results)
	}
	if failing || !unknown {
		pass := !failing
		s.pass = &pass
	}
	return s
}

func (s *summary) scored(raw float64, capped *weighed) {
	score := raw
	if capped != nil && raw > 59 {
		score, s.cappedBy = 59, capped.check
	}
	s.status, s.raw, s.score = "scored", &raw, &score
	for _, g := range []struct {
		from  float64
		grade string
	}{{90, "A"}, {80, "B"}, {70, "C"}, {60, "D"}, {0, "F"}} {
		if score >= g.from-1e-7 {
			s.grade = g.grade
			return
		}
	}
}

// level is the highest whose checks, and all below, pass or (unless strict)
// warn.
func (r rubricSpec) level(results []outcome) (string, *int) {
	rank := len(r.levels)
	for i, o := range results {
		met := slices.Contains([]string{"pass", "not_applicable"}, o.verdict) || o.verdict == "warn" && !r.strict
		if l := r.checks[i].level; l > 0 && !met {
			rank = min(rank, l-1)
		}
	}
	if rank == 0 {
		return "", &rank
	}
	return r.levels[rank-1], &rank
}
