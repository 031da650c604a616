package grafana

import (
	"fmt"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/apgarhq/apgar/exporter"
)

// lowestBudgets is how many error budgets are listed.
const lowestBudgets = 20

// aboutBudget is a query on error budgets.
func aboutBudget(expr string) query {
	return query{
		expr: expr, emptyAs: "a rubric whose checks have no objectives has no error budgets",
		unless: perCheck(exporter.ErrorBudgetRemaining),
	}
}

// checksRow is what costs points, and which error budgets run out.
func checksRow() row {
	return row{title: "What costs points", panels: []panel{checksPanel(), budgetsPanel(), spentPanel(), lowestPanel()}}
}

func checksPanel() panel {
	credit := perCheck(exporter.CheckCredit)
	by := func(of, expr string) string { return fmt.Sprintf("%s by (%s) (%s)", of, exporter.LabelCheck, expr) }
	return panel{
		title:       "Checks",
		description: "Every check of the rubric, the one that earns least first: its mean credit, the services it fails outright (credit 0), those it takes something from, and those it could judge. A check that fails many services is work for the platform, or a check that asks too much.",
		width:       11, height: 9,
		look: rows{
			columns: []column{
				{label: exporter.LabelCheck, title: "Check"},
				{query: "A", title: "Mean credit", unit: units.PercentUnit, decimals: 1, steps: creditSteps(), cell: gauge},
				{query: "B", title: "Failing", unit: units.Short, steps: []step{{0, "text"}, {1, colourF}}, cell: written, width: 80},
				{query: "C", title: "Not full", unit: units.Short, width: 80},
				{query: "D", title: "Judged", unit: units.Short, width: 80},
			},
			sortBy: "Mean credit",
		},
		queries: []query{
			{expr: by("avg", credit)},
			{expr: by("sum", credit+" == bool 0")},
			{expr: by("sum", credit+" < bool 1")},
			{expr: by("count", credit)},
		},
		unit: units.Short, noValue: "–",
	}
}

func budgetsPanel() panel {
	lowest := fmt.Sprintf("bottomk(%d, %s)", lowestBudgets, perCheck(exporter.ErrorBudgetRemaining))
	return panel{
		title:       "Lowest error budgets",
		description: fmt.Sprintf("The %d error budgets of which least is left over their period; below 0 %% they are overspent. Whoever is here should not take risks: mend what burns the budget before the next release.", lowestBudgets),
		width:       10, height: 9,
		look: rows{
			columns: slices.Concat(ofService(), []column{
				{label: exporter.LabelCheck, title: "Check"},
				{query: "A", title: "Left", unit: units.PercentUnit, decimals: 1, steps: budgetSteps(), cell: tinted, width: 90},
				{label: exporter.LabelOwner, title: "Owner"},
			}),
			sortBy: "Left",
		},
		queries: []query{aboutBudget(described(lowest, exporter.LabelOwner))},
		unit:    units.PercentUnit, noValue: "No check of this rubric has an error budget.",
	}
}

func spentPanel() panel {
	return panel{
		title:       "Budgets spent",
		description: "Error budgets of which nothing is left. Those services have promised more than they hold; see the list beside.",
		width:       3, height: 4, look: number{},
		queries: []query{aboutBudget(having(perCheck(exporter.ErrorBudgetRemaining), "<=", 0))},
		unit:    units.Short, steps: wrong(colourF), noValue: "no budgets",
	}
}

func lowestPanel() panel {
	return panel{
		title:       "Lowest budget",
		description: "What is left of the error budget of which least is left. Below 25 % a check warns, at 0 % the budget is spent.",
		width:       3, height: 5, under: true, look: number{},
		queries: []query{aboutBudget(fmt.Sprintf("min(%s)", perCheck(exporter.ErrorBudgetRemaining)))},
		unit:    units.PercentUnit, decimals: 1, steps: budgetSteps(), noValue: "no budgets",
	}
}
