package exporter

// The metrics of /metrics/scorecards. Dashboards and rules are generated from
// these constants. All are gauges. A series is absent while its value is
// unknown, and goes with its scorecard.
const (
	// Score is the score of a scorecard, 0 to 100.
	Score = "apgar_score"
	// RollupScore is the score of a bucket of services, 0 to 100.
	RollupScore = "apgar_rollup_score"
	// Coverage is the share of a scorecard's weight that data answered for.
	Coverage = "apgar_coverage_ratio"
	// Level is the rank of the level held; 0 is none.
	Level = "apgar_level"
	// DataTimestamp is the tick that a scorecard was graded for.
	DataTimestamp = "apgar_scorecard_data_timestamp_seconds"
	// ServiceInfo is 1, with what the catalog says of a service.
	ServiceInfo = "apgar_service_info"
	// ErrorBudgetRemaining is the share of a check's error budget that is
	// left; below 0 when overspent.
	ErrorBudgetRemaining = "apgar_error_budget_remaining_ratio"
	// CheckCredit is what a check earns, 0 to 1.
	CheckCredit = "apgar_check_credit_ratio"
	// Series is how many series the page has, the exporter's own included.
	Series = "apgar_exporter_series"
	// SeriesDropped is how many are left out to stay within the limit.
	SeriesDropped = "apgar_exporter_series_dropped"
)

// The labels of the metrics. Score, Coverage, Level and DataTimestamp have the
// first three; ErrorBudgetRemaining and CheckCredit have LabelCheck as well;
// ServiceInfo has those but LabelRubric and LabelCheck. RollupScore has LabelBy,
// LabelName and LabelRubric.
const (
	LabelRubric           = "rubric"
	LabelServiceNamespace = "service_namespace"
	LabelService          = "service"
	LabelCheck            = "check"
	LabelOwner            = "owner"
	LabelSystem           = "system"
	LabelTier             = "tier"
	LabelLifecycle        = "lifecycle"
	LabelBy               = "by"   // what the services of a bucket have in common
	LabelName             = "name" // of the bucket
)

// Names returns the names of all metrics of the page, in order.
func Names() []string {
	return []string{
		CheckCredit, Coverage, ErrorBudgetRemaining, Series, SeriesDropped,
		Level, RollupScore, Score, DataTimestamp, ServiceInfo,
	}
}
