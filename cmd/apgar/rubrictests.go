package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/apgarhq/apgar/internal/app"
)

type testCommand struct {
	Files   []string      `arg:"" name:"file" help:"Test files, folders or globs."`
	Only    pattern       `name:"run" help:"Run only the tests whose name this regular expression matches." placeholder:"REGEXP"`
	JUnit   string        `name:"junit" help:"Also write a report in JUnit's format to this file." type:"path" placeholder:"FILE"`
	Timeout time.Duration `default:"2m" help:"A test that takes longer has failed."`
}

// Help says what a test file is.
func (c *testCommand) Help() string {
	return `A test file gives series in Prometheus' test notation, catalog entries, and how
services are graded at given times: see docs/rubric-tests.md. The questions are
those of the service, the answers those of Prometheus' query engine. Exits with
1 when a test fails or a file has a mistake.`
}

// Run runs the tests and prints what came of them.
func (c *testCommand) Run(p *process) error {
	return app.TestRubrics(p.ctx, app.TestOptions{Files: c.Files, Run: c.Only.Regexp, JUnit: c.JUnit, Timeout: c.Timeout, Out: p.out})
}

// pattern is a regular expression on the command line.
type pattern struct{ *regexp.Regexp }

// UnmarshalText compiles it.
func (p *pattern) UnmarshalText(text []byte) error {
	compiled, err := regexp.Compile(string(text))
	if err != nil {
		return fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	p.Regexp = compiled
	return nil
}
