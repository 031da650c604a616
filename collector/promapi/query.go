package promapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Query is an instant query.
type Query struct {
	// Expr is the PromQL expression; its result must be an instant vector.
	Expr string
	// Time is the instant of evaluation, sent in milliseconds. The zero time leaves it to the source's own clock.
	Time time.Time
	// Only is the number of the one replica to ask, from 1; 0 is the preferred one, with all the rest behind it. One that is
	// asked for by its number is asked once, and what becomes of it says nothing about the source.
	Only int
}

// RangeQuery is a range query.
type RangeQuery struct {
	Expr string
	// Start and End are the first and the last instant, both inclusive; End is not before Start.
	Start, End time.Time
	// Step is the distance of two instants, at least a millisecond.
	Step time.Duration
	// Only is as in [Query].
	Only int
}

// Report says what an answer cost and how trustworthy it is. It is filled in as far as known when there is an error too.
type Report struct {
	// Series and Points count what the sink got in the last attempt; a native histogram is a point.
	Series int
	Points int
	// Bytes is the size of the last attempt's body, after decompression.
	Bytes int64
	// Duration is the whole time, with waiting for a place and with retries.
	Duration time.Duration
	// SamplesTotal and SamplesPeak are totalQueryableSamples and peakSamples as the source reports them; 0 if it does not.
	SamplesTotal int64
	SamplesPeak  int64
	// Warnings are those that may mean a partial or a wrong answer, those of PromQL included. At most 32 are kept, of at most 256 bytes each.
	Warnings []string
	// Infos are remarks of PromQL on the expression; the answer is complete. Bounded as Warnings are.
	Infos []string
	// Replica is the URL of the replica asked last, without userinfo and query.
	Replica string
	// Number is that replica's number among those of the source, from 1; 0 if none was asked.
	Number int
	// Attempts is how often the question was sent; 0 if it never was.
	Attempts int
}

// Sink receives an answer.
type Sink interface {
	// Reset is called before each attempt, so that a retry starts clean.
	Reset()
	// Series gets one element of the result, in wire order. An error ends the query with [KindRejected]. Whatever was
	// received is worth nothing if the query then ends in an error.
	Series(s *Series) error
}

// The names of the operations, as [Error.Op] has them.
const (
	opQuery      = "query"
	opQueryRange = "query_range"
	opBuildInfo  = "build_info"
	opStartTime  = "start_time"
)

// request is one question in the form it is sent in.
type request struct {
	op     string
	path   string
	method string
	form   url.Values
	want   resultType
	sink   Sink
	only   int // the number of the one replica to ask; 0: the preferred one and those behind it
}

// Query asks an instant query and hands its result to the sink, series by series. A scalar, a string or a matrix is an
// error. The error is an [*Error].
func (s *Source) Query(ctx context.Context, q Query, sink Sink) (Report, error) {
	form := url.Values{"query": {q.Expr}, "stats": {"all"}}
	if !q.Time.IsZero() {
		form.Set("time", formatTime(q.Time))
	}
	return s.ask(ctx, &request{
		op: opQuery, path: "/api/v1/query", method: http.MethodPost, form: form, want: resultVector, sink: sink, only: q.Only,
	})
}

// QueryRange asks a range query and hands its result to the sink, series by series. The error is an [*Error].
func (s *Source) QueryRange(ctx context.Context, q RangeQuery, sink Sink) (Report, error) {
	if q.Step < time.Millisecond || q.End.Before(q.Start) {
		e := faultf(KindBadQuery, "the range from %s to %s in steps of %s is empty; the step must be at least 1ms and the end not before the start",
			q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339), q.Step)
		return Report{}, e.of(s.name, opQueryRange, "")
	}
	form := url.Values{
		"query": {q.Expr},
		"start": {formatTime(q.Start)},
		"end":   {formatTime(q.End)},
		"step":  {strconv.FormatFloat(q.Step.Seconds(), 'f', -1, 64)},
		"stats": {"all"},
	}
	return s.ask(ctx, &request{
		op: opQueryRange, path: "/api/v1/query_range", method: http.MethodPost, form: form, want: resultMatrix, sink: sink, only: q.Only,
	})
}

// BuildInfo asks which version the source runs. The version is what the source says of itself, cleaned for display. The
// error is an [*Error].
func (s *Source) BuildInfo(ctx context.Context) (version string, err error) {
	sink := &statusSink{field: "version"}
	_, err = s.ask(ctx, &request{
		op: opBuildInfo, path: "/api/v1/status/buildinfo", method: http.MethodGet, want: resultBuild, sink: sink,
	})
	return sink.value, err
}

// statusSink receives one field of an answer about the state of a server, which is no series.
type statusSink struct{ field, value string }

func (b *statusSink) Reset() { b.value = "" }

func (b *statusSink) Series(s *Series) error {
	b.value = string(s.Label(b.field))
	return nil
}

// formatTime writes Unix seconds with milliseconds, which every Prometheus-compatible source reads.
func formatTime(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}
