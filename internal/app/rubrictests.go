package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/internal/rubrictest"
	"github.com/apgarhq/apgar/rubric"
)

// TestOptions are those of the test command.
type TestOptions struct {
	Files   []string       // files, folders and globs
	Run     *regexp.Regexp // names of the tests to run; nil: all
	JUnit   string         // file for a report in JUnit's format, or ""
	Timeout time.Duration  // of each test
	Out     io.Writer
}

// ErrTestsFailed says that tests failed, as was printed.
var ErrTestsFailed = errors.New("tests failed")

// TestRubrics runs the unit tests of rubrics and prints a line for each, and
// what was not met. A mistake in one file keeps its tests from running, and no
// others.
func TestRubrics(ctx context.Context, o TestOptions) error {
	paths, problems := file.ExpandOnly(o.Files, "", rubric.IsTestFile)
	var outcomes []rubrictest.Outcome
	for _, path := range paths {
		f, found := rubrictest.Load(path)
		problems = append(problems, found...)
		if f == nil {
			continue
		}
		for _, t := range f.Tests {
			if o.Run != nil && !o.Run.MatchString(t.Name) {
				continue
			}
			outcome := f.Run(ctx, t, o.Timeout)
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("running test %q of %s: %w", t.Name, path, err)
			}
			if err := outcome.Write(o.Out); err != nil {
				return fmt.Errorf("writing what came of the tests: %w", err)
			}
			outcomes = append(outcomes, outcome)
		}
	}
	concluded := o.conclude(problems, outcomes)
	if err := o.writeJUnit(outcomes, problems); err != nil {
		return err
	}
	return concluded
}

// conclude prints the mistakes and how many tests failed.
func (o TestOptions) conclude(problems []catalog.Problem, outcomes []rubrictest.Outcome) error {
	mistakes := CheckOptions{Out: o.Out}.report(problems)
	failed := 0
	for i := range outcomes {
		if len(outcomes[i].Failures) > 0 {
			failed++
		}
	}
	switch {
	case len(outcomes) == 0 && mistakes == nil && o.Run != nil:
		return fmt.Errorf("no test has a name that matches --run=%s", o.Run)
	case failed > 0:
		say(o.Out, "%s, %d failed", count(len(outcomes), "test"), failed)
		return ErrTestsFailed
	case mistakes == nil:
		say(o.Out, "%s passed", count(len(outcomes), "test"))
	}
	return mistakes
}

func (o TestOptions) writeJUnit(outcomes []rubrictest.Outcome, problems []catalog.Problem) error {
	if o.JUnit == "" {
		return nil
	}
	var b bytes.Buffer
	if err := rubrictest.WriteJUnit(&b, outcomes, problems); err != nil {
		return err
	}
	if err := os.WriteFile(o.JUnit, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	return nil
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
