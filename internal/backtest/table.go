package backtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// WriteTable writes the report for a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, a step of %s, %s to %s\n", counted(r.Evaluations, "evaluation"), r.Step, stamp(r.From), stamp(r.To))
	for i := range r.Rubrics {
		r.Rubrics[i].write(&b)
	}
	fmt.Fprintf(&b, "\ncost of an evaluation: %s before, %s after\n", r.Cost.Before, r.Cost.After)
	fmt.Fprintf(&b, "this backtest asked %s", counted(r.Cost.Queries, "query"))
	if r.Cost.Samples > 0 {
		fmt.Fprintf(&b, ", which read %s", counted(int(r.Cost.Samples), "sample"))
	}
	b.WriteString("\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (r *RubricReport) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s: %s, version %s\n\n", r.Name, counted(r.Services, "service"), r.versions())
	rows := r.table()
	width := 0
	for _, row := range rows {
		width = max(width, len(row.Name))
	}
	fmt.Fprintf(b, "  %*s  %17s  %21s\n", width, "", "at the end", "of all evaluations")
	fmt.Fprintf(b, "  %*s  %8s %8s  %10s %10s\n", width, "", "before", "after", "before", "after")
	for _, row := range rows {
		fmt.Fprintf(b, "  %-*s  %8s %8s  %10s %10s\n", width, row.Name, row.EndBefore, row.EndAfter, row.SpanBefore, row.SpanAfter)
	}
	r.writeLosses(b)
	writeList(b, "no longer graded", r.OnlyBefore)
	writeList(b, "newly graded", r.OnlyAfter)
}

// row is one line of the table of numbers.
type row struct {
	Name                                       string
	EndBefore, EndAfter, SpanBefore, SpanAfter string
}

// table returns the lines of the table of numbers.
func (r *RubricReport) table() []row {
	out := []row{{"mean score", meanText(r.End.MeanBefore), meanText(r.End.MeanAfter), meanText(r.Span.MeanBefore), meanText(r.Span.MeanAfter)}}
	for _, line := range r.lines() {
		out = append(out, row{
			line.name, strconv.Itoa(line.of(&r.End.Before)), strconv.Itoa(line.of(&r.End.After)), share(&r.Span.Before, line.of), share(&r.Span.After, line.of),
		})
	}
	return out
}

// line is something that scorecards are counted by.
type line struct {
	name string
	of   func(*Distribution) int
}

// lines returns what scorecards are counted by.
func (r *RubricReport) lines() []line {
	var out []line
	for _, name := range names(r.End.Before.Grades, r.End.After.Grades) {
		out = append(out, line{"grade " + name, func(d *Distribution) int { return countOf(d.Grades, name) }})
	}
	out = append(out, line{"no score", func(d *Distribution) int { return d.Unknown }})
	for _, name := range names(r.End.Before.Levels, r.End.After.Levels) {
		label := "level " + name
		if name == noLevel {
			label = noLevel
		}
		out = append(out, line{label, func(d *Distribution) int { return countOf(d.Levels, name) }})
	}
	return append(out, line{"failing", func(d *Distribution) int { return d.Failing }})
}

func (r *RubricReport) writeLosses(b *strings.Builder) {
	if r.VersionBefore == "" {
		return
	}
	lost := r.LostAtEnd()
	fmt.Fprintf(b, "\n%s at the end", verb(lost, "service has a lower level", "services have a lower level"))
	if others := len(r.Losses) - lost; others > 0 {
		fmt.Fprintf(b, ", and %d more had on the way", others)
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	for i := range r.Losses {
		l := &r.Losses[i]
		_, _ = fmt.Fprintf(w, "  %s\t%s → %s\t%s\t%.0f %% of the time\t%s\n", l.Service, levelName(l.Before), levelName(l.After), l.When(), 100*l.Share, l.cause())
	}
	_ = w.Flush() // into memory
}

// When says when a level was lower.
func (l *Loss) When() string {
	switch {
	case l.AtEnd:
		return "since " + stamp(l.First)
	case l.First.Equal(l.Last):
		return "at " + stamp(l.First)
	}
	return stamp(l.First) + " to " + stamp(l.Last)
}

// cause says by which check a level is lost.
func (l *Loss) cause() string {
	if len(l.Checks) == 0 {
		return "by no check: the levels of the rubric are others"
	}
	text := fmt.Sprintf("%s %s: %s", l.Checks[0].Check, l.Checks[0].Verdict, l.Checks[0].Message)
	if more := len(l.Checks) - 1; more > 0 {
		text += fmt.Sprintf(" (and %s)", counted(more, "more check"))
	}
	return text
}

func (r *RubricReport) versions() string {
	if r.VersionBefore == "" {
		return r.VersionAfter + ", which is new"
	}
	if r.VersionBefore == r.VersionAfter {
		return r.VersionAfter + ", before and after"
	}
	return r.VersionBefore + " → " + r.VersionAfter
}

// String tells what an evaluation asks.
func (a Asking) String() string {
	text := counted(a.Queries, "query")
	if a.Samples > 0 {
		text += " that read " + counted(int(math.Round(a.Samples)), "sample")
	}
	return text
}

// names returns the names of both, with what stands for none last.
func names(a, b []Count) []string {
	var out []string
	seen := map[string]bool{}
	for _, list := range [][]Count{a, b} {
		for _, c := range list {
			if !seen[c.Name] {
				seen[c.Name] = true
				out = append(out, c.Name)
			}
		}
	}
	if i := slices.Index(out, noLevel); i >= 0 {
		out = append(slices.Delete(out, i, i+1), noLevel)
	}
	return out
}

func countOf(list []Count, name string) int {
	for _, c := range list {
		if c.Name == name {
			return c.Count
		}
	}
	return 0
}

// share returns which part of all scorecards is counted.
func share(d *Distribution, of func(*Distribution) int) string {
	if d.Scorecards == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(of(d))/float64(d.Scorecards))
}

func writeList(b *strings.Builder, what string, list []string) {
	if len(list) > 0 {
		fmt.Fprintf(b, "%s: %s\n", what, strings.Join(list, ", "))
	}
}

func meanText(v *float64) string {
	if v == nil {
		return "-"
	}
	return scorecard.RoundScore(*v)
}

func levelName(level string) string {
	if level == "" {
		return noLevel
	}
	return level
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// counted returns a number with its noun.
func counted(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ie"
	}
	return thousands(int64(n)) + " " + noun + "s"
}

// thousands writes a number that is not negative in groups of three digits.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func verb(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + one
	case 1:
		return "1 " + one
	}
	return thousands(int64(n)) + " " + many
}
