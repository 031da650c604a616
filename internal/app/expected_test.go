package app_test

import "strconv"

// The two rubrics of the end-to-end tests, the checks in the order of the file.
func httpPack() rubricSpec {
	return rubricSpec{
		name: "http", floor: 0.8, levels: []string{"bronze", "silver", "gold"},
		checks: []weighed{
			{"availability", 10, true, 1},
			{"latency", 7.5, false, 2},
			{"saturation", 5, false, 2},
			{"runbook", 2.5, false, 3},
			{"traffic", 0, false, 0},
		},
	}
}

func edgesRubric() rubricSpec {
	return rubricSpec{
		name: "edges", floor: 0.8, levels: []string{"basic", "full"}, strict: true,
		checks: []weighed{
			{"client-errors", 5, false, 1},
			{"queue-fail", 10, true, 1},
			{"queue-na", 2.5, false, 0},
			{"queue-pass", 2.5, false, 0},
			{"weekly", 7.5, false, 2},
		},
	}
}

// expectations are by service and check.
type expectations map[string]map[string]string

// expectedHTTP says what each service's checks of the pack http must come to
// when it is graded once and from no state; what is not mentioned passes.
func expectedHTTP() expectations {
	noRunbook := "fail below_target"
	return expectations{
		"default/steady":      {},
		"default/burning":     {"availability": "fail burning_fast"},
		"default/smouldering": {"availability": "warn burning_slow 0.5", "runbook": noRunbook},
		"default/pressed":     {"saturation": "warn below_target 0.5", "runbook": noRunbook},
		"default/slow":        {"latency": "fail burning_fast"},
		"default/rare":        {"runbook": noRunbook},
		"default/nangauge":    {"saturation": "unknown invalid_data", "runbook": noRunbook},
		"default/boundless":   {"latency": "unknown no_such_bucket", "runbook": noRunbook},
		"default/reset":       {"runbook": noRunbook, "availability": "pass ok"},
		"default/newborn":     {"runbook": noRunbook},
		"default/infant":      {"availability": "unknown warming_up", "latency": "unknown warming_up", "runbook": noRunbook},
		"default/quiet":       {"availability": "unknown idle", "latency": "unknown idle", "runbook": noRunbook},
		"default/metricless":  {"availability": "unknown no_data", "latency": "unknown no_data", "traffic": "unknown no_data", "runbook": noRunbook},
		"default/collapsed":   blind("no_data", "pass ok"),
		"default/ghost":       blind("no_data", noRunbook),
		"one/twin":            blind("identity_conflict", noRunbook),
		"two/twin":            blind("identity_conflict", noRunbook),
		"default/remote":      {"runbook": noRunbook},
		"default/spread":      {"availability": "fail burning_fast", "runbook": noRunbook},
	}
}

// blind is a service of which the sources say nothing that can be used.
func blind(reason, runbook string) map[string]string {
	unknown := "unknown " + reason
	return map[string]string{"availability": unknown, "latency": unknown, "saturation": unknown, "traffic": unknown, "runbook": runbook}
}

// expectedEdges is expectedHTTP for the rubric edges.
func expectedEdges() expectations {
	// One request in eight is a 404, and 72,000 of them prove nearly that.
	proven := 1 - provenShare(2.5*3600, 20*3600)
	malformed := "warn below_target " + strconv.FormatFloat((proven-0.8)/(0.95-0.8), 'g', -1, 64)
	return expectations{
		"default/picky": {
			"client-errors": malformed,
			"queue-fail":    "fail no_data", "queue-na": "not_applicable no_data", "queue-pass": "pass no_data",
		},
		"default/spender": {
			"queue-fail": "warn below_target 0.5", "queue-na": "warn below_target 0.5", "queue-pass": "warn below_target 0.5",
			"weekly": "warn budget_low 0.8",
		},
		"default/spent": {"weekly": "warn budget_spent 0.5"},
		"default/overspent": {
			"queue-fail": "fail below_target", "queue-na": "fail below_target", "queue-pass": "fail below_target",
			"weekly": "fail budget_spent",
		},
	}
}

// expectedMessages is what a person must be able to read in messages.
func expectedMessages() expectations {
	return expectations{
		"default/boundless":  {"latency": "the nearest are 0.25 and 1"},
		"default/collapsed":  {"availability": "the only scrape target of the service is down"},
		"default/ghost":      {"availability": "no source has a scrape target or a series of this service"},
		"default/infant":     {"availability": "of the 12 slots"},
		"default/metricless": {"latency": "one scrape target is up and does not have the metric"},
		"default/quiet":      {"availability": "no requests to judge"},
		"default/burning":    {"availability": "10 % of 6,000 requests failed in the last 5m"},
		"one/twin":           {"availability": "one/twin, two/twin"},
		"default/nangauge":   {"saturation": "NaN"},
	}
}
