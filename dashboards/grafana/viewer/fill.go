package viewer

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Choice is what is chosen for a variable: everything it offers, or values.
type Choice struct {
	All     bool
	Values  []string
	Offered []string // what All stands for, unless the variable says otherwise
}

// Choices are those of all variables, by name.
type Choices map[string]Choice

// With returns a copy in which one variable has other values.
func (c Choices) With(name string, values ...string) Choices {
	changed := maps.Clone(c)
	changed[name] = Choice{Values: values, Offered: c[name].Offered}
	return changed
}

// Fill puts values in the place of variables in a query for Prometheus, as
// Grafana and its Prometheus data source do: $name, ${name}, ${name:format}
// and [[name]], and the intervals of w. A variable that nobody has chosen
// anything for, or a format that the viewer does not know, is an error.
func (d *Dashboard) Fill(query string, chosen Choices, w Window) (string, error) {
	return d.fill(query, chosen, w.macros(), promql)
}

// references finds variables as Grafana does.
func references() *regexp.Regexp {
	return regexp.MustCompile(`\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:}]+)?(?::([^}]+))?\}`)
}

// format turns what is chosen for a variable into text.
type format func(v Variable, values []string) string

func (d *Dashboard) fill(query string, chosen Choices, macros map[string]string, plain format) (string, error) {
	var missing error
	refs := references()
	filled := refs.ReplaceAllStringFunc(query, func(ref string) string {
		m := refs.FindStringSubmatch(ref)
		name, as := m[1]+m[2]+m[4], m[3]+m[5]
		if value, ok := macros[name]; ok {
			return value
		}
		text, err := d.value(name, as, chosen, plain)
		if err != nil && missing == nil {
			missing = fmt.Errorf("filling %s into %s: %w", ref, query, err)
		}
		return text
	})
	return filled, missing
}

func (d *Dashboard) value(name, as string, chosen Choices, plain format) (string, error) {
	v, declared := d.Variable(name)
	choice, made := chosen[name]
	if !declared || !made {
		return "", fmt.Errorf("there is no variable %q, or nothing is chosen for it", name)
	}
	formats := map[string]format{"": plain, "regex": regex, "pipe": joined("|"), "csv": joined(","), "raw": joined(",")}
	f, known := formats[as]
	if !known {
		return "", fmt.Errorf("the viewer does not know the format %q", as)
	}
	values := choice.Values
	if choice.All {
		if v.AllValue != "" {
			return v.AllValue, nil // as it is, whatever the format
		}
		values = choice.Offered
	}
	return f(v, values), nil
}

// promql is how the Prometheus data source writes values where no format is
// named: as they are if only one can be chosen, else as a regular expression
// that matches them, with what a string of PromQL escapes escaped once more.
func promql(v Variable, values []string) string {
	if !v.Multi && !v.IncludeAll {
		return strings.NewReplacer(`\`, `\\`, `'`, `\\'`).Replace(strings.Join(values, ","))
	}
	return alternatives(values, func(value string) string { return strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`) })
}

// regex is the general format of that name.
func regex(_ Variable, values []string) string { return alternatives(values, regexp.QuoteMeta) }

func alternatives(values []string, escape func(string) string) string {
	written := make([]string, 0, len(values))
	for _, value := range values {
		written = append(written, escape(value))
	}
	if len(written) == 1 {
		return written[0]
	}
	return "(" + strings.Join(written, "|") + ")"
}

func joined(by string) format {
	return func(_ Variable, values []string) string { return strings.Join(values, by) }
}

// Window is the time that is looked at, and how finely.
type Window struct {
	From, To time.Time
	// Width is how many points a panel has room for.
	Width int
	// Scrape is the scrape interval that the data source is told of.
	Scrape time.Duration
}

// Interval is the distance of points: $__interval, and the step of queries.
func (w Window) Interval() time.Duration {
	fit := w.To.Sub(w.From) / time.Duration(max(1, w.Width))
	return max(rounded(fit), w.Scrape)
}

// RateInterval is $__rate_interval: long enough to hold several scrapes, and
// to overlap with the point before.
func (w Window) RateInterval() time.Duration { return max(w.Interval()+w.Scrape, 4*w.Scrape) }

// rounded is the round interval that Grafana takes for one that fits.
func rounded(fit time.Duration) time.Duration {
	const day = 24 * time.Hour
	steps := []struct{ below, interval time.Duration }{
		{1500 * time.Millisecond, time.Second},
		{3500 * time.Millisecond, 2 * time.Second},
		{7500 * time.Millisecond, 5 * time.Second},
		{12500 * time.Millisecond, 10 * time.Second},
		{17500 * time.Millisecond, 15 * time.Second},
		{25 * time.Second, 20 * time.Second},
		{45 * time.Second, 30 * time.Second},
		{90 * time.Second, time.Minute},
		{210 * time.Second, 2 * time.Minute},
		{450 * time.Second, 5 * time.Minute},
		{750 * time.Second, 10 * time.Minute},
		{1050 * time.Second, 15 * time.Minute},
		{1500 * time.Second, 20 * time.Minute},
		{2700 * time.Second, 30 * time.Minute},
		{90 * time.Minute, time.Hour},
		{150 * time.Minute, 2 * time.Hour},
		{270 * time.Minute, 3 * time.Hour},
		{9 * time.Hour, 6 * time.Hour},
		{day, 12 * time.Hour},
		{7 * day, day},
		{21 * day, 7 * day},
	}
	for _, s := range steps {
		if fit < s.below {
			return s.interval
		}
	}
	return 30 * day
}

func (w Window) macros() map[string]string {
	written := func(d time.Duration) string { return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + "s" }
	millis := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	length := w.To.Sub(w.From)
	return map[string]string{
		"__interval": written(w.Interval()), "__interval_ms": millis(w.Interval()),
		"__rate_interval": written(w.RateInterval()), "__rate_interval_ms": millis(w.RateInterval()),
		"__range": written(length), "__range_s": strings.TrimSuffix(written(length), "s"), "__range_ms": millis(length),
	}
}

// Variables returns the names of the variables that a query uses, each once,
// in order; those that Grafana defines itself are left out.
func Variables(query string) []string {
	var names []string
	for _, m := range references().FindAllStringSubmatch(query, -1) {
		if name := m[1] + m[2] + m[4]; !strings.HasPrefix(name, "__") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
