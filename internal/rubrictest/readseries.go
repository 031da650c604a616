package rubrictest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog/strict"
)

// value is one sample, or the lack of one.
type value struct {
	number    float64
	histogram *histogram.FloatHistogram // nil: number
	omitted   bool
}

// inputSeries reads the series of a test, by source.
func (r *reader) inputSeries(m *strict.Map) [][]*series {
	out := make([][]*series, len(r.out.sources))
	nodes := nodesOf(m, "input_series", maxSeries)
	p := parser.NewParser(parser.Options{})
	lines := map[string]int{}
	for i, n := range nodes {
		one := m.Source().Map(n, fmt.Sprintf("series %d of %s", i+1, m.What()))
		place := r.sourceOf(one)
		s := r.series(one, p)
		one.Done()
		if s == nil || place < 0 {
			continue
		}
		key := strconv.Itoa(place) + s.labels.String()
		if first, taken := lines[key]; taken {
			one.Mistake(one.Line(), "the series %s is already given on line %d: write its values in one place", strict.Clip(s.labels.String()), first)
		}
		lines[key] = one.Line()
		out[place] = append(out[place], s)
	}
	return out
}

// sourceOf returns the place of the source that a series is in; -1 for none.
func (r *reader) sourceOf(m *strict.Map) int {
	name := m.Text("source")
	if name == "" && len(r.out.sources) == 1 {
		return 0
	}
	var names []string
	for i, s := range r.out.sources {
		if s.name == name {
			return i
		}
		names = append(names, s.name)
	}
	m.Mistake(m.LineOf("source"), "%s is in no source: write \"source:\" with one of %s", m.What(), strings.Join(names, ", "))
	return -1
}

// series reads one series, and takes its samples off those that are left.
func (r *reader) series(m *strict.Map, p parser.Parser) *series {
	name, values := m.Text("series"), m.Text("values")
	switch {
	case m.Bad():
		return nil
	case name == "" || values == "":
		m.Mistake(m.Line(), "%s needs a series and values: write e.g. {series: 'up{service=\"a\"}', values: '1x120'}", m.What())
		return nil
	}
	// The parser makes samples of whatever it is told, so count before; a name
	// that holds values, too, is not read any further.
	if r.left < 0 {
		return nil // that has been said
	}
	if _, err := p.ParseMetric(name); err != nil {
		m.Mistake(m.LineOf("series"), "%s is not in Prometheus' test notation: %s", m.What(), oneLine(err))
		return nil
	}
	if r.left -= weigh(values); r.left < 0 {
		m.Mistake(m.LineOf("values"), "the series of this file have more than %d samples, with histograms counted by their size: write fewer, or split the file", maxSamples)
		return nil
	}
	names, parsed, err := p.ParseSeriesDesc(name + " " + values)
	if err != nil {
		m.Mistake(m.LineOf("series"), "%s is not in Prometheus' test notation: %s", m.What(), oneLine(err))
		return nil
	}
	s := &series{labels: names, values: make([]value, len(parsed))}
	for i, v := range parsed {
		s.values[i] = value{v.Value, v.Histogram, v.Omitted}
		if v.Histogram == nil {
			continue
		}
		if err := v.Histogram.Validate(); err != nil {
			m.Mistake(m.LineOf("values"), "value %d of %s is no histogram: %s", i+1, m.What(), oneLine(err))
			return nil
		}
	}
	return s
}

var repetitions = regexp.MustCompile(`x\s*([0-9]+)`)

// weigh returns how many samples values in Prometheus' notation make, or more.
// Histograms weigh as much as they could be long.
func weigh(values string) int {
	const most = 2 * maxSamples
	n := len(strings.Fields(values))
	for _, match := range repetitions.FindAllStringSubmatch(values, -1) {
		times, err := strconv.Atoi(match[1])
		if err != nil || times > most {
			return most
		}
		n += times
	}
	if strings.Contains(values, "{{") {
		const bytesOfASample = 16
		n *= 1 + len(values)/bytesOfASample
	}
	return min(n, most)
}

// oneLine returns the message of the parser without its position, which is not
// one of the file.
func oneLine(err error) string {
	text := err.Error()
	if _, after, found := strings.Cut(text, "parse error: "); found {
		text = after
	}
	return strict.Clip(strings.Join(strings.Fields(text), " "))
}
