package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// The size of a sparkline, in the units of its viewBox.
const (
	sparkWidth  = 320.0
	sparkHeight = 56.0
	sparkPad    = 4.0
)

// sparkline is the course of a score. Where the score was unknown the line
// has a gap.
type sparkline struct {
	Path, Area string
	EndX, EndY float64
	HasEnd     bool // the newest point has a score
	From, To   string
	Label      string
	Lines      []float64 // where the borders of the grades D and A lie
}

// sparklineOf returns nil where there are fewer than two scores to draw.
func sparklineOf(points []scorecard.HistoryPoint) *sparkline {
	runs := runsOf(points)
	scored := 0
	for _, run := range runs {
		scored += len(run)
	}
	if scored < 2 {
		return nil
	}
	first, last := points[0].Time, points[len(points)-1].Time
	opening, closing := runs[0][0], runs[len(runs)-1][len(runs[len(runs)-1])-1]
	s := &sparkline{
		From: first.UTC().Format("Jan 2 15:04"), To: last.UTC().Format("Jan 2 15:04"),
		Lines:  []float64{sparkY(60), sparkY(90)},
		HasEnd: points[len(points)-1].Score != nil,
	}
	var line, area strings.Builder
	length := max(last.Sub(first), time.Second)
	for _, run := range runs {
		path, begin := "", 0.0
		for i, p := range run {
			s.EndX = sparkPad + (sparkWidth-2*sparkPad)*float64(p.Time.Sub(first))/float64(length)
			s.EndY = sparkY(*p.Score)
			if i == 0 {
				begin = s.EndX
			}
			path += string("ML"[min(i, 1)]) + coord(s.EndX) + " " + coord(s.EndY)
		}
		line.WriteString(path)
		fmt.Fprintf(&area, "%sL%s %s L%s %sZ", path, coord(s.EndX), coord(sparkY(0)), coord(begin), coord(sparkY(0)))
	}
	s.Path, s.Area = line.String(), area.String()
	s.Label = fmt.Sprintf("score from %s to %s: first %s, last %s", s.From, s.To, scoreText(opening.Score), scoreText(closing.Score))
	return s
}

// runsOf cuts a history where the score was unknown.
func runsOf(points []scorecard.HistoryPoint) [][]scorecard.HistoryPoint {
	var runs [][]scorecard.HistoryPoint
	begin := 0
	for i := 0; i <= len(points); i++ {
		if i < len(points) && points[i].Score != nil {
			continue
		}
		if i > begin {
			runs = append(runs, points[begin:i])
		}
		begin = i + 1
	}
	return runs
}

func sparkY(score float64) float64 {
	return sparkHeight - sparkPad - (sparkHeight-2*sparkPad)*onScale(score)/100
}

func coord(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
