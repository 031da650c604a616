package main

import (
	"fmt"
	"time"

	"github.com/apgarhq/apgar/internal/app"
)

type evaluateCommand struct {
	Services   []string `arg:"" optional:"" name:"service" help:"Services to evaluate, as namespace/name or name; none for all."`
	ConfigFile string   `name:"config.file" default:"apgar.yml" help:"Configuration file." type:"path"`
	Time       instant  `help:"Evaluate this instant (RFC 3339); the default is now." placeholder:"TIME"`
	Output     string   `short:"o" default:"table" enum:"table,json" help:"Output: table or json."`
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
		ConfigFile: c.ConfigFile, Services: c.Services, Time: c.Time.Time, JSON: c.Output == "json",
		Logger: p.log, Out: p.out, Err: p.err,
	})
}

// instant is a time on the command line.
type instant struct{ time.Time }

// UnmarshalText reads RFC 3339, and says what that looks like.
func (i *instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("%q is no instant in RFC 3339: write e.g. 2026-11-23T12:00:00Z", text)
	}
	i.Time = t
	return nil
}
