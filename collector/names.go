package collector

// The collector's own metrics, of the page of the process. Dashboards and
// rules are generated from these constants.
const (
	// Ticks counts the ticks graded and committed.
	Ticks = "apgar_collector_ticks_total"
	// TicksMissed counts the ticks that were not graded.
	TicksMissed = "apgar_collector_ticks_missed_total"
	// TickDuration is a histogram of the time from a tick to the commit of
	// its scorecards, in seconds.
	TickDuration = "apgar_collector_tick_duration_seconds"
	// StageDuration is what a stage of the newest tick took; it has LabelStage.
	StageDuration = "apgar_collector_stage_duration_seconds"
	// LastTick is the newest committed tick, in Unix seconds.
	LastTick = "apgar_collector_last_tick_timestamp_seconds"
	// Commits counts the commits handed to the store; it has LabelResult.
	Commits = "apgar_collector_commits_total"
	// CatalogServices is how many services the catalog has.
	CatalogServices = "apgar_collector_services"
	// Scorecards is how many scorecards the newest tick has; it has LabelStatus.
	Scorecards = "apgar_collector_scorecards"
	// TickQueries is how many queries a source was sent for the newest tick;
	// it has LabelSource.
	TickQueries = "apgar_collector_tick_queries"
	// SourceTicksMissed counts the ticks that a source was not asked about; it
	// has LabelSource.
	SourceTicksMissed = "apgar_collector_source_ticks_missed_total"
	// BirthsDropped counts the answers about errors that series began with that
	// were too large to be believed; it has LabelSource.
	BirthsDropped = "apgar_collector_births_dropped_total"
	// ReplicaComparisons counts how often another replica of a source was asked
	// beside the preferred one; it has LabelSource, LabelReason and LabelTaken.
	ReplicaComparisons = "apgar_collector_replica_comparisons_total"
	// UnmatchedRows is how many rows of a source name no service; it has
	// LabelSource.
	UnmatchedRows = "apgar_collector_unmatched_rows"
	// SlowServices is how many services of a source are refused, as they are
	// scraped too seldom; it has LabelSource.
	SlowServices = "apgar_collector_slow_services"
	// Slots counts the slots entered into the ledger; it has LabelOutcome.
	Slots = "apgar_collector_slots_total"
	// BackfillRemaining is how many slots are still to be asked about the past.
	BackfillRemaining = "apgar_collector_backfill_remaining_slots"
	// PanicsRecovered counts the panics while grading that were recovered.
	PanicsRecovered = "apgar_collector_panics_recovered_total"
	// Leader is 1 while this process holds the lease to grade.
	Leader = "apgar_collector_leader"
	// LeaseEpoch is the epoch of the newest lease granted to this process.
	LeaseEpoch = "apgar_collector_lease_epoch"
	// Takeovers counts the times that this process began to grade from what is
	// in the store.
	Takeovers = "apgar_collector_takeovers_total"
	// BacklogTicks is how many graded ticks are not in the store.
	BacklogTicks = "apgar_collector_backlog_ticks"
	// LedgerPageErrors counts the pages of the ledger that could not be read.
	LedgerPageErrors = "apgar_collector_ledger_page_errors_total"
)

// The labels of the collector's metrics.
const (
	LabelSource  = "source"
	LabelResult  = "result"
	LabelStatus  = "status"
	LabelStage   = "stage"
	LabelOutcome = "outcome"
	LabelReason  = "reason"
	LabelTaken   = "taken"
)
