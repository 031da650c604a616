package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/apgarhq/apgar/exporter"
)

// groupsRow is how owners, systems and tiers fare.
func groupsRow() row {
	return row{title: "Who and where", panels: []panel{
		groupPanel("owner", "Owner", exporter.LabelOwner, "Services that nobody owns are under "+nobody+": give them an owner first, for nobody will mend them."),
		groupPanel("system", "System", exporter.LabelSystem, "A system whose services are all low often shares one cause."),
		groupPanel("tier", "Tier", exporter.LabelTier, "The lower the tier's number, the more its services matter; the mean of tier 1 should be the best."),
	}}
}

// groupPanel is a table with one line per value of a label of the catalog.
func groupPanel(by, title, label, advice string) panel {
	per := func(of, expr string) string {
		return named(fmt.Sprintf("%s by (%s) (%s)", of, label, described(expr, label)), label)
	}
	return panel{
		title: "By " + by,
		description: fmt.Sprintf("Per %s, the lowest mean first: the mean of the scores there are, weighted by tier, the mean share of weight covered by data, the services graded, and those without a score. %s",
			by, advice),
		width: 8, height: 10,
		look: rows{
			columns: []column{
				{label: label, title: title},
				{query: "A", title: "Mean score", unit: units.NoUnit, decimals: 1, steps: gradeSteps(), cell: gauge},
				{query: "B", title: "Coverage", unit: units.PercentUnit, steps: coverageSteps(), cell: written, width: 85},
				{query: "C", title: "Services", unit: units.Short, width: 75},
				{query: "D", title: "Unknown", unit: units.Short, steps: []step{{0, "text"}, {1, colourD}}, cell: written, width: 80},
			},
			sortBy: "Mean score",
		},
		queries: []query{
			{expr: named(weightedMean(exporter.Score, label), label)},
			{expr: named(weightedMean(exporter.Coverage, label), label)},
			{expr: per("count", perService(exporter.DataTimestamp))},
			{expr: per("sum", isUnknown())},
		},
		unit: units.Short, noValue: "–",
	}
}
