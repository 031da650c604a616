package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/apgarhq/apgar/exporter"
)

// spreadRow is how scores and levels are spread, over time.
func spreadRow() row {
	return row{title: "Over time", panels: []panel{
		{
			title:       "Services by grade",
			description: "How many services have which grade (A from 90, B from 80, C from 70, D from 60), and how many have none. A step in many services at once is rarely theirs: look for a deploy of the platform, or a source that went away.",
			width:       8, height: 8, look: lines{stacked: true},
			queries: []query{
				{expr: having(scores(), ">=", 90), legend: "A"},
				{expr: having(scores(), ">=", 80) + " - " + having(scores(), ">=", 90), legend: "B"},
				{expr: having(scores(), ">=", 70) + " - " + having(scores(), ">=", 80), legend: "C"},
				{expr: having(scores(), ">=", 60) + " - " + having(scores(), ">=", 70), legend: "D"},
				{expr: having(scores(), "<", 60), legend: "F"},
				{expr: "sum(" + isUnknown() + ")", legend: "unknown"},
			},
			colours: map[string]string{
				"A": colourA, "B": colourB, "C": colourC, "D": colourD, "F": colourF, "unknown": colourUnknown,
			},
			unit: units.Short, min: new(0.0), noValue: "unknown",
		},
		{
			title:       "Scores",
			description: "The score that a tenth, half and nine tenths of the services stay below. The lowest line falling alone means that a few services are ill; all three falling means that something common is.",
			width:       8, height: 8, look: lines{},
			queries: []query{
				{expr: fmt.Sprintf("quantile(0.9, %s)", scores()), legend: "p90"},
				{expr: fmt.Sprintf("quantile(0.5, %s)", scores()), legend: "median"},
				{expr: fmt.Sprintf("quantile(0.1, %s)", scores()), legend: "p10"},
			},
			colours: map[string]string{"p90": colourA, "median": "blue", "p10": colourD},
			unit:    units.NoUnit, decimals: 1, min: new(0.0), max: new(100.0), noValue: "unknown",
		},
		{
			title:       "Levels",
			description: "How many services hold which level of the rubric, by its rank; 0 is none. A level is lost at once and won slowly, so a fall is news and a rise is work that has paid off.",
			width:       8, height: 8, look: lines{stacked: true},
			queries: []query{{expr: fmt.Sprintf("count_values(%q, %s)", rankLabel, perService(exporter.Level)), legend: "rank {{" + rankLabel + "}}"}},
			unit:    units.Short, min: new(0.0), noValue: "no levels",
		},
	}}
}
