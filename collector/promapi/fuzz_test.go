package promapi

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

// FuzzDecode holds the decoder to what must be true of any answer: no panic, a known kind, bounded text, what was counted
// is what was delivered, and the same outcome however the bytes arrive.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `<html>`, oneSample, emptyVector, oneSample[:70], oneSample + "x",
		`{"status":"error","errorType":"timeout","error":"query timed out"}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`,
		`{"data":{"result":[1,"x"],"resultType":"string"},"status":"success"}`,
		`{"data":{"result":[{"values":[[1,"NaN"],[2.5,"+Inf"]],"metric":{"a":"b"}}],"resultType":"matrix"},"status":"success","infos":["PromQL info: x"]}`,
		`{"status":"success","warnings":["w"],"isPartial":true,"data":{"resultType":"vector","result":[{"metric":{"\u0061":"\ud83d\ude00"},"histogram":[1e9,{"count":"3","sum":"1","buckets":[[0,"-1","1","3"]]}]}],"stats":{"samples":{"totalQueryableSamples":1,"peakSamples":2}}}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{"count":"0","sum":"0"}],[2,{"count":"1","sum":"1","buckets":[]}]]}]}}`,
		`{"status":"success","data":{"version":"3.16.0"}}`,
		`{"a":[[[[[[{"b":[]}]]]]]]}`, "{\"data\":{\"result\":[{\"metric\":{\"a\":\"\xff\xfe\"},\"value\":[1,\"1\"]}]}}",
	} {
		for want := range byte(4) {
			f.Add([]byte(seed), want)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, wanted byte) {
		want := []resultType{resultVector, resultMatrix, resultBuild, resultNone}[wanted%4]
		whole, fault := &collect{}, (*Error)(nil)
		env, fault := decodeFrom(strings.NewReader(string(body)), want, whole)
		if fault == nil {
			require.NotEmpty(t, env.status)
		} else {
			require.NotEmpty(t, fault.Kind)
			require.NotEqual(t, kindBroken, fault.Kind)
			require.LessOrEqual(t, len(fault.Detail), 2*maxRemoteText)
		}
		if want == resultVector || want == resultMatrix {
			require.Len(t, whole.series, env.series)
		}
		for _, s := range whole.series {
			if want == resultVector {
				require.Equal(t, 1, len(s.Points)+len(s.Histograms))
			}
		}
		pieces := &collect{}
		_, again := decodeFrom(iotest.OneByteReader(strings.NewReader(string(body))), want, pieces)
		require.Equal(t, fault == nil, again == nil)
		if fault == nil {
			require.Empty(t, cmp.Diff(whole.series, pieces.series, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()))
		} else {
			require.Equal(t, fault.Kind, again.Kind)
		}
	})
}

func decodeFrom(r io.Reader, want resultType, sink Sink) (envelope, *Error) {
	s := &Source{}
	tools := s.borrow()
	defer s.giveBack(tools)
	d := newDecoder(&answer{src: r, limit: 1 << 20}, tools, want, sink, 1000, sanitizer{})
	fault := d.decode()
	return d.env, fault
}
