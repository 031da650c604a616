package promapi

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxTime is the largest time in milliseconds that is read, either way of 1970: float64 holds it exactly.
const maxTime = 1 << 53

// result reads the elements of a vector or matrix. If the resultType is not known yet, their shape tells.
func (d *decoder) result() error {
	if d.env.hasResult {
		return faultf(KindMalformed, "the answer has a result twice")
	}
	d.env.hasResult = true
	return d.array("the result", func() error {
		if d.json.PeekKind() == jsontext.KindNumber {
			return d.wrongType("scalar or string")
		}
		return d.element()
	})
}

// element reads one series and hands it on.
func (d *decoder) element() error {
	if d.env.series >= d.limit {
		return faultf(KindTooManySeries, "the answer has more than %d series", d.limit)
	}
	d.in.element = d.json.InputOffset()
	d.series.reset()
	if err := d.object("an element of the result", d.elementField); err != nil {
		return err
	}
	d.in.element = 0
	points := len(d.series.points) + len(d.series.histograms)
	switch {
	case points == 0:
		return faultf(KindMalformed, "a series of the result has no points")
	case points > 1 && d.want == resultVector:
		return faultf(KindMalformed, "a series of the vector has more than one point")
	}
	d.env.series++
	d.env.points += points
	if err := d.sink.Series(d.series); err != nil {
		fault := faultf(KindRejected, "the answer was not accepted: %s", d.clean.clean(err.Error()))
		fault.err = err
		return fault
	}
	return nil
}

func (d *decoder) elementField(name []byte) error {
	switch string(name) {
	case "metric":
		d.series.resetLabels()
		return d.object("a metric", d.label)
	case "value", "histogram":
		if d.want != resultVector {
			return d.wrongType("vector")
		}
		if string(name) == "value" {
			return d.point()
		}
		return d.histogramPoint()
	case "values", "histograms":
		if d.want != resultMatrix {
			return d.wrongType("matrix")
		}
		if string(name) == "values" {
			return d.array("the values of a series", d.point)
		}
		return d.array("the histograms of a series", d.histogramPoint)
	}
	return d.skip()
}

func (d *decoder) label(name []byte) error {
	if d.json.PeekKind() != jsontext.KindString {
		return d.unexpected("a label value", jsontext.KindString)
	}
	d.series.startLabel(name)
	raw, err := d.json.ReadValue()
	if err != nil {
		return d.failed(err)
	}
	d.series.text = unquote(d.series.text, raw)
	d.series.endLabel()
	return nil
}

// point reads [time, "value"].
func (d *decoder) point() error {
	if err := d.begin(jsontext.KindBeginArray, "a point"); err != nil {
		return err
	}
	t, err := d.time()
	if err != nil {
		return err
	}
	v, err := d.float("the value of a point")
	if err != nil {
		return err
	}
	d.series.points = append(d.series.points, Point{T: t, V: v})
	return d.finish(jsontext.KindEndArray, "a point")
}

// histogramPoint reads [time, {"count": …, "sum": …, "buckets": […]}].
func (d *decoder) histogramPoint() error {
	if err := d.begin(jsontext.KindBeginArray, "a histogram point"); err != nil {
		return err
	}
	t, err := d.time()
	if err != nil {
		return err
	}
	h := HistogramPoint{T: t}
	first, counted := len(d.series.buckets), false
	err = d.object("a histogram", func(name []byte) error {
		var err error
		switch string(name) {
		case "count":
			counted = true
			h.Count, err = d.float("the count of a histogram")
			return err
		case "sum":
			h.Sum, err = d.float("the sum of a histogram")
			return err
		case "buckets":
			return d.array("the buckets of a histogram", d.bucket)
		}
		return d.skip()
	})
	if err != nil {
		return err
	}
	if !counted {
		return faultf(KindMalformed, "a histogram has no count")
	}
	last := len(d.series.buckets)
	h.Buckets = d.series.buckets[first:last:last]
	d.series.histograms = append(d.series.histograms, h)
	return d.finish(jsontext.KindEndArray, "a histogram point")
}

// bucket reads [boundary rule, "lower", "upper", "count"].
func (d *decoder) bucket() error {
	if err := d.begin(jsontext.KindBeginArray, "a bucket"); err != nil {
		return err
	}
	var numbers [4]float64
	for i := range numbers {
		n, err := d.float("a number of a bucket")
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	rule := Boundaries(numbers[0])
	if float64(rule) != numbers[0] || rule < OpenLeft || rule > ClosedBoth {
		return faultf(KindMalformed, "the boundary rule of a bucket is unknown")
	}
	d.series.buckets = append(d.series.buckets, Bucket{Boundaries: rule, Lower: numbers[1], Upper: numbers[2], Count: numbers[3]})
	return d.finish(jsontext.KindEndArray, "a bucket")
}

// float reads a number, which the API puts into a string since JSON has no NaN and no infinities.
func (d *decoder) float(what string) (float64, error) {
	kind := d.json.PeekKind()
	if kind != jsontext.KindString && kind != jsontext.KindNumber {
		return 0, d.unexpected(what, jsontext.KindString)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return 0, d.failed(err)
	}
	if kind == jsontext.KindString {
		raw = raw[1 : len(raw)-1]
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, faultf(KindMalformed, "%s is no number", what)
	}
	return v, nil
}

// time reads Unix seconds with a fraction, as milliseconds.
func (d *decoder) time() (int64, error) {
	if d.json.PeekKind() != jsontext.KindNumber {
		return 0, d.unexpected("the time of a point", jsontext.KindNumber)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return 0, d.failed(err)
	}
	if len(d.lastRaw) > 0 && string(raw) == string(d.lastRaw) {
		return d.lastMS, nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	ms := math.Round(seconds * 1000)
	if err != nil || math.Abs(ms) > maxTime {
		return 0, faultf(KindMalformed, "the time of a point is out of range")
	}
	d.lastRaw = append(d.lastRaw[:0], raw...)
	d.lastMS = int64(ms)
	return d.lastMS, nil
}
