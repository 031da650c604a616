package rubric

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/catalog/strict"
)

const slot = 5 * time.Minute

// DefaultWeight returns the weight of a check that names none: critical 10,
// high 7.5, medium 5, low 2.5, and 0 for what is no severity.
func DefaultWeight(s Severity) float64 {
	switch s {
	case Critical:
		return 10
	case High:
		return 7.5
	case Medium:
		return 5
	case Low:
		return 2.5
	}
	return 0
}

// parseNumber reads a finite number, or a percentage as a hundredth: "99.9%"
// is the number nearest to 0.999.
func parseNumber(text string) (float64, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	if digits = strings.TrimSpace(digits); percent {
		digits += "e-2" // a second exponent is an error, as it should be
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(digits, "xX_") {
		return 0, fmt.Errorf("%q is no number: write e.g. 0.999 or 99.9%%", strict.Clip(text))
	}
	return v, nil
}

// number reads a field as a number; ok is false when it is absent or wrong.
func number(m *strict.Map, field string) (v float64, ok bool) {
	text := m.Text(field)
	if text == "" {
		return 0, false
	}
	v, err := parseNumber(text)
	if err != nil {
		m.Mistake(m.LineOf(field), "%s of %s: %s", field, m.What(), err)
		return 0, false
	}
	return v, true
}

// number01 reads a ratio between 0 and 1.
func number01(m *strict.Map, field string, missing float64) float64 {
	v, ok := number(m, field)
	if !ok {
		return missing
	}
	if v < 0 || v > 1 {
		m.Mistake(m.LineOf(field), "%s of %s is %s, but must be between 0 and 1 (or 0%% and 100%%)", field, m.What(), m.Text(field))
		return missing
	}
	return v
}

func weight(m *strict.Map, missing float64) float64 {
	v, ok := number(m, "weight")
	if !ok {
		return missing
	}
	if v < 0 || v > maxWeight {
		m.Mistake(m.LineOf("weight"), "weight of %s is %s, but must be 0 (informational) or more, and at most %.0f", m.What(), m.Text("weight"), maxWeight)
		return missing
	}
	return v
}

// duration reads a field in Prometheus' notation, within [shortest, longest]
// and, with a positive step, a multiple of it.
func duration(m *strict.Map, field string, missing, shortest, longest, step time.Duration) time.Duration {
	text := m.Text(field)
	if text == "" {
		return missing
	}
	d, err := parseDuration(text)
	if err != nil {
		m.Mistake(m.LineOf(field), "%s of %s: %s", field, m.What(), err)
		return missing
	}
	if d < shortest || d > longest {
		m.Mistake(m.LineOf(field), "%s of %s is %s, but must be between %s and %s", field, m.What(), text, inDays(shortest), inDays(longest))
		return missing
	}
	if step > 0 && d%step != 0 {
		m.Mistake(m.LineOf(field), "%s of %s is %s, but must be a multiple of %s", field, m.What(), text, model.Duration(step))
		return missing
	}
	return d
}

// inDays writes a duration as users do: 35d, not 5w.
func inDays(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return model.Duration(d).String()
}

// parseDuration reads a duration such as 30d or 1h30m.
func parseDuration(text string) (time.Duration, error) {
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, errors.New(strconv.Quote(strict.Clip(text)) + " is no duration: write e.g. 500ms, 5m, 1h30m or 30d")
	}
	return time.Duration(d), nil
}
