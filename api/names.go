package api

// The API's own metrics, of the page of the process. Dashboards and rules are
// generated from these constants.
const (
	// Requests counts the requests answered; it has all three labels.
	Requests = "apgar_api_requests_total"
	// RequestDuration is a histogram of the time from the first byte of a
	// request to its answer, in seconds; it has LabelRoute.
	RequestDuration = "apgar_api_request_duration_seconds"
	// EncodeFailures counts the answers that could not be encoded.
	EncodeFailures = "apgar_api_encode_failures_total"
	// SnapshotAge is the time since the tick of the snapshot that is served, in
	// seconds; absent before the first.
	SnapshotAge = "apgar_api_snapshot_age_seconds"
	// SnapshotGeneration is the generation of that snapshot; absent before the
	// first.
	SnapshotGeneration = "apgar_api_snapshot_generation"
)

// The labels of Requests. Routes are templates, so the values are few.
const (
	LabelRoute  = "route"
	LabelMethod = "method"
	LabelCode   = "code"
)
