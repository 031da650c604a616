package backtest

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The size of plots, in the units of SVG.
const (
	plotWidth  = 640.0
	plotHeight = 200.0
	plotLeft   = 40.0 // of the axis
	plotBottom = 26.0
	plotTop    = 10.0
	plotRight  = 28.0
	inWidth    = plotWidth - plotLeft - plotRight
	inHeight   = plotHeight - plotTop - plotBottom
)

// barPlot shows two numbers for each of some names, beside each other.
type barPlot struct {
	Title string
	Bars  []bar
	Axis  []mark // of the counts
	Names []mark
}

// bar is a rectangle.
type bar struct {
	X, Y, Width, Height float64
	After               bool
	Hint                string
}

// mark is a text beside an axis, at a place along it.
type mark struct {
	At   float64
	Text string
}

// linePlot shows how mean scores have moved.
type linePlot struct {
	Title         string
	Before, After []string // what polylines go through; a gap starts a new one
	Dots          []dot    // scores with a gap on both sides, through which no line goes
	Axis          []mark
	Times         []mark
}

// dot is a score by itself.
type dot struct {
	X, Y  float64
	After bool
	Hint  string
}

// Right and Bottom are where the plane of a plot ends, for its template.
func (barPlot) Right() float64   { return plotWidth - plotRight }
func (barPlot) Bottom() float64  { return plotHeight - plotBottom }
func (linePlot) Right() float64  { return plotWidth - plotRight }
func (linePlot) Bottom() float64 { return plotHeight - plotBottom }

// plotScores plots how many scorecards have which score.
func plotScores(d Distributions) barPlot {
	const step = 100 / Bins
	labels := make([]string, Bins)
	for i := range labels {
		if i%2 == 0 {
			labels[i] = strconv.Itoa(i * step)
		}
	}
	hints := make([]string, Bins)
	for i := range hints {
		hints[i] = strconv.Itoa(i*step) + " to " + strconv.Itoa((i+1)*step)
	}
	return plotBars("Services by score at the end", labels, hints, d.Before.Scores, d.After.Scores)
}

// plotLevels plots how many scorecards have which level.
func plotLevels(d Distributions) barPlot {
	labels := names(d.Before.Levels, d.After.Levels)
	before, after := make([]int, len(labels)), make([]int, len(labels))
	for i, name := range labels {
		before[i], after[i] = countOf(d.Before.Levels, name), countOf(d.After.Levels, name)
	}
	return plotBars("Services by level at the end", labels, labels, before, after)
}

func plotBars(title string, labels, hints []string, before, after []int) barPlot {
	p := barPlot{Title: title}
	most := 1
	for i := range before {
		most = max(most, before[i], after[i])
	}
	top := niceTop(most)
	for _, v := range []int{0, top / 2, top} {
		if v*2 == top || v == 0 || v == top {
			p.Axis = append(p.Axis, mark{plotTop + inHeight*(1-float64(v)/float64(top)), strconv.Itoa(v)})
		}
	}
	const filled, gap = 0.38, 0.02 // of the place of a name
	place := inWidth / float64(max(1, len(labels)))
	for i := range labels {
		middle := plotLeft + place*(float64(i)+0.5)
		for _, side := range []struct {
			n     int
			after bool
			x     float64
		}{{before[i], false, middle - place*(filled+gap)}, {after[i], true, middle + place*gap}} {
			height := inHeight * float64(side.n) / float64(top)
			when := "before"
			if side.after {
				when = "after"
			}
			p.Bars = append(p.Bars, bar{
				X: tenths(side.x), Y: tenths(plotTop + inHeight - height), Width: tenths(place * filled), Height: tenths(height), After: side.after,
				Hint: hints[i] + ", " + when + ": " + strconv.Itoa(side.n),
			})
		}
		if labels[i] != "" {
			p.Names = append(p.Names, mark{tenths(middle), labels[i]})
		}
	}
	return p
}

// niceTop returns a round number that is not smaller.
func niceTop(n int) int {
	for scale := 1; ; scale *= 10 {
		for _, step := range []int{2, 4, 6, 10} {
			if n <= step*scale {
				return step * scale
			}
		}
	}
}

// plotTimeline plots mean scores over time. The axis of scores is cut to where
// they are.
func plotTimeline(points []Point) linePlot {
	p := linePlot{Title: "Mean score of scored services"}
	if len(points) == 0 {
		return p
	}
	low := 100.0
	for _, pt := range points {
		for _, v := range []*float64{pt.Before, pt.After} {
			if v != nil {
				low = min(low, *v)
			}
		}
	}
	const grid = 10
	floor := max(0, math.Floor((low-1)/grid)*grid)
	y := func(v float64) float64 { return tenths(plotTop + inHeight*(100-v)/max(100-floor, grid)) }
	for _, v := range []float64{floor, (floor + 100) / 2, 100} {
		p.Axis = append(p.Axis, mark{y(v), strconv.FormatFloat(v, 'f', -1, 64)})
	}
	first, span := points[0].Time, points[len(points)-1].Time.Sub(points[0].Time)
	x := func(t time.Time) float64 {
		if span == 0 {
			return plotLeft + inWidth/2
		}
		return tenths(plotLeft + inWidth*float64(t.Sub(first))/float64(span))
	}
	var after []dot
	p.Before, p.Dots = stretches(points, x, y, func(pt Point) *float64 { return pt.Before })
	p.After, after = stretches(points, x, y, func(pt Point) *float64 { return pt.After })
	for i := range p.Dots {
		p.Dots[i].Hint = "before: " + p.Dots[i].Hint
	}
	for _, d := range after {
		p.Dots = append(p.Dots, dot{d.X, d.Y, true, "after: " + d.Hint})
	}
	p.Times = timeMarks(first, span, x)
	return p
}

// timeMarks returns what is written below the axis of times, nothing twice in
// a row.
func timeMarks(first time.Time, span time.Duration, x func(time.Time) float64) []mark {
	layout := "15:04"
	if span > 48*time.Hour {
		layout = "Jan 2"
	}
	const times = 5
	var marks []mark
	for i := range times {
		t := first.Add(span * time.Duration(i) / (times - 1))
		text := t.UTC().Format(layout)
		if len(marks) == 0 || marks[len(marks)-1].Text != text {
			marks = append(marks, mark{x(t), text})
		}
	}
	return marks
}

// stretches returns what SVG calls points, one text for each stretch without a
// gap, and a dot for each that is a single score.
func stretches(points []Point, x func(time.Time) float64, y func(float64) float64, value func(Point) *float64) (lines []string, dots []dot) {
	var at []string
	var last dot
	end := func() {
		switch len(at) {
		case 0:
		case 1:
			dots = append(dots, last)
		default:
			lines = append(lines, strings.Join(at, " "))
		}
		at = nil
	}
	for _, pt := range points {
		v := value(pt)
		if v == nil {
			end()
			continue
		}
		last = dot{X: x(pt.Time), Y: y(*v), Hint: scoreText(v)}
		at = append(at, strconv.FormatFloat(last.X, 'f', -1, 64)+","+strconv.FormatFloat(last.Y, 'f', -1, 64))
	}
	end()
	return lines, dots
}

// tenths rounds a coordinate, so that pages are small.
func tenths(v float64) float64 { return math.Round(v*10) / 10 }
