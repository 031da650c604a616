package grafana

// The colours of the grades, best first, and of a score that is not known.
const (
	colourA       = "green"
	colourB       = "light-green"
	colourC       = "yellow"
	colourD       = "orange"
	colourF       = "red"
	colourUnknown = "#8e8e8e"
)

// gradeSteps colour a score from 0 to 100 by its grade.
func gradeSteps() []step { return scaled(1) }

// creditSteps colour a credit or a ratio from 0 to 1 as gradeSteps do a score.
func creditSteps() []step { return scaled(0.01) }

func scaled(by float64) []step {
	return []step{{0, colourF}, {60 * by, colourD}, {70 * by, colourC}, {80 * by, colourB}, {90 * by, colourA}}
}

// coverageSteps colour a coverage: below 0.8, the floor of a rubric that sets
// none, a score is null.
func coverageSteps() []step { return []step{{0, colourF}, {0.8, colourC}, {1, colourA}} }

// budgetSteps colour what is left of an error budget: below 0.25 a check warns,
// at 0 the budget is spent.
func budgetSteps() []step {
	return []step{{0, colourF}, {1e-9, colourD}, {0.25, colourA}}
}

// changeSteps colour the change of a score: a drop of 10 points is a
// regression.
func changeSteps() []step {
	return []step{{0, colourF}, {-9.95, colourD}, {-0.05, "text"}, {0.05, colourA}}
}

// wrong colours a count that should be 0.
func wrong(colour string) []step { return []step{{0, colourA}, {1, colour}} }
