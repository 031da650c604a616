package main

import (
	"time"

	"github.com/apgarhq/apgar/internal/app"
)

type backtestCommand struct {
	Rubric     string        `required:"" help:"Rubric file to try. A rubric replaces that of the same name, or is added." type:"path" placeholder:"FILE"`
	From       instant       `help:"First instant (RFC 3339); the default is a day before the last." placeholder:"TIME"`
	To         instant       `help:"Last instant (RFC 3339); the default is now." placeholder:"TIME"`
	Step       time.Duration `default:"5m" help:"Time between two instants that are compared: a multiple of 5m, or the evaluation_interval."`
	ConfigFile string        `name:"config.file" default:"apgar.yml" help:"Configuration file." type:"path"`
	Output     string        `short:"o" default:"table" enum:"table,json,html" help:"Output: table, json or html."`
}

// Help explains the steps and the exit status.
func (c *backtestCommand) Help() string {
	return `The past is read from the sources and graded every 5 minutes, or every
evaluation_interval if that is the step, by the rubrics of the configuration and
by those of the file; see docs/backtest.md. With -o html, redirect the output to
a file: it is one page with plots. Exits with 2 when a source did not answer
everything: what was printed is then true, and incomplete.`
}

// Run replays and prints.
func (c *backtestCommand) Run(p *process) error {
	return app.Backtest(p.ctx, app.BacktestOptions{
		ConfigFile: c.ConfigFile, RubricFile: c.Rubric, From: c.From.Time, To: c.To.Time, Step: c.Step, Output: c.Output,
		Logger: p.log, Out: p.out, Err: p.err,
	})
}
