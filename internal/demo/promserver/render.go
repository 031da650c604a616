package promserver

import (
	"encoding/json"
	"html/template"
	"math"
	"net/http"
	"runtime"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// promqlValue is a vector, matrix, scalar or string of the query engine.
type promqlValue = parser.Value

// version is the release of Prometheus whose engine and answers these are.
const version = "3.16.0"

// envelope is what every answer of Prometheus' API is wrapped in.
type envelope struct {
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data,omitempty"`
	ErrorType string          `json:"errorType,omitempty"`
	Error     string          `json:"error,omitempty"`
	Warnings  []string        `json:"warnings,omitempty"`
	Infos     []string        `json:"infos,omitempty"`
}

func (s *Server) render(w http.ResponseWriter, res result) {
	const noMoreThan = 10
	out := envelope{Status: "success"}
	out.Warnings, out.Infos = res.warnings.AsStrings(res.query, noMoreThan, noMoreThan)
	status := http.StatusOK
	if res.err != nil {
		out.Status, out.ErrorType, out.Error, status = "error", string(res.kind), res.err.Error(), res.kind.status()
	}
	body, err := assemble(out, res.data)
	if err != nil {
		s.logger.Error("Encoding an answer of the demo's Prometheus failed.", "err", err)
		http.Error(w, "encoding the answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: there is nobody to tell
}

// assemble encodes the envelope around the data. Results of queries, which can be large, are written without
// reflection, and are not encoded twice.
func assemble(out envelope, data any) ([]byte, error) {
	answer, ok := data.(answerOfQuery)
	if !ok {
		if data != nil {
			raw, err := json.Marshal(data)
			if err != nil {
				return nil, err
			}
			out.Data = raw
		}
		return json.Marshal(out)
	}
	around, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	body := append([]byte(`{"status":"success","data":`), `{"resultType":"`...)
	body = append(body, answer.value.Type()...)
	body = append(body, `","result":`...)
	if body, err = appendValue(body, answer.value); err != nil {
		return nil, err
	}
	if answer.stats != nil {
		raw, err := json.Marshal(answer.stats)
		if err != nil {
			return nil, err
		}
		body = append(append(body, `,"stats":`...), raw...)
	}
	body = append(body, '}')
	return append(body, around[len(`{"status":"success"`):]...), nil
}

func appendValue(b []byte, v promqlValue) ([]byte, error) {
	switch v := v.(type) {
	case promql.Vector:
		return appendVector(b, v)
	case promql.Matrix:
		return appendMatrix(b, v)
	case promql.Scalar:
		return appendPoint(b, v.T, v.V), nil
	default: // promql.String
		raw, err := json.Marshal(v)
		return append(b, raw...), err
	}
}

func appendVector(b []byte, vector promql.Vector) ([]byte, error) {
	b = append(b, '[')
	for i, s := range vector {
		if i > 0 {
			b = append(b, ',')
		}
		if s.H != nil {
			raw, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			b = append(b, raw...)
			continue
		}
		b = append(b, `{"metric":`...)
		b = appendLabels(b, s.Metric)
		b = append(b, `,"value":`...)
		b = appendPoint(b, s.T, s.F)
		b = append(b, '}')
	}
	return append(b, ']'), nil
}

func appendMatrix(b []byte, matrix promql.Matrix) ([]byte, error) {
	b = append(b, '[')
	for i, s := range matrix {
		if i > 0 {
			b = append(b, ',')
		}
		if len(s.Histograms) > 0 {
			raw, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			b = append(b, raw...)
			continue
		}
		b = append(b, `{"metric":`...)
		b = appendLabels(b, s.Metric)
		b = append(b, `,"values":[`...)
		for k, p := range s.Floats {
			if k > 0 {
				b = append(b, ',')
			}
			b = appendPoint(b, p.T, p.F)
		}
		b = append(b, `]}`...)
	}
	return append(b, ']'), nil
}

func appendLabels(b []byte, set labels.Labels) []byte {
	b = append(b, '{')
	first := true
	set.Range(func(l labels.Label) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, l.Name)
		b = append(b, ':')
		b = appendString(b, l.Value)
	})
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	raw, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		return append(b, `""`...)
	}
	return append(b, raw...)
}

// appendPoint writes a timestamp in seconds with up to three decimals, and a value as text.
func appendPoint(b []byte, t int64, v float64) []byte {
	b = append(b, '[')
	if t < 0 {
		b, t = append(b, '-'), -t
	}
	b = strconv.AppendInt(b, t/1000, 10)
	if part := t % 1000; part != 0 {
		b = append(b, '.', byte('0'+part/100), byte('0'+part/10%10), byte('0'+part%10))
	}
	b = append(b, ',', '"')
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) && !math.IsInf(v, 0) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, v, format, -1, 64)
	return append(b, '"', ']')
}

func buildInfo(Database, *http.Request) result {
	return result{data: map[string]string{
		"version": version, "revision": "demo", "branch": "HEAD", "buildUser": "apgar-demo", "buildDate": "",
		"goVersion": runtime.Version(),
	}}
}

const indexPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Apgar demo: Prometheus</title></head>
<body><h1>The demo's Prometheus servers</h1>
<p>Each of these is the URL of a Prometheus data source:</p>
<ul>{{range .}}<li><a href="/{{.}}/api/v1/query?query=up">/{{.}}</a></li>{{end}}</ul>
<p>What they have been asked: <a href="/metrics">/metrics</a>.</p></body></html>
`

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	page, err := template.New("index").Parse(indexPage)
	if err == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = page.Execute(w, s.names)
	}
	if err != nil {
		s.logger.Error("Showing the list of the demo's Prometheus servers failed.", "err", err)
	}
}
