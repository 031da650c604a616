package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// rows shows the answers of all queries of a panel as one table: a line per
// set of labels, a column per label and per query.
type rows struct {
	columns []column // from left to right; others are not shown
	sortBy  string   // title of a column
	desc    bool
}

// column is one column of a table.
type column struct {
	label string // that it shows; else it shows the answer of query
	query string // its refId
	title string
	width float64 // in pixels; 0 shares what is left

	// Of numbers:
	unit     string
	decimals float64
	steps    []step
	cell     cell
	names    map[string]string // of values that have one
	link     *dashboard.DashboardLink
}

// cell is how the numbers of a column are shown.
type cell int

const (
	plain   cell = iota
	tinted       // on a ground of the colour
	written      // in the colour
	gauge        // with a bar from 0 to the largest
)

func (rows) ask(q *prometheus.Dataquery) { now(q, prometheus.PromQueryFormatTable) }

func (r rows) apply(p *dashboard.Panel) error {
	options := table.NewOptions()
	options.Footer = nil
	options.SortBy = []common.TableSortByFieldState{{DisplayName: r.sortBy, Desc: new(r.desc)}}
	p.Type, p.Options = "table", options
	config := table.NewFieldConfig()
	config.Align = common.FieldTextAlignmentAuto
	p.FieldConfig.Defaults.Custom = config
	return r.arrange(p)
}

// arrange joins the answers by the labels that all of them have, and shows the
// columns.
func (r rows) arrange(p *dashboard.Panel) error {
	var (
		names  = make([]string, 0, len(r.columns))
		order  = map[string]int{}
		titles = map[string]string{}
		sorted bool
	)
	for i, c := range r.columns {
		name := c.field(len(p.Targets))
		names = append(names, name)
		order[name], titles[name] = i, c.title
		sorted = sorted || c.title == r.sortBy
		if properties := c.properties(); len(properties) > 0 {
			override(p, c.title, properties...)
		}
	}
	if !sorted {
		return fmt.Errorf("the table is sorted by %q, which is none of its columns", r.sortBy)
	}
	p.Transformations = []dashboard.DataTransformerConfig{
		{Id: "merge", Options: map[string]any{}},
		{Id: "filterFieldsByName", Options: map[string]any{"include": map[string]any{"names": names}}},
		{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]bool{}, "indexByName": order, "renameByName": titles,
		}},
	}
	return nil
}

// field is the name that Grafana gives to the column.
func (c *column) field(queries int) string {
	switch {
	case c.label != "":
		return c.label
	case queries == 1:
		return "Value"
	default:
		return "Value #" + c.query
	}
}

func (c *column) properties() []dashboard.DynamicConfigValue {
	var list []dashboard.DynamicConfigValue
	if c.query != "" {
		list = append(list,
			property("unit", c.unit), property("decimals", c.decimals), property("thresholds", thresholds(c.steps)))
	}
	if options := c.cell.options(); options != nil {
		list = append(list, property("custom.cellOptions", options))
	}
	if c.cell == gauge {
		list = append(list, property("min", 0), property("max", c.top()))
	}
	if len(c.names) > 0 {
		mapping := dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{}}
		for value, text := range c.names {
			mapping.Options[value] = dashboard.ValueMappingResult{Text: new(text)}
		}
		list = append(list, property("mappings", []dashboard.ValueMap{mapping}))
	}
	if c.width > 0 {
		list = append(list, property("custom.width", c.width))
	}
	if c.link != nil {
		list = append(list, property("links", []dashboard.DashboardLink{*c.link}))
	}
	return list
}

// top is the end of a gauge: a score ends at 100, a ratio at 1.
func (c *column) top() float64 {
	if c.unit == units.PercentUnit {
		return 1
	}
	return 100
}

// options returns Grafana's options of such a cell, nil for those of a plain one.
func (c cell) options() any {
	switch c {
	case tinted:
		options := common.NewTableColoredBackgroundCellOptions()
		options.Mode = new(common.TableCellBackgroundDisplayModeBasic)
		return options
	case written:
		return common.NewTableColorTextCellOptions()
	case gauge:
		options := common.NewTableBarGaugeCellOptions()
		options.Mode = new(common.BarGaugeDisplayModeBasic)
		options.ValueDisplayMode = new(common.BarGaugeValueModeColor)
		return options
	default:
		return nil
	}
}
