package promapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

const benchSeries = 100_000

// benchBody is the answer to a question grouped by three labels.
func benchBody() []byte {
	var b strings.Builder
	b.WriteString(vectorHead)
	for i := range benchSeries {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"metric":{"code":"200","namespace":"team-%03d","service":"service-%05d"},"value":[1700000000.123,"%d.3333333333"]}`, i%150, i, i*7)
	}
	b.WriteString(`]}}`)
	return []byte(b.String())
}

// sum is the least a sink can do: look at a label and add a value.
type sum struct {
	labels int
	total  float64
}

func (s *sum) Reset() {}

func (s *sum) Series(series *Series) error {
	s.labels += len(series.Label("service"))
	s.total += series.Points()[0].V
	return nil
}

func benchResponse(r *http.Request, body []byte) *http.Response {
	resp := response(r, 200, "")
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

func perSample(b *testing.B, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSeries, "ns/sample")
}

// BenchmarkDecode is the decoder alone.
func BenchmarkDecode(b *testing.B) {
	body := benchBody()
	s := source(b, Options{Replicas: []string{"http://a"}})
	s.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		return benchResponse(r, body), nil
	})
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Query(b.Context(), Query{Expr: "up"}, &sum{})
		require.NoError(b, err)
	}
	perSample(b, body)
}

// BenchmarkDecodeHTTP is the same through a real connection, server included.
func BenchmarkDecodeHTTP(b *testing.B) {
	body := benchBody()
	s := source(b, Options{Replicas: []string{serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })}})
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Query(b.Context(), Query{Expr: "up"}, &sum{})
		require.NoError(b, err)
	}
	perSample(b, body)
}

// BenchmarkDecodeClientGolang asks the same of client_golang's API.
func BenchmarkDecodeClientGolang(b *testing.B) {
	body := benchBody()
	client, err := api.NewClient(api.Config{Address: "http://a", RoundTripper: roundTrip(func(r *http.Request) (*http.Response, error) {
		return benchResponse(r, body), nil
	})})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		var s sum
		value, _, _, err := v1.NewAPI(client).Query(b.Context(), "up", time.Unix(1_700_000_000, 0))
		require.NoError(b, err)
		for _, sample := range value.(model.Vector) {
			s.labels += len(sample.Metric["service"])
			s.total += float64(sample.Value)
		}
	}
	perSample(b, body)
}
