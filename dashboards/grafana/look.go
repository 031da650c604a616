package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// now asks for the present only: a number that stands for the newest answer of
// hours would hide that there is none any more.
func now(q *prometheus.Dataquery, format prometheus.PromQueryFormat) {
	q.Instant, q.Range, q.Format = new(true), new(false), &format
}

func lastValue() common.ReduceDataOptions {
	return common.ReduceDataOptions{Calcs: []string{"lastNotNull"}, Values: new(false), Fields: new("")}
}

// number shows one number, large.
type number struct{}

func (number) ask(q *prometheus.Dataquery) { now(q, prometheus.PromQueryFormatTimeSeries) }

func (number) apply(p *dashboard.Panel) error {
	options := stat.NewOptions()
	options.GraphMode = common.BigValueGraphModeNone
	options.ReduceOptions = lastValue()
	options.Orientation = common.VizOrientationAuto
	p.Type, p.Options = "stat", options
	return nil
}

// bars shows one bar per series, lying.
type bars struct{}

func (bars) ask(q *prometheus.Dataquery) { now(q, prometheus.PromQueryFormatTimeSeries) }

func (bars) apply(p *dashboard.Panel) error {
	options := bargauge.NewOptions()
	options.DisplayMode = common.BarGaugeDisplayModeBasic
	options.Orientation = common.VizOrientationHorizontal
	options.NamePlacement = common.BarGaugeNamePlacementLeft
	options.ReduceOptions = lastValue()
	p.Type, p.Options = "bargauge", options
	return nil
}

// lines shows series over time; stacked, their sum as well.
type lines struct{ stacked bool }

func (lines) ask(q *prometheus.Dataquery) {
	q.Instant, q.Range = new(false), new(true)
	q.Format = new(prometheus.PromQueryFormatTimeSeries)
}

func (l lines) apply(p *dashboard.Panel) error {
	options := timeseries.NewOptions()
	options.Legend.ShowLegend = true
	options.Tooltip.Mode = common.TooltipDisplayModeMulti
	options.Tooltip.Sort = common.SortOrderDescending
	config := timeseries.NewFieldConfig()
	config.DrawStyle = new(common.GraphDrawStyleLine)
	config.LineWidth, config.FillOpacity = new(1.0), new(10.0)
	config.ShowPoints = new(common.VisibilityModeNever)
	if l.stacked {
		config.FillOpacity = new(70.0)
		config.LineWidth = new(0.0)
		config.Stacking = &common.StackingConfig{Mode: new(common.StackingModeNormal), Group: new("A")}
		options.Tooltip.Sort = common.SortOrderNone
	}
	p.Type, p.Options = "timeseries", options
	p.FieldConfig.Defaults.Custom = config
	p.FieldConfig.Defaults.Color = &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdPaletteClassic}
	return nil
}
