package rubrictest

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
)

// Write tells of an outcome: one line, and below it what was not met.
func (o *Outcome) Write(w io.Writer) error {
	if len(o.Failures) == 0 {
		_, err := fmt.Fprintf(w, "ok    %s: %s\n", o.Position.File, o.Test)
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "FAIL  %s: %s\n", o.Position.File, o.Test)
	for _, f := range o.Failures {
		f.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *Failure) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s: %s\n", f.Position, f.What)
	if f.Expected != "" {
		fmt.Fprintf(b, "      expected  %s\n", f.Expected)
	}
	fmt.Fprintf(b, "      got       %s\n", f.Got)
	if f.Message != "" {
		fmt.Fprintf(b, "      because   %s\n", f.Message)
	}
}

// The elements of a report in JUnit's format, as far as readers agree on it.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Seconds  string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Seconds  string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string       `xml:"name,attr"`
		Class   string       `xml:"classname,attr"`
		File    string       `xml:"file,attr"`
		Line    int          `xml:"line,attr"`
		Seconds string       `xml:"time,attr"`
		Failure *junitReason `xml:"failure"`
		Error   *junitReason `xml:"error"`
	}
	junitReason struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the outcomes, which come file by file, as a report in
// JUnit's format: a suite for each file, and one for each with mistakes, whose
// tests did not run.
func WriteJUnit(w io.Writer, outcomes []Outcome, problems []catalog.Problem) error {
	report := reportOf(outcomes)
	for _, p := range problems {
		if !p.Warning {
			report.mistake(p)
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing a JUnit report: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("writing a JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("writing a JUnit report: %w", err)
	}
	return nil
}

// reportOf tells of the tests that ran.
func reportOf(outcomes []Outcome) *junitReport {
	report := &junitReport{Tests: len(outcomes)}
	all, suite := time.Duration(0), time.Duration(0)
	for i := range outcomes {
		o := &outcomes[i]
		if n := len(report.Suites); n == 0 || report.Suites[n-1].Name != o.Position.File {
			report.Suites, suite = append(report.Suites, junitSuite{Name: o.Position.File}), 0
		}
		s := &report.Suites[len(report.Suites)-1]
		one := junitCase{Name: o.Test, Class: o.Position.File, File: o.Position.File, Line: o.Position.Line, Seconds: inSeconds(o.Took)}
		if len(o.Failures) > 0 {
			one.Failure = o.junit()
			s.Failures++
			report.Failures++
		}
		all, suite = all+o.Took, suite+o.Took
		s.Tests, s.Seconds, s.Cases = s.Tests+1, inSeconds(suite), append(s.Cases, one)
	}
	report.Seconds = inSeconds(all)
	return report
}

// mistake tells of a mistake: those of a file are one error, as of a test that
// could not be run.
func (r *junitReport) mistake(p catalog.Problem) {
	name := p.Position.File
	i := slices.IndexFunc(r.Suites, func(s junitSuite) bool { return s.Name == name && s.Errors > 0 })
	if i < 0 {
		one := junitCase{Name: "it can be read", Class: name, File: name, Line: p.Position.Line, Seconds: inSeconds(0)}
		one.Error = &junitReason{Message: p.Message, Type: "mistake", Text: "\n"}
		r.Suites = append(r.Suites, junitSuite{Name: name, Tests: 1, Errors: 1, Seconds: inSeconds(0), Cases: []junitCase{one}})
		r.Tests, r.Errors, i = r.Tests+1, r.Errors+1, len(r.Suites)-1
	}
	r.Suites[i].Cases[0].Error.Text += p.Error() + "\n"
}

// junit puts the failures of a test into one element, as readers expect.
func (o *Outcome) junit() *junitReason {
	var b strings.Builder
	for _, f := range o.Failures {
		f.write(&b)
	}
	first := o.Failures[0]
	message := first.What + ": got " + first.Got
	if first.Expected != "" {
		message = fmt.Sprintf("%s: expected %s, got %s", first.What, first.Expected, first.Got)
	}
	return &junitReason{Message: message, Type: "expectation", Text: "\n" + b.String()}
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
