package scorecard_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apgarhq/apgar/internal/golden"
	"github.com/apgarhq/apgar/slo"
)

var update = flag.Bool("update", false, "draw the plots of the manual anew")

// TestThePlotsOfTheManual draws credits as they are graded.
func TestThePlotsOfTheManual(t *testing.T) {
	fds := gauge("fds", 5, 0.7, 0.95)
	golden.File(t, filepath.Join(docs, "images", "credit-value.svg"), *update, plot{
		title: "credit of a value, pass: 0.7, fail: 0.95", x: "value", most: 1, ticks: []float64{0, 0.2, 0.4, 0.6, 0.7, 0.95},
		lines: []line{{"", "#1f6f8b", func(x float64) float64 {
			return *grade(rubricOf(fds), known(x)).Results[0].Credit
		}}},
	}.svg())
	golden.File(t, filepath.Join(docs, "images", "credit-budget.svg"), *update, plot{
		title: "credit of an objective", x: "spent share of the error budget", most: 1.25, ticks: []float64{0, 0.25, 0.5, 0.75, 1, 1.25},
		lines: []line{
			{"not burning", "#1f6f8b", func(x float64) float64 { return spending(x, 0) }},
			{"burning", "#b4442f", func(x float64) float64 { return spending(x, 1.01) }},
		},
	}.svg())
}

// spending is the credit of an objective of which a share is spent, and whose
// 6h burn.
func spending(spent, burn float64) float64 {
	check := availability()
	f := counted(check, counts{0: {Total: many}, check.Period: burning(spent, many), 6 * time.Hour: burning(burn, many)})
	return *grade(rubricOf(check), f).Results[0].Credit
}

// plot is credits over something that goes from 0 to a number.
type plot struct {
	title, x string
	most     float64
	ticks    []float64
	lines    []line
}

type line struct {
	name, colour string
	credit       func(x float64) float64
}

const (
	plotWidth, plotHeight = 560, 220
	plotLeft, plotRight   = 60, 540
	plotTop, plotBottom   = 40, 170
	plotSteps             = 500
)

func (p plot) place(x, credit float64) (left, top float64) {
	return plotLeft + (plotRight-plotLeft)*x/p.most, plotBottom - (plotBottom-plotTop)*credit
}

func (p plot) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" font-family="sans-serif" font-size="12" fill="#333">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", p.title)
	fmt.Fprintf(&b, `<text x="%d" y="20">%s</text>`+"\n", plotLeft, p.title)
	for _, c := range []float64{0, 0.5, 1} {
		_, y := p.place(0, c)
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", plotLeft, y, plotRight, plotLeft-8, y+4, c)
	}
	for _, v := range p.ticks {
		x, _ := p.place(v, 0)
		fmt.Fprintf(&b, `<path d="M%.1f %dv5" stroke="#333"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n", x, plotBottom, x, plotBottom+20, v)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (plotLeft+plotRight)/2, plotBottom+40, p.x)
	for i, l := range p.lines {
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", p.path(l.credit), l.colour)
		if l.name != "" {
			fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotLeft+20, plotBottom-40+18*i, l.colour, l.name)
		}
	}
	return b.String() + "</svg>\n"
}

// path goes through the credits, and leaves out what lies on a straight line.
func (p plot) path(credit func(float64) float64) string {
	at := func(i int) (x, c float64) { x = p.most * float64(i) / plotSteps; return x, credit(x) }
	var b strings.Builder
	step := 'M'
	for i := range plotSteps + 1 {
		x, c := at(i)
		if i > 0 && i < plotSteps {
			_, before := at(i - 1)
			_, after := at(i + 1)
			if middle := (before + after) / 2; slo.AtMost(middle, c) && slo.AtLeast(middle, c) {
				continue
			}
		}
		left, top := p.place(x, c)
		fmt.Fprintf(&b, "%c%.1f %.1f", step, left, top)
		step = 'L'
	}
	return b.String()
}
