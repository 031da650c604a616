package scorecard

import (
	"math"
	"strconv"
)

// borderTolerance is relative: a score this close to a border is on it.
const borderTolerance = 1e-9

// borders returns the scores at which a grade, the critical cap or perfection
// begins. Rounding must not carry a score over one of them.
func borders() [6]float64 { return [6]float64{59, 60, 70, 80, 90, 100} }

// RoundScore prints a score of 0 to 100 with one decimal, as it is published. A score within the
// tolerance of a border is on it; one that only rounding would lift onto a
// border is printed 0.1 below it, so that no printed score contradicts its
// grade. A score that is not finite is "null".
func RoundScore(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "null"
	}
	for _, b := range borders() {
		if math.Abs(x-b) <= borderTolerance*max(math.Abs(x), b) {
			return strconv.FormatFloat(b, 'f', 1, 64)
		}
	}
	text := formatTenths(x)
	for _, b := range borders() {
		if x < b && text == strconv.FormatFloat(b, 'f', 1, 64) {
			return strconv.FormatFloat(b-0.1, 'f', 1, 64)
		}
	}
	return text
}

// RoundPoints prints a difference of scores with one decimal, without a
// negative zero. A difference that is not finite is "null".
func RoundPoints(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "null"
	}
	return formatTenths(x)
}

func formatTenths(x float64) string {
	text := strconv.FormatFloat(x, 'f', 1, 64)
	if text == "-0.0" {
		return "0.0"
	}
	return text
}
