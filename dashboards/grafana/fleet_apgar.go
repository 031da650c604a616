package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/collector/promapi"
)

// labelInstance is what a scrape adds to the series of a process.
const labelInstance = "instance"

// apgarRow is whether Apgar itself is well. It is closed at first: the age of
// the data, at the top, says whether to open it.
func apgarRow() row {
	tile := func(p panel) panel {
		p.width, p.height = 6, 7
		if p.look == nil {
			p.look = lines{}
		}
		p.min = new(0.0)
		return p
	}
	return row{title: "Apgar itself", collapsed: true, panels: []panel{
		tile(tickPanel()), tile(missedPanel()), tile(commitsPanel()), tile(agePanel()),
		tile(breakerPanel()), tile(failuresPanel()), tile(queriesPanel()), tile(samplesPanel()),
		tile(sourceLatencyPanel()), tile(answersPanel()), tile(latencyPanel()), tile(stagesPanel()),
	}}
}

func tickPanel() panel {
	return panel{
		title:       "Time to grade",
		description: "From a tick to the commit of its scorecards, the query delay included. It must stay below the evaluation interval, or ticks are missed: see which source is slow.",
		queries: []query{
			{expr: quantile(0.99, collector.TickDuration), legend: "p99"},
			{expr: quantile(0.5, collector.TickDuration), legend: "median"},
		},
		unit: units.Seconds, decimals: 1, noValue: "no ticks",
	}
}

func missedPanel() panel {
	missed := func(counter, by string) string {
		return fmt.Sprintf("sum by (%s) (increase(%s[%s]))", by, counter, rateInterval)
	}
	return panel{
		title:       "Ticks missed",
		description: "Ticks that were not graded at all, per instance, and ticks for which a source was not asked because it was still busy. Both should be 0; give a busy source more concurrency, or a longer interval.",
		queries: []query{
			{expr: missed(collector.TicksMissed, labelInstance), legend: "graded by {{" + labelInstance + "}}"},
			{
				expr: missed(collector.SourceTicksMissed, collector.LabelSource), legend: "asked of {{" + collector.LabelSource + "}}",
				emptyAs: "a source that never missed a tick has no series", unless: collector.SourceTicksMissed,
			},
		},
		unit: units.Short, decimals: 1, noValue: "unknown",
	}
}

func commitsPanel() panel {
	return panel{
		title:       "Commits",
		description: "Commits handed to the store per minute, by result. Other results than ok mean that the store fails, or that a second instance has taken over (fenced): then the log says which.",
		queries:     []query{{expr: "60 * " + perSecond(collector.Commits, collector.LabelResult), legend: "{{" + collector.LabelResult + "}}"}},
		unit:        units.CountsPerMinute, decimals: 1, noValue: "no commits",
	}
}

func agePanel() panel {
	return panel{
		title:       "Age of the snapshot",
		description: "Time since the tick of the snapshot that each instance serves. More than two evaluation intervals make its answers stale; one instance alone has lost its store, all of them have lost their grader.",
		queries:     []query{{expr: fmt.Sprintf("max by (%s) (%s)", labelInstance, api.SnapshotAge), legend: "{{" + labelInstance + "}}"}},
		unit:        units.Seconds, noValue: "no snapshot",
	}
}

func breakerPanel() panel {
	return panel{
		title:       "Sources left alone",
		description: "1 while a source is not asked, because it failed too often in a row. What it knows of services is unknown meanwhile; see whether it can be reached.",
		look:        bars{},
		queries:     []query{{expr: fmt.Sprintf("max by (%s) (%s)", promapi.LabelSource, promapi.BreakerOpen), legend: "{{" + promapi.LabelSource + "}}"}},
		unit:        units.Short, max: new(1.0), steps: wrong(colourF), noValue: "no sources",
	}
}

func failuresPanel() panel {
	all := perSecond(promapi.Queries, promapi.LabelSource)
	failed := perSecond(fmt.Sprintf(`%s{%s!=%q}`, promapi.Queries, promapi.LabelResult, promapi.ResultOK), promapi.LabelSource)
	return panel{
		title:       "Queries that fail",
		description: "Share of the questions to each source that had no good answer. Refused and timed-out queries lower coverage, never a score. The kinds of error are in the metric's label result.",
		queries: []query{{
			expr:   fmt.Sprintf("(%s or 0 * %s) / %s", failed, all, all),
			legend: "{{" + promapi.LabelSource + "}}",
		}},
		unit: units.PercentUnit, decimals: 1, max: new(1.0), noValue: "no queries",
	}
}

func queriesPanel() panel {
	return panel{
		title:       "Queries per tick",
		description: "Queries that each source was sent for the newest tick. The number follows checks and identities, not services: a jump means a new rubric, or queries that had to be split.",
		queries:     []query{{expr: fmt.Sprintf("max by (%s) (%s)", collector.LabelSource, collector.TickQueries), legend: "{{" + collector.LabelSource + "}}"}},
		unit:        units.Short, noValue: "no queries",
	}
}

func samplesPanel() panel {
	return panel{
		title:       "Samples looked at",
		description: "Samples per second that the queries made each source look at: what Apgar costs it. Compare with what the source's own rules cost before worrying.",
		queries:     []query{{expr: perSecond(promapi.Samples, promapi.LabelSource), legend: "{{" + promapi.LabelSource + "}}"}},
		unit:        units.CountsPerSecond, noValue: "no queries",
	}
}

func sourceLatencyPanel() panel {
	by := perSecond(promapi.QueryDuration+"_bucket", "le", promapi.LabelSource)
	return panel{
		title:       "Time to answer, by source",
		description: "The time that nine of ten questions to a source take at most, with retries. A source that slows down will miss ticks next.",
		queries:     []query{{expr: fmt.Sprintf("histogram_quantile(0.9, %s)", by), legend: "{{" + promapi.LabelSource + "}}"}},
		unit:        units.Seconds, decimals: 2, noValue: "no queries",
	}
}

func answersPanel() panel {
	return panel{
		title:       "Requests to Apgar",
		description: "Requests that Apgar answered, by status code. 500 is a defect, or a reload that failed. 503 is said before the first snapshot, for history while the store is away, and for event streams when too many are open or the instance stops.",
		queries:     []query{{expr: perSecond(api.Requests, api.LabelCode), legend: "{{" + api.LabelCode + "}}"}},
		unit:        units.RequestsPerSecond, decimals: 2, noValue: "no requests",
	}
}

func latencyPanel() panel {
	return panel{
		title:       "Time to answer",
		description: "How long Apgar takes to answer requests. Answers come from memory, so p99 is a few milliseconds; more means that the process has too little CPU.",
		queries: []query{
			{expr: quantile(0.99, api.RequestDuration), legend: "p99"},
			{expr: quantile(0.5, api.RequestDuration), legend: "median"},
		},
		unit: units.Seconds, decimals: 1, noValue: "no requests",
	}
}

func stagesPanel() panel {
	return panel{
		title:       "Stages of a tick",
		description: "What the stages of the newest tick took once the sources had answered: adding to the ledger, grading, committing. Commit alone growing points at the store.",
		queries:     []query{{expr: fmt.Sprintf("max by (%s) (%s)", collector.LabelStage, collector.StageDuration), legend: "{{" + collector.LabelStage + "}}"}},
		unit:        units.Seconds, decimals: 2, noValue: "no ticks",
	}
}
