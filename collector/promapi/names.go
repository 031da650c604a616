package promapi

// The metrics of asking sources, of the page of the process. Dashboards and
// rules are generated from these constants. All have LabelSource.
const (
	// Queries counts the questions asked, retries not counted; it has
	// LabelResult as well.
	Queries = "apgar_source_queries_total"
	// QueryDuration is a histogram of the time from sending a question to the
	// end of its answer, in seconds.
	QueryDuration = "apgar_source_query_duration_seconds"
	// Retries counts the attempts beyond the first.
	Retries = "apgar_source_retries_total"
	// InFlight is how many questions are being asked now.
	InFlight = "apgar_source_inflight"
	// BreakerOpen is 1 while a source is left alone, else 0.
	BreakerOpen = "apgar_source_breaker_open"
	// ReplicaMoves counts how often another replica became the preferred one.
	ReplicaMoves = "apgar_source_replica_moves_total"
	// ResponseBytes counts the bytes of answers, after decompression.
	ResponseBytes = "apgar_source_response_bytes_total"
	// AnsweredSeries counts the series decoded from answers.
	AnsweredSeries = "apgar_source_series_total"
	// Samples counts the samples that questions made a source look at.
	Samples = "apgar_source_samples_total"
)

// The labels of the metrics, and the value of LabelResult of a question that
// was answered; its other values are kinds of error.
const (
	LabelSource = "source"
	LabelResult = "result"
	ResultOK    = "ok"
)
