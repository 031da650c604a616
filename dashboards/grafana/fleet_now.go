package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/apgarhq/apgar/exporter"
)

// nowRow is the state of the fleet in a few numbers.
func nowRow() row {
	tile := func(p panel) panel {
		p.look, p.width, p.height = number{}, 3, 4
		return p
	}
	return row{title: "Now", panels: []panel{
		tile(panel{
			title:       "Services graded",
			description: "How many of the chosen services the rubric grades, with or without a score. If it falls, look at the catalog: services have left it, or the rubric no longer applies to them.",
			queries:     []query{{expr: "count(" + perService(exporter.DataTimestamp) + ")"}},
			unit:        units.Short, steps: []step{{0, colourF}, {1, "text"}}, noValue: "unknown",
		}),
		tile(panel{
			title:       "Mean score",
			description: "Mean of the scores there are, weighted by tier (4, 3, 2, 1; services without a tier count 1). Services without a score are not in it: they are counted beside it.",
			queries:     []query{{expr: weightedMean(exporter.Score)}},
			unit:        units.NoUnit, decimals: 1, min: new(0.0), max: new(100.0), steps: gradeSteps(), noValue: "unknown",
		}),
		tile(panel{
			title:       "Below 60",
			description: "Services with grade F: a critical check fails, or much else does. Start with the table of worst services.",
			queries:     []query{{expr: having(scores(), "<", 60)}},
			unit:        units.Short, steps: wrong(colourF), noValue: "unknown",
		}),
		tile(panel{
			title:       "Without a score",
			description: "Services of which too little is known for a score. That is neither good nor bad: see which data is missing in the table below, and whether a source has stopped answering.",
			queries:     []query{{expr: "sum(" + isUnknown() + ")"}},
			unit:        units.Short, steps: wrong(colourD), noValue: "unknown",
		}),
		tile(panel{
			title:       "Covered by data",
			description: "Share of the checks' weight that data answered for, as a mean over services, weighted by tier. Below 100 % some scores stand on what was last seen.",
			queries:     []query{{expr: weightedMean(exporter.Coverage)}},
			unit:        units.PercentUnit, decimals: 1, min: new(0.0), max: new(1.0), steps: coverageSteps(), noValue: "unknown",
		}),
		tile(panel{
			title:       "Age of the data",
			description: "Time since the newest tick that was graded. A few evaluation intervals are normal; if it grows, nothing is being graded, and everything else here is old. Look at the row on Apgar itself.",
			queries:     []query{{expr: fmt.Sprintf("time() - max(%s)", perService(exporter.DataTimestamp))}},
			unit:        units.Seconds, steps: []step{{0, colourA}, {180, colourC}, {600, colourF}}, noValue: "unknown",
		}),
		{
			title:       "Services by level",
			description: "How many services hold which level of the rubric, by its rank; 0 is none. The names of the levels are on Apgar's page of the rubric.",
			width:       6, height: 4, look: bars{},
			queries: []query{{expr: fmt.Sprintf("sort_desc(count_values(%q, %s))", rankLabel, perService(exporter.Level)), legend: "rank {{" + rankLabel + "}}"}},
			unit:    units.Short, min: new(0.0), steps: []step{{0, "blue"}}, noValue: "no levels",
		},
	}}
}

// rankLabel is where the queries put the rank of a level.
const rankLabel = "rank"
