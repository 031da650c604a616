package promapi

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

// decode decodes a body as if it had come over the wire.
func decode(t testing.TB, want resultType, body string, sink Sink) (envelope, *Error) {
	t.Helper()
	s := &Source{}
	tools := s.borrow()
	defer s.giveBack(tools)
	in := &answer{src: strings.NewReader(body), limit: DefaultResponseBytes}
	d := newDecoder(in, tools, want, sink, 1000, sanitizer{})
	fault := d.decode()
	return d.env, fault
}

// decodes is an answer and what is read from it.
type decodes struct {
	name string
	want resultType
	body string
	got  []got
}

func TestAnswersAreDecodedInAnyOrder(t *testing.T) {
	playlist := []got{{Labels: map[string]string{"service": "playlist"}, Points: []Point{{1_700_000_000_000, 7}}}}
	element := `{"metric":{"service":"playlist"},"value":[1700000000,"7"]}`
	for _, tt := range []decodes{
		{"a vector", resultVector, oneSample, playlist},
		{"an empty vector", resultVector, emptyVector, nil},
		{
			"a vector with white space everywhere", resultVector,
			strings.NewReplacer(":", " : ", ",", "\n,\t", "[", "[ ", "]", " ]").Replace(oneSample), playlist,
		},
		{"data before status", resultVector, `{"data":{"resultType":"vector","result":[` + element + `]},"status":"success"}`, playlist},
		{"result before resultType", resultVector, `{"status":"success","data":{"result":[` + element + `],"resultType":"vector"}}`, playlist},
		{"an element in another order", resultVector, `{"status":"success","data":{"resultType":"vector","result":[{"value":[1700000000,"7"],"metric":{"service":"playlist"}}]}}`, playlist},
		{"unknown members everywhere", resultVector, `{"x":{"y":[1,{"z":null}]},"status":"success","data":{"v":1,"resultType":"vector","result":[{"group":1,"metric":{"service":"playlist"},"value":[1700000000,"7"],"w":[]}],"analysis":{}},"trace":[[]]}`, playlist},
		{
			"escaped names and values", resultVector, `{"st\u0061tus":"success","data":{"resultType":"vector","result":[{"metric":{"a\"b":"c\\d\n\u00e9","":"x"},"value":[1,"1"]}]}}`,
			[]got{{Labels: map[string]string{`a"b`: "c\\d\né", "": "x"}, Points: []Point{{1000, 1}}}},
		},
		{
			"invalid UTF-8 in a label becomes U+FFFD", resultVector, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"` + "x\xffy" + `"},"value":[1,"1"]}]}}`,
			[]got{{Labels: map[string]string{"a": "x\uFFFDy"}, Points: []Point{{1000, 1}}}},
		},
	} {
		t.Run(tt.name, tt.check)
	}
}

func TestPointsAndHistogramsAreDecoded(t *testing.T) {
	for _, tt := range []decodes{
		{
			"NaN and infinities", resultMatrix, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"NaN"],[2,"+Inf"],[3,"-Inf"],[4,"1e-3"]]}]}}`,
			[]got{{Labels: map[string]string{}, Points: []Point{{1000, math.NaN()}, {2000, math.Inf(1)}, {3000, math.Inf(-1)}, {4000, 0.001}}}},
		},
		{
			"times with a fraction, before 1970, and as numbers", resultMatrix, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[-1.5,"1"],[1700000000.781,"2"],[1.7e9,3]]}]}}`,
			[]got{{Labels: map[string]string{}, Points: []Point{{-1500, 1}, {1_700_000_000_781, 2}, {1_700_000_000_000, 3}}}},
		},
		{
			"a native histogram", resultVector, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"6","sum":"-2.5","buckets":[[3,"-0.1","0.1","2"],[0,"0.5","+Inf","4"]]}]}]}}`,
			[]got{{Labels: map[string]string{}, Histograms: []HistogramPoint{{
				T: 1000, Count: 6, Sum: -2.5,
				Buckets: []Bucket{{ClosedBoth, -0.1, 0.1, 2}, {OpenLeft, 0.5, math.Inf(1), 4}},
			}}}},
		},
		{
			"floats and histograms in one series of a matrix", resultMatrix, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]],"histograms":[[2,{"count":"1","sum":"1","buckets":[[1,"0","1","1"]]}],[3,{"count":"0","sum":"0"}]]}]}}`,
			[]got{{
				Labels: map[string]string{}, Points: []Point{{1000, 1}},
				Histograms: []HistogramPoint{{T: 2000, Count: 1, Sum: 1, Buckets: []Bucket{{OpenRight, 0, 1, 1}}}, {T: 3000}},
			}},
		},
	} {
		t.Run(tt.name, tt.check)
	}
}

func (d decodes) check(t *testing.T) {
	sink := &collect{}
	_, fault := decode(t, d.want, d.body, sink)
	require.NoError(t, asError(fault))
	require.Empty(t, cmp.Diff(d.got, sink.series, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()))
}

// faulty is an answer that is an error to one who asked for a vector.
type faulty struct {
	name     string
	body     string
	kind     Kind
	text     string
	answered bool
}

func TestEnvelopesThatAreNotWhatWasAskedForAreErrors(t *testing.T) {
	for _, tt := range []faulty{
		{"nothing", ``, KindMalformed, "empty", false},
		{"only white space", "  \n", KindMalformed, "ends early", false},
		{"HTML", "<!doctype html><html>", KindMalformed, "not JSON", false},
		{"cut off", oneSample[:90], KindMalformed, "ends early", false},
		{"cut off before the last brace", oneSample[:len(oneSample)-1], KindMalformed, "ends early", false},
		{"followed by more", oneSample + "{}", KindMalformed, "follows", false},
		{"followed by nonsense", oneSample + "x", KindMalformed, "not valid JSON", false},
		{"not an object", `[1]`, KindMalformed, "an array, not an object", false},
		{"an empty object", `{}`, KindMalformed, "status", false},
		{"an unknown status", `{"status":"fine"}`, KindMalformed, "status", false},
		{"no data", `{"status":"success"}`, KindMalformed, "no result", false},
		{"data null", `{"status":"success","data":null}`, KindMalformed, "no result", false},
		{"result null", `{"status":"success","data":{"resultType":"vector","result":null}}`, KindMalformed, "null, not an array", false},
		{"no resultType", `{"status":"success","data":{"result":[]}}`, KindMalformed, "resultType", false},
		{"an unknown resultType", `{"status":"success","data":{"resultType":"streams","result":[]}}`, KindMalformed, "resultType", false},
		{"a scalar", `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`, KindMalformed, "a scalar, where a vector", true},
		{"a string", `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, KindMalformed, "a string, where", true},
		{"a matrix", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, KindMalformed, "a matrix, where", true},
		{"a matrix told by its shape", `{"data":{"result":[{"metric":{},"values":[[1,"1"]]}]}}`, KindMalformed, "a matrix, where", true},
		{"a scalar told by its shape", `{"data":{"result":[1,"1"]}}`, KindMalformed, "scalar or string", true},
		{"result twice", `{"data":{"resultType":"vector","result":[],"result":[]}}`, KindMalformed, "twice", false},
		{"data twice", `{"data":{},"data":{}}`, KindMalformed, "twice", false},
		{"an unknown member nested too deep", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, KindMalformed, "deeper", false},
		{"warnings that are no list", `{"warnings":1}`, KindMalformed, "a number, not an array", false},
		{"an error that is no text", `{"error":{}}`, KindMalformed, "an object, not a string", false},
		{"something not found, as an envelope", `{"status":"error","errorType":"not_found","error":"gone"}`, KindNotPrometheus, "gone", false},
		{"a bad query, as an envelope", `{"status":"error","errorType":"bad_data","error":"parse error"}`, KindBadQuery, "parse error", false},
		{"an error after data", `{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]},"status":"error","errorType":"execution","error":"boom"}`, KindExecution, "boom", false},
		{"a timeout of the source", `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, KindTimeout, "timed out", true},
		{"an internal error", `{"status":"error","errorType":"internal","error":"disk"}`, KindUnavailable, "disk", false},
	} {
		t.Run(tt.name, tt.check)
	}
}

func TestSeriesThatMakeNoSenseAreErrors(t *testing.T) {
	vector := func(element string) string { return vectorHead + element + "]}}" }
	for _, tt := range []faulty{
		{"a series without a point", vector(`{"metric":{}}`), KindMalformed, "no points", false},
		{"a series with two points", vector(`{"metric":{},"value":[1,"1"],"value":[1,"1"]}`), KindMalformed, "more than one", false},
		{"a point without value", vector(`{"metric":{},"value":[1]}`), KindMalformed, "missing", false},
		{"a point with three elements", vector(`{"metric":{},"value":[1,"1",2]}`), KindMalformed, "rest of a point", false},
		{"a value that is no number", vector(`{"metric":{},"value":[1,"one"]}`), KindMalformed, "no number", false},
		{"a value that is beyond a float", vector(`{"metric":{},"value":[1,"1e999"]}`), KindMalformed, "no number", false},
		{"a time beyond reason", vector(`{"metric":{},"value":[1e30,"1"]}`), KindMalformed, "out of range", false},
		{"a time in a string", vector(`{"metric":{},"value":["1","1"]}`), KindMalformed, "a string, not a number", false},
		{"a label that is a number", vector(`{"metric":{"a":1},"value":[1,"1"]}`), KindMalformed, "label value", false},
		{"a boolean for a label", vector(`{"metric":{"a":true},"value":[1,"1"]}`), KindMalformed, "a boolean", false},
		{"a histogram without count", vector(`{"metric":{},"histogram":[1,{}]}`), KindMalformed, "no count", false},
		{"a bucket of an unknown rule", vector(`{"metric":{},"histogram":[1,{"count":"1","buckets":[[4,"0","1","1"]]}]}`), KindMalformed, "boundary", false},
		{"a bucket too short", vector(`{"metric":{},"histogram":[1,{"count":"1","buckets":[[0,"0","1"]]}]}`), KindMalformed, "missing", false},
	} {
		t.Run(tt.name, tt.check)
	}
}

func (f faulty) check(t *testing.T) {
	_, fault := decode(t, resultVector, f.body, &collect{})
	require.NotNil(t, fault)
	require.Equal(t, f.kind, fault.Kind, fault.Detail)
	require.Contains(t, fault.Detail, f.text)
	require.Equal(t, f.answered, fault.answered)
}

func TestNotesSpoilTheAnswerUnlessTheyArePromQLInfos(t *testing.T) {
	env, fault := decode(t, resultVector, `{"infos":null,"warnings":["results truncated due to limit","PromQL info: a","PromQL warning: b"],"isPartial":true,`+emptyVector[1:], &count{})
	require.NoError(t, asError(fault))
	require.Equal(t, []string{"results truncated due to limit", "PromQL warning: b", "the source says that its answer is partial"}, env.warnings)
	require.Equal(t, []string{"PromQL info: a"}, env.infos)

	env, fault = decode(t, resultVector, `{"warnings":[`+strings.Repeat(`"`+strings.Repeat("w", 1000)+`",`, 500)+`"z"],`+emptyVector[1:], &count{})
	require.NoError(t, asError(fault))
	require.Len(t, env.warnings, maxNotes)
	require.LessOrEqual(t, len(env.warnings[0]), maxRemoteText)
}

func TestASinkThatRefusesEndsTheQueryWithItsError(t *testing.T) {
	refusal := errors.New("no such service")
	_, fault := decode(t, resultVector, oneSample, &collect{fail: refusal})
	require.Equal(t, KindRejected, fault.Kind)
	require.ErrorIs(t, fault, refusal)
	require.False(t, fault.againstSource())
}

func TestSeriesAreReadWithoutAllocating(t *testing.T) {
	s := NewSeries(map[string]string{"service": "playlist", "code": "200"}, nil, nil)
	require.Equal(t, "playlist", string(s.Label("service")))
	require.Empty(t, s.Label("missing"))
	var names []string
	s.EachLabel(func(name, value []byte) { names = append(names, fmt.Sprintf("%s=%s", name, value)) })
	require.Equal(t, []string{"code=200", "service=playlist"}, names)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = s.Label("service") }))
}
