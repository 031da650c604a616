package grafana

import (
	"fmt"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/apgarhq/apgar/exporter"
)

// worstServices is how many services the tables have.
const worstServices = 25

// servicesRow is which services to look at first.
func servicesRow() row {
	return row{title: "Where to start", panels: []panel{worstPanel(), unknownPanel()}}
}

// ofService are the columns that name a service, and lead to its page.
func ofService() []column {
	page := link("Open in Apgar", "", fmt.Sprintf("/services/${__data.fields.%s}/${__data.fields.%s}",
		exporter.LabelServiceNamespace, exporter.LabelService))
	return []column{
		{label: exporter.LabelServiceNamespace, title: "Namespace", width: 110},
		{label: exporter.LabelService, title: "Service", link: &page},
	}
}

// aboutService are the columns of what the catalog says of it.
func aboutService() []column {
	return []column{
		{label: exporter.LabelOwner, title: "Owner"},
		{label: exporter.LabelSystem, title: "System"},
		{label: exporter.LabelTier, title: "Tier", width: 60},
	}
}

func worstPanel() panel {
	worst := fmt.Sprintf("bottomk(%d, %s)", worstServices, scores())
	of := func(expr string) string { return fmt.Sprintf("%s and on (%s) %s", expr, serviceKey, worst) }
	change := func(since string) string {
		before := ofRubric(exporter.Score, serviceKey, " offset "+since)
		return of(fmt.Sprintf("(%s - %s)", scores(), before))
	}
	numbers := []column{
		{query: "A", title: "Score", unit: units.NoUnit, decimals: 1, steps: gradeSteps(), cell: tinted, width: 75},
		{query: "B", title: "Δ 1 h", unit: units.NoUnit, decimals: 1, steps: changeSteps(), cell: written, width: 75},
		{query: "C", title: "Δ 24 h", unit: units.NoUnit, decimals: 1, steps: changeSteps(), cell: written, width: 75},
		{query: "D", title: "Coverage", unit: units.PercentUnit, steps: coverageSteps(), cell: written, width: 85},
		{query: "E", title: "Level", unit: units.NoUnit, width: 65, names: map[string]string{"0": "none"}},
	}
	return panel{
		title: "Worst services",
		description: fmt.Sprintf("The %d services with the lowest scores, how those have changed, how much of their weight data answered for, and the rank of their level. "+
			"A click on a service opens its page in Apgar, which says which checks cost it points and what to do. An empty change means that there was no score then.", worstServices),
		width: 16, height: 11,
		look: rows{columns: slices.Concat(ofService(), numbers, aboutService()), sortBy: "Score"},
		queries: []query{
			{expr: described(worst, exporter.LabelOwner, exporter.LabelSystem, exporter.LabelTier)},
			{expr: change("1h")},
			{expr: change("1d")},
			{expr: of(perService(exporter.Coverage))},
			{expr: of(perService(exporter.Level))},
		},
		unit: units.NoUnit, noValue: "–",
	}
}

func unknownPanel() panel {
	first := fmt.Sprintf("bottomk(%d, %s)", worstServices, unknown())
	before := fmt.Sprintf(`max by (%s) (last_over_time(%s{%s="$%s"}[1d]))`, serviceKey, exporter.Score, exporter.LabelRubric, varRubric)
	const fine = "every service has a score when all is well"
	return panel{
		title: "Services without a score",
		description: "Services of which too little is known, those with the least data first: the coverage they have, and the last score of the past day, if any. " +
			"Their page in Apgar says which check misses which data. Many at once from one source are a matter for the platform team.",
		width: 8, height: 11,
		look: rows{
			columns: slices.Concat(ofService(), []column{
				{query: "A", title: "Coverage", unit: units.PercentUnit, steps: coverageSteps(), cell: written, width: 85},
				{query: "B", title: "Last score", unit: units.NoUnit, decimals: 1, steps: gradeSteps(), cell: written, width: 90},
			}, []column{{label: exporter.LabelOwner, title: "Owner"}}),
			sortBy: "Coverage",
		},
		queries: []query{
			{expr: described(first, exporter.LabelOwner), emptyAs: fine, unless: unknown()},
			{
				expr:    fmt.Sprintf("%s and on (%s) %s", before, serviceKey, first),
				emptyAs: "a service without a score may never have had one", unless: fmt.Sprintf("%s and on (%s) %s", before, serviceKey, unknown()),
			},
		},
		unit: units.NoUnit, noValue: "Every service has a score.",
	}
}
