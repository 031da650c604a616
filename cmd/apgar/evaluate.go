package main

import (
	"time"

	"github.com/apgarhq/apgar/internal/app"
)

type evaluateCommand struct {
	Services   []string  `arg:"" optional:"" name:"service" help:"Services to evaluate, as namespace/name or name; none for all."`
	ConfigFile string    `name:"config.file" default:"apgar.yml" help:"Configuration file." type:"path"`
	Time       time.Time `help:"Evaluate this instant (RFC 3339); the default is now." format:"2006-01-02T15:04:05Z07:00"`
	Output     string    `short:"o" default:"table" enum:"table,json" help:"Output: table or json."`
}

// Help explains the exit status.
func (c *evaluateCommand) Help() string {
	return `Windows are read from the sources into memory, so the result depends on nothing
else: no state is used, and none is kept. Exits with 2 when a source did not
answer everything: what was printed is then true, and incomplete.`
}

// Run evaluates and prints.
func (c *evaluateCommand) Run(p *process) error {
	return app.Evaluate(p.ctx, app.EvaluateOptions{
		ConfigFile: c.ConfigFile, Services: c.Services, Time: c.Time, JSON: c.Output == "json",
		Logger: p.log, Out: p.out, Err: p.err,
	})
}
