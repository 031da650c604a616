package backtest

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/apgarhq/apgar/scorecard"
)

//go:embed report.html
var page string

// mostMoves is how many services with a lower score the page lists.
const mostMoves = 20

// WriteHTML writes the report as one page that needs nothing else: no script,
// no address, no file.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"stamp": stamp, "mean": meanText, "level": levelName, "score": scoreText,
		"percent": func(v float64) string { return strconv.FormatFloat(math.Round(100*v), 'f', -1, 64) + " %" },
		"counted": counted, "samples": func(n int64) string { return counted(int(n), "sample") },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("preparing the page of the report: %w", err)
	}
	v := view{Report: r}
	for i := range r.Rubrics {
		v.Views = append(v.Views, newRubricView(&r.Rubrics[i]))
	}
	if err := t.Execute(w, v); err != nil {
		return fmt.Errorf("writing the page of the report: %w", err)
	}
	return nil
}

// view is what the page shows.
type view struct {
	*Report
	Views []rubricView
}

// rubricView is a rubric with its plots.
type rubricView struct {
	*RubricReport
	Versions string
	Scores   barPlot
	Levels   barPlot
	Mean     linePlot
	Rows     []row
	Dropped  []ServiceReport // scores that are lower at the end, the most first
	More     int             // of them that are left out
}

func newRubricView(r *RubricReport) rubricView {
	v := rubricView{RubricReport: r, Versions: r.versions(), Scores: plotScores(r.End), Levels: plotLevels(r.End), Mean: plotTimeline(r.Timeline), Rows: r.table()}
	for _, m := range r.Moves {
		if m.Before != nil && m.After != nil && *m.After < *m.Before {
			v.Dropped = append(v.Dropped, m)
		}
	}
	slices.SortStableFunc(v.Dropped, func(a, b ServiceReport) int { return cmp.Compare(*a.After-*a.Before, *b.After-*b.Before) })
	if more := len(v.Dropped) - mostMoves; more > 0 {
		v.Dropped, v.More = v.Dropped[:mostMoves], more
	}
	return v
}

func scoreText(v *float64) string {
	if v == nil {
		return "–"
	}
	return scorecard.RoundScore(*v)
}
