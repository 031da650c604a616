package promapi

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const vectorHead = `{"status":"success","data":{"resultType":"vector","result":[`

// repeat is an answer that begins and then never ends.
func repeat(head, unit string) http.HandlerFunc {
	chunk := []byte(strings.Repeat(unit, 1+(64<<10)/len(unit)))
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.WriteString(w, head); err != nil {
			return
		}
		for sent := 0; sent < 1<<30 && r.Context().Err() == nil; sent += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// allocated is how many bytes f allocates, whether or not they are freed.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestAGigabyteIsNotRead(t *testing.T) {
	element := `{"metric":{"service":"playlist","code":"200"},"value":[1700000000,"7"]},`
	tests := []struct {
		name    string
		handler http.HandlerFunc
		kind    Kind
		text    string
	}{
		{"series without end", repeat(vectorHead, element), KindResponseTooLarge, "2097152 bytes"},
		{"an unknown member without end", repeat(`{"x":[1`, `,12345678901234567890`), KindResponseTooLarge, "2097152 bytes"},
		{"white space", repeat(``, "    "), KindMalformed, "single value"},
		{"one label value", repeat(vectorHead+`{"metric":{"a":"`, "aaaa"), KindMalformed, "single value"},
		{"one name of a member", repeat(`{"`, "aaaa"), KindMalformed, "single value"},
		{"one number", repeat(vectorHead+`{"value":[`, "1111"), KindMalformed, "single value"},
		{"arrays in arrays", repeat(`{"x":`, "[[[["), KindMalformed, "deeper"},
		{"arrays in the place of a value", repeat(vectorHead+`{"value":[`, "[[[["), KindMalformed, "an array"},
		{"warnings", repeat(`{"warnings":["a"`, `,"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`), KindResponseTooLarge, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := source(t, Options{Replicas: []string{serve(t, tt.handler)}, Limits: Limits{ResponseBytes: 2 << 20}})
			var report Report
			var err error
			bytes := allocated(func() { report, err = ask(t, s) })
			require.Equal(t, tt.kind, KindOf(err), err)
			require.ErrorContains(t, err, tt.text)
			require.LessOrEqual(t, report.Bytes, int64(2<<20+1))
			require.Equal(t, 1, report.Attempts, "it is not asked for again")
			require.Less(t, bytes, uint64(8<<20), "client and server together")
		})
	}
}

func TestAMillionSeriesStopAtTheLimit(t *testing.T) {
	sink := &count{}
	s := source(t, Options{
		Replicas: []string{serve(t, repeat(vectorHead, `{"metric":{"service":"playlist"},"value":[1700000000,"7"]},`))},
		Limits:   Limits{Series: 10_000},
	})
	_, err := s.Query(t.Context(), Query{Expr: "up"}, sink)
	require.Equal(t, KindTooManySeries, KindOf(err))
	require.Equal(t, 10_000, sink.n)
	require.Equal(t, StateOK, s.Status().State, "the source did what it was asked for")
}

func TestOneSeriesCannotFillTheMemory(t *testing.T) {
	s := source(t, Options{Replicas: []string{serve(t, repeat(
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]`, `,[1,"`+strings.Repeat("1", 200)+`"]`))}})
	_, err := s.QueryRange(t.Context(), RangeQuery{Expr: "up", Start: time.Unix(0, 0), End: time.Unix(1, 0), Step: time.Second}, &count{})
	require.Equal(t, KindResponseTooLarge, KindOf(err))
	require.ErrorContains(t, err, "single series")
}

func TestAStallEndsAtTheTimeLimit(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"nothing is answered": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"the answer stops": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, vectorHead)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"the answer drips": drip(oneSample, 200),
		"a refusal drips":  drip(strings.Repeat("x", 1000), http.StatusServiceUnavailable),
	}
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			const limit = 200 * time.Millisecond
			s := source(t, Options{Replicas: []string{serve(t, handler)}, Timeout: limit})
			started := time.Now()
			_, err := ask(t, s)
			require.Equal(t, KindTimeout, KindOf(err), err)
			require.Less(t, time.Since(started), limit+10*time.Second, "the total time ends it, not the next byte")
			require.Equal(t, StateFailing, s.Status().State)
		})
	}
}

// drip sends a byte every 10 ms, which keeps any idle timeout from firing.
func drip(body string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := range body {
			_, _ = io.WriteString(w, body[i:i+1])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	}
}

// gzipped compresses what the handler writes, asked or not.
func gzipped(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		handler(gzipWriter{w, z}, r)
		_ = z.Close()
	}
}

type gzipWriter struct {
	http.ResponseWriter
	io.Writer
}

func (w gzipWriter) Write(p []byte) (int, error) { return w.Writer.Write(p) }

func TestCompressionThatWasNotAskedFor(t *testing.T) {
	t.Run("is undone", func(t *testing.T) {
		report, err := ask(t, source(t, Options{Replicas: []string{serve(t, gzipped(replyJSON(200, oneSample)))}}))
		require.NoError(t, err)
		require.Equal(t, int64(len(oneSample)), report.Bytes)
	})
	t.Run("is undone in refusals", func(t *testing.T) {
		_, err := ask(t, source(t, Options{Replicas: []string{serve(t, gzipped(replyJSON(400, `{"status":"error","error":"no such function"}`)))}}))
		require.ErrorContains(t, err, "no such function")
	})
	t.Run("cannot be a bomb", func(t *testing.T) {
		bomb := gzipped(repeat(vectorHead, `{"metric":{"service":"playlist"},"value":[1700000000,"7"]},`))
		s := source(t, Options{Replicas: []string{serve(t, bomb)}, Limits: Limits{ResponseBytes: 1 << 20}})
		report, err := ask(t, s)
		require.Equal(t, KindResponseTooLarge, KindOf(err))
		require.LessOrEqual(t, report.Bytes, int64(1<<20+1))
	})
	t.Run("is an error when it is none", func(t *testing.T) {
		s := source(t, Options{Replicas: []string{serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, oneSample)
		})}})
		_, err := ask(t, s)
		require.Equal(t, KindMalformed, KindOf(err))
		require.ErrorContains(t, err, "gzip")
	})
	t.Run("is an error when corrupt", func(t *testing.T) {
		s := source(t, Options{Replicas: []string{serve(t, func(w http.ResponseWriter, _ *http.Request) {
			var b strings.Builder
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, oneSample)
			_ = z.Close()
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, b.String()[:b.Len()-8]+"checksum")
		})}})
		_, err := ask(t, s)
		require.Equal(t, KindMalformed, KindOf(err))
		require.ErrorContains(t, err, "corrupt")
	})
	t.Run("is an error when unknown", func(t *testing.T) {
		s := source(t, Options{Replicas: []string{serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = fmt.Fprint(w, "??")
		})}})
		_, err := ask(t, s)
		require.Equal(t, KindMalformed, KindOf(err))
	})
}
