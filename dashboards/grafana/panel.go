package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// panel is one panel, in the words that this package needs.
type panel struct {
	title       string
	description string // what it shows, and what to do about it
	width       uint32 // of gridWidth
	height      uint32
	under       bool // it is below the panel before it, which is as wide
	look        look
	queries     []query
	unit        string // one of Grafana's; columns of a table have their own
	decimals    float64
	min, max    *float64
	steps       []step // of colour, by value; none is plain
	noValue     string // what is shown where there is no answer
	colours     map[string]string
}

// query is one query of a panel.
type query struct {
	expr   string
	legend string
	// emptyAs is why the answer may be empty though nothing is wrong, and unless
	// the query that has no answer then either. Most queries always have one.
	emptyAs, unless string
}

// look makes a panel into one of Grafana's kinds.
type look interface {
	// apply sets the kind and its options.
	apply(*dashboard.Panel) error
	// ask says how the panel's queries are sent.
	ask(*prometheus.Dataquery)
}

// refID names the i-th query of a panel, as Grafana does.
func refID(i int) string { return string(rune('A' + i)) }

func (p *panel) build() (dashboard.Panel, error) {
	built := dashboard.Panel{
		Title:       &p.title,
		Description: &p.description,
		Datasource:  source(),
		FieldConfig: &dashboard.FieldConfigSource{
			Defaults: dashboard.FieldConfig{
				Unit: &p.unit, Decimals: &p.decimals, Min: p.min, Max: p.max, NoValue: &p.noValue,
				Color:      &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdThresholds},
				Thresholds: thresholds(p.steps),
			},
			Overrides: []dashboard.DashboardFieldConfigSourceOverrides{},
		},
	}
	for i, q := range p.queries {
		expr, err := pretty(q.expr)
		if err != nil {
			return dashboard.Panel{}, fmt.Errorf("query %s: %w", refID(i), err)
		}
		target := prometheus.NewDataquery()
		target.RefId, target.Expr, target.Datasource = new(refID(i)), expr, source()
		target.EditorMode = new(prometheus.QueryEditorModeCode)
		target.LegendFormat = &q.legend
		p.look.ask(target)
		built.Targets = append(built.Targets, *target)
	}
	if err := p.look.apply(&built); err != nil {
		return dashboard.Panel{}, err
	}
	for _, q := range p.queries {
		if colour, ok := p.colours[q.legend]; ok {
			override(&built, q.legend, property("color", fixed(colour)))
		}
	}
	return built, built.Validate()
}

// override sets properties of the field that is shown under a name.
func override(p *dashboard.Panel, name string, properties ...dashboard.DynamicConfigValue) {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byName", Options: name},
		Properties: properties,
	})
}

func property(id string, value any) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: id, Value: value}
}

func fixed(colour string) dashboard.FieldColor {
	return dashboard.FieldColor{Mode: dashboard.FieldColorModeIdFixed, FixedColor: &colour}
}

// step is a colour and the value from which it holds.
type step struct {
	from   float64 // of the first, ignored: it holds for everything below
	colour string
}

func thresholds(steps []step) *dashboard.ThresholdsConfig {
	if len(steps) == 0 {
		steps = []step{{colour: "text"}}
	}
	config := &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute}
	for i, s := range steps {
		t := dashboard.Threshold{Color: s.colour}
		if i > 0 {
			t.Value = &s.from
		}
		config.Steps = append(config.Steps, t)
	}
	return config
}
