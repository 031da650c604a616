package promapi

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// resultType is what a question expects in data.
type resultType string

const (
	resultNone   resultType = "" // data is skipped
	resultVector resultType = "vector"
	resultMatrix resultType = "matrix"
	// The state of a server: data is an object, of which one field is read.
	resultBuild   resultType = "build info"
	resultRuntime resultType = "runtime info"
)

// statusField is the field of data that is read of an answer about the state of a server; "" for a result of series.
func (t resultType) statusField() string {
	switch t {
	case resultBuild:
		return "version"
	case resultRuntime:
		return "startTime"
	}
	return ""
}

// envelope is everything an answer says beside its series.
type envelope struct {
	status       string
	errorType    string
	errorText    string
	resultType   string
	hasData      bool
	hasResult    bool
	warnings     []string
	infos        []string
	samplesTotal int64
	samplesPeak  int64
	series       int
	points       int
}

// fill puts what was learned into the report.
func (e *envelope) fill(r *Report) {
	r.Series, r.Points = e.series, e.points
	r.SamplesTotal, r.SamplesPeak = e.samplesTotal, e.samplesPeak
	r.Warnings, r.Infos = e.warnings, e.infos
}

// verdict judges the envelope as a whole, once all of it is known.
func (e *envelope) verdict(want resultType) *Error {
	switch {
	case e.status == "error" && want == resultNone:
		return nil
	case e.status == "error":
		fault := faultf(kindOfEnvelope("", e.errorType, e.errorText), "%s", e.errorText)
		fault.inWords(e.errorText)
		return fault
	case e.status != "success":
		return faultf(KindMalformed, "the answer's status is neither success nor error")
	case want == resultNone:
		return nil
	case !e.hasResult:
		return faultf(KindMalformed, "the answer has no result")
	case want.statusField() == "" && e.resultType == "":
		return faultf(KindMalformed, "the answer has no resultType")
	}
	return nil
}

// envelopeField reads one member of the outermost object.
func (d *decoder) envelopeField(name []byte) error {
	switch string(name) {
	case "status":
		return d.stringInto(&d.env.status, "the status")
	case "errorType":
		return d.stringInto(&d.env.errorType, "the errorType")
	case "error":
		return d.stringInto(&d.env.errorText, "the error")
	case "data":
		return d.data()
	case "warnings", "infos":
		return d.notes()
	case "isPartial": // VictoriaMetrics' cluster
		if d.json.PeekKind() == jsontext.KindTrue {
			d.note("the source says that its answer is partial")
		}
	}
	return d.skip()
}

// stringInto reads a string fit to be shown.
func (d *decoder) stringInto(dst *string, what string) error {
	text, err := d.string(what)
	if err == nil {
		*dst = d.clean.clean(string(text))
	}
	return err
}

// notes reads a list of warnings or infos, or the single or absent one of a lenient server.
func (d *decoder) notes() error {
	switch d.json.PeekKind() {
	case jsontext.KindNull:
		return d.skip()
	case jsontext.KindString:
		return d.readNote()
	}
	return d.array("the list of warnings", d.readNote)
}

func (d *decoder) readNote() error {
	text, err := d.string("a warning")
	if err == nil {
		d.note(string(text))
	}
	return err
}

// note tells what the PromQL engine remarks on an expression from what spoils its answer, whatever list it came in: newer
// servers have two lists, older ones mix them in the first. A "PromQL warning:" says that samples were left out or mean
// something else than was asked for, so it is as grave as any other.
func (d *decoder) note(text string) {
	list := &d.env.warnings
	if strings.HasPrefix(text, "PromQL info:") {
		list = &d.env.infos
	}
	if len(*list) < maxNotes {
		*list = append(*list, d.clean.clean(text))
	}
}

// data reads the payload.
func (d *decoder) data() error {
	if d.want == resultNone || d.json.PeekKind() == jsontext.KindNull {
		return d.skip()
	}
	if d.env.hasData {
		return faultf(KindMalformed, "the answer has data twice")
	}
	d.env.hasData = true
	if d.want.statusField() != "" {
		return d.object("data", d.serverField)
	}
	return d.object("data", d.dataField)
}

func (d *decoder) dataField(name []byte) error {
	switch string(name) {
	case "resultType":
		return d.resultType()
	case "result":
		return d.result()
	case "stats":
		return d.stats()
	}
	return d.skip()
}

func (d *decoder) resultType() error {
	if err := d.stringInto(&d.env.resultType, "the resultType"); err != nil {
		return err
	}
	switch d.env.resultType {
	case string(d.want):
		return nil
	case "vector", "matrix", "scalar", "string":
		return d.wrongType(d.env.resultType)
	}
	return faultf(KindMalformed, "the answer's resultType is unknown")
}

// wrongType blames the question: the source answered what was asked.
func (d *decoder) wrongType(found string) error {
	fault := faultf(KindMalformed, "the result of the query is a %s, where a %s is needed", found, d.want)
	fault.answered = true
	return fault
}

// stats reads what the query cost. Sources differ in what they say here, so what is not understood is skipped.
func (d *decoder) stats() error {
	if d.json.PeekKind() != jsontext.KindBeginObject {
		return d.skip()
	}
	return d.object("stats", func(name []byte) error {
		if string(name) != "samples" || d.json.PeekKind() != jsontext.KindBeginObject {
			return d.skip()
		}
		return d.object("stats.samples", d.samplesField)
	})
}

func (d *decoder) samplesField(name []byte) error {
	var dst *int64
	switch string(name) {
	case "totalQueryableSamples":
		dst = &d.env.samplesTotal
	case "peakSamples":
		dst = &d.env.samplesPeak
	}
	if dst == nil || d.json.PeekKind() != jsontext.KindNumber {
		return d.skip()
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return d.failed(err)
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && n >= 0 {
		*dst = n
	}
	return nil
}

// serverField hands the field that is wanted to the sink as if it were a label.
func (d *decoder) serverField(name []byte) error {
	field := d.want.statusField()
	if string(name) != field {
		return d.skip()
	}
	text, err := d.string("the " + field)
	if err != nil {
		return err
	}
	d.env.hasResult = true
	return d.sink.Series(NewSeries(map[string]string{field: d.clean.clean(string(text))}, nil, nil))
}
