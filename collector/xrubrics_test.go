package collector

const availability = `
rubrics:
  - name: http
    levels: [bronze]
    checks:
      - name: availability
        severity: critical
        level: bronze
        events: {metric: http_requests_total, bad: '{code=~"5.."}'}
        objective: 99%
        period: 7d
`

const fourKinds = `
rubrics:
  - name: http
    checks:
      - name: availability
        events: {metric: http_requests_total, where: '{handler!="/metrics"}', bad: '{code=~"5.."}'}
        objective: 99%
        period: 7d
      - name: latency
        histogram: {metric: http_request_duration_seconds, where: '{code!~"5.."}', threshold: 500ms}
        objective: 99%
        period: 7d
      - name: file-descriptors
        value: {query: 'max by ($identity) (process_open_fds / process_max_fds)', unit: ratio}
        pass: 0.7
        fail: 0.95
      - name: runbook
        catalog: '"runbook" in service.links'
`

const fourCounted = `
rubrics:
  - name: http
    checks:
      - {name: availability, events: {metric: http_requests_total, bad: '{code=~"5.."}'}, objective: 99.9%, period: 30d}
      - {name: client-errors, events: {metric: grpc_requests_total, bad: '{code=~"4.."}'}, objective: 99%, period: 30d}
      - {name: latency, histogram: {metric: http_duration_seconds, threshold: 500ms}, objective: 99%, period: 30d}
      - {name: jobs, events: {metric: job_runs_total, bad: '{code!="200"}'}, objective: 99%, period: 7d}
`

const shop = `
rubrics:
  - name: shop
    checks:
      - name: availability
        events: {metric: http_requests_total, bad: '{code=~"5.."}'}
        objective: 99%
        period: 7d
      - name: owner
        weight: 5
        catalog: 'service.owner != ""'
`

// oneCheck is a rubric of one check with the body given.
func oneCheck(body string) string {
	return "rubrics:\n  - name: a\n    checks:\n      - {name: one, " + body + "}\n"
}

const (
	eventsCheck = `events: {metric: req_total, bad: '{code=~"5.."}'}, objective: 99%`
	bucketCheck = `histogram: {metric: lat_seconds, threshold: 500ms}, objective: 99%`
	gaugeCheck  = `value: {query: 'max by ($identity) (fds)'}, pass: 1, fail: 2`
)
